"""`Answer`: how a verb gives its answer, the same way for all of them.

For people on standard output, unless `--json -` claims it; for machines as JSON; and as files: everything into the
folder of `--out`, one table into `--table`. What cannot be written is refused before any work is done, and so is what
would replace an input, or, without `--overwrite`, anything at all. Progress, warnings and errors go to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .common import InputError, plain, without_commands

__all__ = ["NOWHERE", "NO_TABLE", "Answer", "Outputs", "TableOutputs", "progress_bar"]

REPORT = "report.json"
TABLE_ENDINGS = (".parquet", ".csv", ".jsonl")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where a verb's answer goes, besides the terminal."""

    out: Annotated[Path | None, Parameter(help="A folder for everything: report.json, pictures, tables.")] = None
    json: Annotated[
        str | None,
        Parameter(
            name="--json",
            allow_leading_hyphen=True,
            help="The result for machines; - is standard output.",
        ),
    ] = None
    overwrite: Annotated[bool, Parameter(negative="", help="Replace outputs that exist; never an input.")] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TableOutputs(Outputs):
    """The same with one table."""

    table: Annotated[Path | None, Parameter(help="One table: a name that ends in .parquet, .csv or .jsonl.")] = None


NOWHERE, NO_TABLE = Outputs(), TableOutputs()
"""The terminal alone."""


class Answer:
    """What a verb says and writes.

    Parameters
    ----------
    verb
        Its name, for sentences.
    to
        The options that say where.
    inputs
        The files and folders that it reads: no output replaces one of them.
    files
        Names of the files that will be written into the folder of `--out`, `report.json` besides.
    """

    def __init__(self, verb: str, to: Outputs, *, inputs: Iterable[Path] = (), files: Iterable[str] = ()) -> None:
        self.verb, self.to = verb, to
        self.table: Path | None = getattr(to, "table", None)
        self.quiet = to.json == "-"
        self._check([] if to.out is None else [to.out / name for name in (REPORT, *files)], list(inputs))

    def _check(self, files: list[Path], inputs: list[Path]) -> None:
        if self.table is not None and self.table.suffix not in TABLE_ENDINGS:
            raise InputError(
                f"{self.verb} needs --table to end in {', '.join(TABLE_ENDINGS[:-1])} or {TABLE_ENDINGS[-1]}; got "
                f"{self.table.name}. Rename it."
            )
        for path in inputs:
            try:
                os.stat(path)
            except FileNotFoundError:  # an example, or the reader says which name it misses
                pass
            except OSError as error:
                raise InputError(f"{self.verb} cannot read {path}: {error.strerror}. Check the name.") from None
        given = [Path(self.to.json)] if self.to.json not in (None, "-") else []
        given += [] if self.table is None else [self.table]
        for path in given:
            if (reason := _why_not(path)) is not None:
                raise InputError(f"cannot write {path}: {reason}. Choose another place.")
        if self.to.out is not None and os.path.lexists(self.to.out) and not os.path.isdir(self.to.out):
            raise InputError(
                f"cannot make the folder {self.to.out}: a file of that name is there. Choose another place."
            )
        self._spare([*given, *files], inputs)

    def _spare(self, outputs: list[Path], inputs: list[Path]) -> None:
        """Refuse to replace an input, a file without `--overwrite`, or one output by another."""
        from .empirical.tables.files import open_handle_of

        places = Counter(map(os.path.realpath, outputs))
        for path in outputs:
            if places[os.path.realpath(path)] > 1 and path.name != REPORT:
                raise InputError(
                    f"{self.verb} needs a file for each output; got {path} for several. Choose another place."
                )
        # Devices, pipes and open handles are written to, not replaced.
        there = [path for path in outputs if os.path.isfile(path) and open_handle_of(path) is None]
        read = {_identity(path) for source in inputs for path in _files_of(source)} if there else set()
        for path in there:
            if _identity(path) in read:
                raise InputError(f"{self.verb} does not write onto its own input {path}. Choose another place.")
            if not self.to.overwrite:
                raise InputError(
                    f"{self.verb} needs --overwrite to replace {path}, which exists. Add it, or name another place."
                )

    def say(self, *lines: str) -> None:
        """Lines for people."""
        if not self.quiet:
            sys.stdout.write("".join(without_commands(line) + "\n" for line in lines))

    def show(self, title: str, columns: list[str], rows: list[list[str]]) -> None:
        """A table for people."""
        if self.quiet:
            return
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        def text(cell: str) -> Text:  # names may hold brackets: no markup
            return Text(without_commands(cell, one_line=True))

        table = Table(title=text(title), title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
        for i, name in enumerate(columns):
            table.add_column(text(name), justify="left" if i == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*map(text, row))
        Console(file=sys.stdout, highlight=False).print(table)

    def write(
        self,
        result: Mapping[str, Any] | None = None,
        *,
        files: Mapping[str, Callable[[], bytes]] | None = None,
        table: Callable[[Path], Path] | None = None,
        table_name: str = "",
    ) -> None:
        """Write the result as JSON, the table, and the files; then say what was written.

        Parameters
        ----------
        result
            For JSON.
        files
            What goes into the folder of `--out`: name, and what makes the content.
        table, table_name
            Writes the one table to a path; its name in the folder.
        """
        from .empirical.tables.files import ensure_folder, write_atomically

        written: list[Path] = []
        content = b"" if result is None else _json(result)
        if self.quiet:
            sys.stdout.write(content.decode())
        elif content and self.to.json is not None:
            written.append(write_atomically(self.to.json, content))
        if table is not None and self.table is not None:
            written.append(table(self.table))
        if self.to.out is not None:
            folder = ensure_folder(self.to.out)
            if content:
                written.append(write_atomically(folder / REPORT, content))
            if table is not None:
                written.append(table(folder / table_name))
            for name, make in (files or {}).items():  # last: a picture that fails takes no number with it
                if (picture := self._made(name, make)) is not None:
                    written.append(write_atomically(folder / name, picture))
        self.say(*(f"wrote {path}" for path in written))

    def _made(self, name: str, make: Callable[[], bytes]) -> bytes | None:
        """The content of a file, or None and a warning where it cannot be made."""
        try:
            return make()
        except Exception as error:  # whatever a drawing library raises on numbers that nobody foresaw
            sys.stderr.write(
                without_commands(
                    f"warning: {self.verb} could not make {name}: {error} ({type(error).__name__})", one_line=True
                )
                + "\n"
            )
            return None


def _json(result: Mapping[str, Any]) -> bytes:
    text = json.dumps(plain(dict(result)), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")  # a half of a character becomes the escape that JSON has for it


def _why_not(path: Path) -> str | None:
    """Why nothing can be written to `path`; None where something can."""
    try:
        if os.path.isdir(path):
            return "it is a folder"
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        os.lstat(path)
    except FileNotFoundError:
        return None if os.access(path.parent, os.W_OK) else "its folder cannot be written"
    except OSError as error:
        return str(error.strerror)
    return None


def _files_of(source: Path) -> Iterator[Path]:
    """Every file that a source stands for, those of a folder at any depth, examples by their own names."""
    from .empirical.tables.example_tables import example_files

    for path in example_files(source) or [source]:
        if os.path.isdir(path):
            yield from (p for folder, _, names in os.walk(path) for n in names if os.path.isfile(p := Path(folder, n)))
        elif os.path.exists(path):
            yield path


def _identity(path: Path) -> tuple[int, int]:
    status = os.stat(path)  # links followed: two names of one file are one file
    return status.st_dev, status.st_ino


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[float, str], None]]:
    """A live bar on standard error, silent where that is not a terminal: call it with (fraction done, message)."""
    if not sys.stderr.isatty():
        yield lambda fraction, message: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=1.0)

        def tell(fraction: float, message: str) -> None:
            shown = without_commands(message or description, one_line=True)
            bar.update(task, completed=fraction, description=shown)

        yield tell
