"""trackio: its SQLite database, one per project; read without the library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ....common import InputError
from ..log import Log, flat
from ..source_file import SourceFile
from .logged_rows import logged_number, table_of_rows
from .reader import Reader
from .sqlite import is_database_with, open_database

__all__ = ["TRACKIO"]


def _reads(file: SourceFile) -> bool:
    return is_database_with(file, {"metrics", "configs"})


def _log(files: Sequence[SourceFile]) -> Log:
    """One row per call of `log`; runs of one name are told apart by their identifier, where there is one."""
    (file,) = files
    with open_database(file) as database:
        columns = {row[1] for row in database.execute("PRAGMA table_info(metrics)")}
        key = "run_id" if "run_id" in columns else "run_name"
        names = _names(database.execute(f"SELECT DISTINCT {key}, run_name FROM metrics").fetchall())
        rows = [
            {"run": names[run], "step": step} | _metrics(text, file.name)
            for run, step, text in database.execute(f"SELECT {key}, step, metrics FROM metrics ORDER BY id")
        ]
        settings = {
            names[run]: flat(_object(text, file.name))
            for run, text in database.execute(f"SELECT {key}, config FROM configs")
            if run in names
        }
    if not rows:
        raise InputError(f"read_curves needs a run that logged something; got no metrics in {file.name}. Leave it out.")
    return Log(table=table_of_rows(rows), settings=settings)


def _names(runs: list[tuple[Any, Any]]) -> dict[Any, str]:
    given = [name for _, name in runs]
    return {run: str(name) if given.count(name) == 1 else f"{name} {str(run)[:8]}" for run, name in runs}


def _metrics(text: str | bytes, source: str) -> dict[str, Any]:
    found = {str(k): logged_number(v) for k, v in _object(text, source).items()}
    return {k: v for k, v in found.items() if v is None or isinstance(v, int | float)}


def _object(text: str | bytes, source: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(
            f"read_curves needs JSON objects in the database; got {text[:40]!r} in {source}. The file is damaged."
        )
    return found


TRACKIO = Reader(what="trackio", reads=_reads, log=_log, rank=2)
