"""`read_targets`: the learning rates of runs to be forecast, read without their losses."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ...common import InputError
from ...theory import Ladder
from .columns import text_column
from .curve_reader import read_curves
from .readers import read_table, table_files

__all__ = ["read_targets"]


def read_targets(source: Any, *, where: Mapping[str, str] | None = None, hindsight: bool = False) -> Ladder:
    """Runs with their learning rates, and a placeholder (the run's number, from 1) where the loss would be.

    The columns `loss` and `noise_trace` are taken off the table before anything is read, so that nothing after this can
    depend on them.

    Parameters
    ----------
    source
        As for `read_curves`; required columns `run`, `params`, `lr` and one of `tokens`, `step`.
    where
        Keep only rows whose column has this value.
    hindsight
        Whether to keep `noise_trace`, for the published noise law.

    Raises
    ------
    InputError
        If the source cannot be read, or has no learning rates.

    Examples
    --------
    >>> targets = read_targets({"run": ["a", "a"], "params": [10, 10], "tokens": [1, 2], "lr": [1.0, 0.5]})
    >>> list(targets)[0].lr
    array([1. , 0.5])
    """
    import pyarrow as pa

    if isinstance(source, str | os.PathLike):
        source = [source]
    frames: list[tuple[str, Any]]
    if isinstance(source, Iterable) and not isinstance(source, Mapping) and not hasattr(source, "columns"):
        files = [f for path in source for f in table_files(path)[0]]
        frames = [(str(f), read_table(f)) for f in files]
    else:
        frames = [("frame", source if isinstance(source, pa.Table) else pa.table(source))]
    curves, findings = [], []
    report = None
    for name, table in frames:
        for column, what in (("run", "the runs' names"), ("lr", "the learning rates")):
            if column not in table.column_names:
                raise InputError(
                    f"forecast needs {what} in column `{column}` of the target; got {', '.join(table.column_names)} in "
                    f"{name}. Add the column."
                )
        dropped = [c for c in ("loss", *(() if hindsight else ("noise_trace",))) if c in table.column_names]
        table = table.drop_columns(dropped)
        runs = text_column(table, "run", name)
        number = {run: i + 1.0 for i, run in enumerate(dict.fromkeys(runs.tolist()))}
        placeholder = np.array([number[run] for run in runs.tolist()], dtype=np.float64)
        ladder = read_curves(table.append_column("loss", pa.array(placeholder)), where=where, use_horizon=False)
        curves += list(ladder)
        findings += ladder.integrity.findings
        report = report or ladder.integrity
    if report is None:
        raise InputError("forecast needs at least one target table; got none. Name a file or folder.")
    names = [c.run for c in curves]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(f"forecast needs targets with different names; got {twice[0]!r} in two files. Rename one.")
    return Ladder(curves, report)
