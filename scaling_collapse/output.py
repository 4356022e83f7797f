"""`Answer`: how a verb gives its answer, the same way for all of them.

For people on standard output, unless `--json -` claims it; for machines as JSON; and as files: everything into the
folder of `--out`, one table into `--table`. What cannot be written is refused before any work is done. Progress and
errors go to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .common import InputError, plain

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
        given = [Path(self.to.json)] if self.to.json not in (None, "-") else []
        given += [] if self.table is None else [self.table]
        for path in given:
            if not path.parent.is_dir():
                raise InputError(f"cannot write {path}: there is no folder {path.parent}. Choose another place.")
        if self.to.out is not None and self.to.out.exists() and not self.to.out.is_dir():
            raise InputError(
                f"cannot make the folder {self.to.out}: a file of that name is there. Choose another place."
            )
        read = {_identity(path) for source in inputs for path in _files_of(source)}
        for path in [*given, *files]:
            if path.is_file():  # devices and pipes are written to, not replaced
                if _identity(path) in read:
                    raise InputError(f"{self.verb} does not write onto its own input {path}. Choose another place.")
                if not self.to.overwrite:
                    raise InputError(
                        f"{self.verb} needs --overwrite to replace {path}, which exists. Add it, or name another place."
                    )

    def say(self, *lines: str) -> None:
        """Lines for people."""
        if not self.quiet:
            sys.stdout.write("".join(line + "\n" for line in lines))

    def show(self, title: str, columns: list[str], rows: list[list[str]]) -> None:
        """A table for people."""
        if self.quiet:
            return
        from rich import box
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
        for i, name in enumerate(columns):
            table.add_column(escape(name), justify="left" if i == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*map(escape, row))
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
        if result is not None and self.to.json is not None:
            if self.quiet:
                sys.stdout.write(_json(result))
            else:
                written.append(write_atomically(self.to.json, _json(result).encode()))
        if table is not None and self.table is not None:
            written.append(table(self.table))
        if self.to.out is not None:
            contents = {name: make() for name, make in (files or {}).items()}  # all of it is made before any is written
            folder = ensure_folder(self.to.out)
            if table is not None:
                written.append(table(folder / table_name))
            if result is not None:
                written.append(write_atomically(folder / REPORT, _json(result).encode()))
            written += [write_atomically(folder / name, content) for name, content in contents.items()]
        self.say(*(f"wrote {path}" for path in written))


def _json(result: Mapping[str, Any]) -> str:
    return json.dumps(plain(dict(result)), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _files_of(source: Path) -> Iterator[Path]:
    if source.is_dir():
        yield from (path for path in source.rglob("*") if path.is_file())
    elif source.exists():
        yield source


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
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=1.0)
        yield lambda fraction, message: bar.update(task, completed=fraction, description=message or description)
