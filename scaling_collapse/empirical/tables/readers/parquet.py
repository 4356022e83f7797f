"""Curve tables in Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .reader import Reader

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PARQUET"]


def _rows(path: Path) -> pa.Table:
    """All rows and columns of the file."""
    import pyarrow.parquet as pq

    # A ParquetFile reads this one file: no partition columns are made up from the folder names.
    with pq.ParquetFile(path) as file:
        return file.read()


PARQUET = Reader(endings=(".parquet",), rows=_rows)
