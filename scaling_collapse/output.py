"""What every verb shares: JSON for machines, tables and progress for people, and where each of them goes.

Results for people go to standard output, unless `--json -` claims it; progress and errors go to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .common import plain

__all__ = ["announce", "print_table", "progress_bar", "write_files", "write_json"]


def write_json(result: dict[str, Any], target: str | None) -> None:
    """Write `result` to a file, or to standard output where `target` is `-`; nothing where it is None."""
    if target is None:
        return
    text = json.dumps(plain(result), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    from .empirical.tables.files import write_atomically

    write_atomically(target, text.encode())


def write_files(folder: Path | None, files: dict[str, Callable[[], bytes]]) -> list[Path]:
    """Make every file's content first, then write them all into `folder`, each under its name."""
    if folder is None:
        return []
    from .empirical.tables.files import ensure_folder, write_atomically

    contents = {name: make() for name, make in files.items()}
    ensure_folder(folder)
    return [write_atomically(folder / name, content) for name, content in contents.items()]


def announce(text: str, json_target: str | None) -> None:
    """A line for people, unless standard output belongs to the JSON."""
    if json_target != "-":
        sys.stdout.write(text + "\n")


def print_table(title: str, columns: list[str], rows: list[list[str]], json_target: str | None) -> None:
    """A table for people, unless standard output belongs to the JSON."""
    if json_target == "-":
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(file=sys.stdout, highlight=False).print(table)


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
