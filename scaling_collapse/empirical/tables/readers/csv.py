"""Curve tables in CSV files, with a header."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from ....common import InputError
from ..columns import NUMERIC, TEXT
from .reader import Reader

__all__ = ["CSV"]

NULLS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]


def _rows(path: Path) -> pa.Table:
    """All rows; the contract's columns as numbers and text, others as pyarrow infers them."""
    if path.stat().st_size == 0:
        raise InputError(f"read_curves needs a header and rows; got the empty file {path}. Export it again.")
    try:
        return _read(path, pa.float64())
    except pa.ArrowInvalid:
        # If a cell is not a number: as text, so that whoever converts the column can name it. Any other fault stays.
        return _read(path, pa.string())


def _read(path: Path, number: pa.DataType) -> pa.Table:
    import pyarrow.csv as pc

    types = dict.fromkeys(NUMERIC, number) | dict.fromkeys(TEXT, pa.string())
    convert = pc.ConvertOptions(column_types=types, null_values=NULLS, strings_can_be_null=True)
    return pc.read_csv(path, convert_options=convert)


CSV = Reader(endings=(".csv",), rows=_rows)
