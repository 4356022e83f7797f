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

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...common import Array, InputError

__all__ = ["NUMERIC", "TEXT", "first_bad_cell", "number_column", "text_column"]

NUMERIC = frozenset(
    {
        "params", "loss", "tokens", "step", "batch_size", "sequence_length", "seed", "lr", "compute",
        "noise_trace", "horizon_tokens", "optimal_compute",
    }
)  # fmt: skip
TEXT = frozenset({"run", "schedule"})


def _undictionaried(column: pa.ChunkedArray) -> pa.Array:
    """One array without dictionary encoding."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # an empty table has no chunk to return
        array = pa.array([], column.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def first_bad_cell(column: pa.ChunkedArray) -> tuple[int, str] | None:
    """The first cell of a text column that is not a number, as (row from 0, text); None where all are."""
    for row, value in enumerate(_undictionaried(column).to_pylist()):
        try:
            float("nan" if value is None else value)
        except (TypeError, ValueError):
            return row, str(value)
    return None


def number_column(table: pa.Table, name: str, source: str) -> Array:
    """The column as float64, nulls as NaN, shape (rows,)."""
    array = _undictionaried(table.column(name))
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        bad = first_bad_cell(table.column(name))
        if bad is not None:
            raise InputError(
                f"read_curves needs a number in every cell of column {name!r}; got {bad[1]!r} in row "
                f"{bad[0] + 1} of {source}. Mend or remove that row."
            )
    try:
        values = array.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"read_curves needs numbers in column {name!r}; got {array.type} in {source}. Convert the column."
        ) from None
    return values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)


def text_column(table: pa.Table, name: str, source: str) -> NDArray[Any]:
    """The column as an object array of str, nulls as "", shape (rows,)."""
    array = _undictionaried(table.column(name))
    try:
        array = array.cast(pa.string()).fill_null("")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"read_curves needs text in column {name!r}; got {array.type} in {source}. Convert the column."
        ) from None
    return array.to_numpy(zero_copy_only=False)
