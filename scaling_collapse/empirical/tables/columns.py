"""The curve table's columns: which there are, what they mean, and how a column becomes a clean array.

One row per logged point. Required: `run`, `params`, `loss` and one of `tokens`, `step`.

| column | unit | meaning |
|---|---|---|
| `run` | text | name of the run |
| `params` | count | parameters p |
| `loss` | loss | L |
| `tokens` | tokens or examples | t, seen so far |
| `step` | optimizer steps | with `batch_size` (x `sequence_length`) it gives tokens; alone, relative progress |
| `seed` | integer | omega |
| `lr` | rate | eta, peak value included |
| `compute` | FLOPs | C, default 6 x params x tokens |
| `noise_trace` | - | Tr Sigma of the preconditioned minibatch gradient |
| `schedule` | text | name of the learning-rate schedule |
| `horizon_tokens` | tokens | where training ends, t* unless `optimal_compute` says otherwise |
| `optimal_compute` | FLOPs | C at the compute-optimal horizon |
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...common import Array, InputError, parse_number

__all__ = ["NUMERIC", "TEXT", "is_number", "number_column", "numbers_of", "text_column"]

NUMERIC = frozenset(
    {
        "params", "loss", "tokens", "step", "batch_size", "sequence_length", "seed", "lr", "compute",
        "noise_trace", "horizon_tokens", "optimal_compute",
    }
)  # fmt: skip
TEXT = frozenset({"run", "schedule"})
COUNTS = NUMERIC - {"loss", "lr", "seed", "noise_trace"}
"""Columns that may be written as 125M."""
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")


def is_number(kind: pa.DataType) -> bool:
    """Whether the cells of a column are numbers (or true and false)."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """One array without dictionary encoding."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # an empty table has no chunk to return
        array = pa.array([], column.type)
    if pa.types.is_dictionary(array.type):  # decoded by hand: pyarrow cannot decode every kind of index and text
        words = array.dictionary
        words = words.cast(pa.large_string()) if _is_text(words.type) else words
        array = words.take(array.indices.cast(pa.int64()))
    return array


def numbers_of(texts: list[str | None], *, counts: bool = False) -> tuple[Array, int | None]:
    """Texts as numbers, missing ones NaN; and the index of the first that is none.

    >>> numbers_of(["1.5", "125M", None, "1,000"], counts=True)
    (array([1.50e+00, 1.25e+08, nan, 1.00e+03]), None)
    >>> numbers_of(["1.5", "x"])[1]
    1
    """
    values = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        try:
            if text is not None and text.strip():
                values[i] = _count(text) if counts else float(text)
        except ValueError:
            return values, i
    return values, None


def _count(text: str) -> float:
    text = text.strip()
    if text.lower() == "nan":
        return np.nan
    return parse_number(text.replace(",", "") if THOUSANDS.fullmatch(text) else text)


def number_column(table: pa.Table, name: str, source: str) -> Array:
    """The column as float64, nulls as NaN, shape (rows,)."""
    array = _plain(table.column(name))
    if _is_text(array.type):
        values, bad = numbers_of(array.cast(pa.large_string()).to_pylist(), counts=name in COUNTS)
        if bad is not None:
            raise InputError(
                f"read_curves needs a number in every cell of column {name!r}; got {array[bad].as_py()!r} in row "
                f"{bad + 1} of {source}. Mend or remove that row."
            )
        return values
    try:
        values = array.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"read_curves needs numbers in column {name!r}; got {array.type} in {source}. Convert the column."
        ) from None
    return values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)


def text_column(table: pa.Table, name: str, source: str) -> NDArray[Any]:
    """The column as an object array of str, nulls as "", shape (rows,)."""
    array = _plain(table.column(name))
    try:
        array = array.cast(pa.large_string()).fill_null("")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"read_curves needs text in column {name!r}; got {array.type} in {source}. Convert the column."
        ) from None
    return array.to_numpy(zero_copy_only=False)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
