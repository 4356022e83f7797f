"""`write_curves`: a ladder as a curve table that `read_curves` reads back unchanged."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from ...common import InputError, Source
from ...theory import Ladder
from .column_seal import sealed
from .files import write_atomically
from .spreadsheet_text import spreadsheet_text

__all__ = ["curve_table", "write_curves", "write_table"]


def curve_table(ladder: Ladder | Source) -> Any:
    """The ladder as a pyarrow Table: one row per point, run-level values repeated; absent values are null."""
    return Ladder.of(ladder).to_frame()


def write_curves(ladder: Ladder | Source, path: str | os.PathLike[str]) -> Path:
    """Write the ladder as Parquet, CSV or JSON Lines, by the ending of `path`; all of it or nothing.

    Parameters
    ----------
    ladder
        The curves; a table that is read first, by its path or as a frame, is written mended.
    path
        A name that ends in .parquet, .csv or .jsonl.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    return write_table(curve_table(ladder), Path(path), "write_curves")


def write_table(table: Any, path: Path, name: str) -> Path:
    """Write a pyarrow Table by the ending of `path`, all of it or nothing; `name` is who refuses another ending."""
    buffer = io.BytesIO()
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(sealed(table), buffer, compression="zstd", write_page_checksum=True)
    elif path.suffix == ".csv":
        import pyarrow.csv as pc

        pc.write_csv(spreadsheet_text(table), buffer)
    elif path.suffix == ".jsonl":
        import json

        for row in table.to_pylist():
            buffer.write(json.dumps({k: v for k, v in row.items() if v is not None}).encode() + b"\n")
    else:
        raise InputError(f"{name} needs a name ending in .parquet, .csv or .jsonl; got {path.name}. Rename it.")
    return write_atomically(path, buffer.getvalue())
