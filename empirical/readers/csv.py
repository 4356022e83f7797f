"""Curve tables in CSV files, with a header."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from ...theory import InputError
from ..columns import NUMERIC, TEXT, first_bad_cell

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
    # One cell is not a number: read the same columns as text to name it.
    table = _read(path, dict.fromkeys(NUMERIC, pa.string()))
    for name in table.column_names:
        if name in NUMERIC and (bad := first_bad_cell(table.column(name))) is not None:
            row, value = bad
            raise InputError(
                f"read_curves needs a number in every cell of column {name!r}; got {value!r} in row {row + 1} of "
                f"{path}. Mend or remove that row."
            )
    raise InputError(f"read_curves cannot read {path} as csv. Export it again.")


def _read(path: Path, numeric: dict[str, pa.DataType]) -> pa.Table:
    convert = pc.ConvertOptions(
        column_types=numeric | dict.fromkeys(TEXT, pa.string()), null_values=NULLS, strings_can_be_null=True
    )
    return pc.read_csv(path, convert_options=convert)
