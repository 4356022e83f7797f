"""Curve tables in Parquet files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["read"]


def read(path: Path) -> pa.Table:
    """All rows and columns of the file."""
    # A ParquetFile reads this one file: no partition columns are made up from the folder names.
    with pq.ParquetFile(path) as file:
        return file.read()
