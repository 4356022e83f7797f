"""SQLite databases of trackers: opened for reading alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ....common import InputError
from ..source_file import SourceFile

__all__ = ["is_database_with", "open_database"]

MAGIC = b"SQLite format 3\0"


def is_database_with(file: SourceFile, tables: set[str]) -> bool:
    """Whether a file is a database that has these tables."""
    if not file.head.startswith(MAGIC):
        return False
    try:
        with open_database(file) as database:
            return tables <= {
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
    except InputError:
        return False


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


@contextmanager
def open_database(file: SourceFile) -> Iterator[sqlite3.Connection]:
    """The database; its errors in one sentence."""
    try:
        database = sqlite3.connect(f"{file.path.resolve().as_uri()}?mode=ro", uri=True)
        database.text_factory = _text
        try:
            database.execute("PRAGMA trusted_schema = OFF")
            yield database
        finally:
            database.close()
    except (sqlite3.Error, UnicodeError) as error:
        raise InputError(
            f"read_curves cannot read {file.name} as a database: {error}. If a program still writes to it, copy it "
            "first; else it is damaged."
        ) from None
