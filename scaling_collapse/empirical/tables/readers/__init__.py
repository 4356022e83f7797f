"""One reader per kind of file (`reader.py` says how); each says by itself what it reads.

To add a kind: one new file here and one line in `READERS`.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from ....common import InputError, Registry
from ..example_tables import example_files
from .reader import Reader

__all__ = ["READERS", "Reader", "read_table", "table_files"]

READERS: Registry[Reader] = Registry(
    "reader", __name__, {"parquet": "parquet:PARQUET", "csv": "csv:CSV", "jsonl": "jsonl:JSONL"}
)
"""The readers by name; the first that reads a file has it."""


def table_files(path: Path) -> tuple[list[Path], list[Path]]:
    """The curve tables that `path` stands for, and what a folder holds besides: (tables, others).

    `example:NAME` stands for a table that comes with the package.
    """
    if (examples := example_files(path)) is not None:
        return examples, []
    if not path.exists():
        raise InputError(f"read_curves needs a file or folder that exists; got {path}. Check the path.")
    if not path.is_dir():
        return [path], []
    # Hidden files are leftovers of other programs (and our own temporaries), never tables.
    inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    tables = [p for p in inside if p.is_file() and _reader_of(p) is not None]
    if not tables:
        raise InputError(
            f"read_curves needs a folder with {_endings()} files; got none in {path}. Name another folder."
        )
    return tables, [p for p in inside if p not in tables]


def read_table(path: Path) -> pa.Table:
    """The rows of one file as they are, or an `InputError` that says what is wrong with it."""
    name = _reader_of(path)
    if name is None:
        raise InputError(f"read_curves needs a {_endings()} file; got {path.name}. Export the curves as one of these.")
    try:
        return READERS[name].rows(path)
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(
            f"read_curves cannot read {path} as {name}: {reason}. The file is damaged or of another kind; "
            "export it again."
        ) from None
    except OSError as error:
        raise InputError(f"read_curves cannot read {path}: {error.strerror or error}. Check the file.") from None


def _reader_of(path: Path) -> str | None:
    """The name of the reader that reads a file."""
    return next((name for name, reader in READERS.items() if reader.reads(path)), None)


def _endings() -> str:
    return ", ".join(ending for reader in READERS.values() for ending in reader.endings)
