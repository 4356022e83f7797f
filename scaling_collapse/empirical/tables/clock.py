"""What a run counts by: tokens, else steps times the batch, summed up where the batch grows, else bare steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ...theory import Finding
from ...theory.curve import Clock

__all__ = ["clock_of"]


def clock_of(
    columns: Mapping[str, NDArray[Any]], constant: Callable[[str], float | None], *, run: str
) -> tuple[Array, Clock, list[Finding]]:
    """Tokens seen per row, what they count, and a finding where a batch that grows was summed up.

    Parameters
    ----------
    columns
        Of the run, shape (rows,); `tokens` or `step` is among them.
    constant
        The run's single value of a column, or None.
    """
    if "tokens" in columns and not ("step" in columns and np.isnan(columns["tokens"]).all()):
        return columns["tokens"], "tokens", []
    steps = columns["step"]
    batch = columns.get("batch_size")
    if batch is None or np.isnan(batch).all():
        return steps, "steps", []
    length = constant("sequence_length") or 1.0
    given = np.unique(batch[~np.isnan(batch)])
    if given.size == 1:
        return steps * given[0] * length, "tokens", []
    detail = f"the batch goes from {given[0]:g} to {given[-1]:g}: tokens are summed up from row to row"
    found = Finding("batch ramp", "repaired", run, detail, given.size)
    return _summed(steps, batch) * length, "tokens", [found]


def _summed(steps: Array, batch: Array) -> Array:
    """Examples seen at each row: every row's batch holds for the steps since the row before."""
    known = np.isfinite(steps)
    distinct, last = np.unique(steps[known][::-1], return_index=True)
    sizes = batch[known][::-1][last]  # of the last row of each step
    given = np.flatnonzero(~np.isnan(sizes))
    at = np.minimum(np.searchsorted(given, np.arange(sizes.size)), given.size - 1)  # the next row that says it
    seen = np.cumsum(np.diff(distinct, prepend=0.0) * sizes[given[at]])
    examples = np.full(steps.shape, np.nan)
    examples[known] = seen[np.searchsorted(distinct, steps[known])]
    return examples
