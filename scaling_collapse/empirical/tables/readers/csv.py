"""Curve tables in CSV files, with a header."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from ....common import InputError
from ..columns import NUMERIC, TEXT

__all__ = ["read"]

NULLS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]


def read(path: Path) -> pa.Table:
    """All rows; the contract's columns as numbers and text, others as pyarrow infers them."""
    if path.stat().st_size == 0:
        raise InputError(f"read_curves needs a header and rows; got the empty file {path}. Export it again.")
    try:
        return _read(path, dict.fromkeys(NUMERIC, pa.float64()))
    except pa.ArrowInvalid as error:
        if "conversion error" not in str(error):
            raise
    # Some cell is not a number: as text, so that whoever converts the column can name it.
    return _read(path, dict.fromkeys(NUMERIC, pa.string()))


def _read(path: Path, numeric: dict[str, pa.DataType]) -> pa.Table:
    convert = pc.ConvertOptions(
        column_types=numeric | dict.fromkeys(TEXT, pa.string()), null_values=NULLS, strings_can_be_null=True
    )
    return pc.read_csv(path, convert_options=convert)
