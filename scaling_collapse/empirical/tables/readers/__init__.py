"""One reader per kind of file; each has `read(path) -> pyarrow.Table` and refuses what it cannot read by name.

To add a kind: one new file here and one line in `READERS`.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pyarrow as pa

from ....common import InputError

__all__ = ["READERS", "read_table", "table_files"]

READERS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""Reader module by file ending."""


def table_files(path: Path) -> tuple[list[Path], list[Path]]:
    """The curve tables that `path` stands for, and what a folder holds besides: (tables, others)."""
    if not path.exists():
        raise InputError(f"read_curves needs a file or folder that exists; got {path}. Check the path.")
    if not path.is_dir():
        return [path], []
    # Hidden files are leftovers of other programs (and our own temporaries), never tables.
    inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    tables = [p for p in inside if p.is_file() and p.suffix.lower() in READERS]
    if not tables:
        raise InputError(
            f"read_curves needs a folder with {', '.join(READERS)} files; got none in {path}. Name another folder."
        )
    return tables, [p for p in inside if p not in tables]


def read_table(path: Path) -> pa.Table:
    """The rows of one file as they are, or an `InputError` that says what is wrong with it."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"read_curves needs a {', '.join(READERS)} file; got {path.name}. Export the curves as one of these."
        )
    try:
        return importlib.import_module(f".{reader}", __name__).read(path)
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(
            f"read_curves cannot read {path} as {reader}: {reason}. The file is damaged or of another kind; "
            "export it again."
        ) from None
    except OSError as error:
        raise InputError(f"read_curves cannot read {path}: {error.strerror or error}. Check the file.") from None
