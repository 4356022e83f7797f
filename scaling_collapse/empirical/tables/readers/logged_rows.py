"""Tables of rows that programs logged one by one, each with other keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..columns import NUMERIC, TEXT

__all__ = ["logged_number", "table_of_rows"]

SPECIAL = {
    "nan": float("nan"),
    "infinity": float("inf"),
    "-infinity": -float("inf"),
    "inf": float("inf"),
    "-inf": -float("inf"),
}


def logged_number(value: Any) -> Any:
    """A logged value, with the text that some trackers write for NaN and infinities as a number.

    >>> logged_number("Infinity"), logged_number("small"), logged_number(3)
    (inf, 'small', 3)
    """
    return SPECIAL.get(value.lower(), value) if isinstance(value, str) else value


def table_of_rows(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """One column for each key: numbers where all values are, else text; null where a row has none."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column(name, [row.get(name) for row in rows]) for name in names})


def _column(name: str, values: list[Any]) -> pa.Array:
    if name in TEXT or (name not in NUMERIC and any(isinstance(v, str | list | dict) for v in values)):
        return pa.array([None if v is None else _text(v) for v in values], pa.large_string())
    return pa.array([None if v is None else _float(v) for v in values], pa.float64(), from_pandas=False)


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()  # a lone surrogate is no text


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else -float("inf")
