"""`read_targets`: the learning rates of runs to be forecast, read without their losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...common import InputError, Source
from ...sgd_noise_model import Target, Targets
from ...theory import IntegrityReport, Ladder
from .columns import text_column
from .curve_reader import read_curves
from .log_mapping import LogMapping
from .understanding import understand

__all__ = ["read_targets"]


def read_targets(source: Source, *, where: Mapping[str, str] | None = None, hindsight: bool = False) -> Targets:
    """Runs with their learning rates and no losses; what was dropped, merged or repaired is in `targets.integrity`.

    The columns `loss` and `noise_trace` are taken off the table before anything is read, so that nothing after this can
    depend on them. The rest is mended as by `read_curves`.

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
    found = understand(source, LogMapping(), losses=False)
    tables = [(log.source, table) for log, table in zip(found.logs, found.tables, strict=True)]
    findings = found.findings
    ladders = [_mended(table, name, where, hindsight) for name, table in tables]
    if not ladders:
        raise InputError("forecast needs at least one target table; got none. Name a file or folder.")
    targets = [Target.of(curve, hindsight=hindsight) for ladder in ladders for curve in ladder]
    names = [t.run for t in targets]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(f"forecast needs targets with different names; got {twice[0]!r} in two files. Rename one.")
    reports = [ladder.integrity for ladder in ladders]
    report = IntegrityReport(
        sources=tuple(name for name, _ in tables),
        rows_read=sum(r.rows_read for r in reports),
        rows_used=sum(r.rows_used for r in reports),
        findings=tuple(dict.fromkeys((*findings, *(f for r in reports for f in r.findings)))),
    )
    return Targets(targets, report)


def _mended(table: Any, name: str, where: Mapping[str, str] | None, hindsight: bool) -> Ladder:
    """The runs of one table after the repairs of `read_curves`, with a number in place of the loss.

    The repairs need a loss. It is the number of the run and seed, so that two of equal rates are not taken for one;
    nobody outside this file sees it.
    """
    import pyarrow as pa

    for column, what in (("run", "the runs' names"), ("lr", "the learning rates")):
        if column not in table.column_names:
            raise InputError(
                f"forecast needs {what} in column `{column}` of the target; got {', '.join(table.column_names)} in "
                f"{name}. Add the column."
            )
    dropped = [c for c in ("loss", *(() if hindsight else ("noise_trace",))) if c in table.column_names]
    table = table.drop_columns(dropped)
    runs = text_column(table, "run", name).tolist()
    seeds = table.column("seed").to_pylist() if "seed" in table.column_names else [None] * len(runs)
    keys = list(zip(runs, seeds, strict=True))
    number = {key: i + 1.0 for i, key in enumerate(dict.fromkeys(keys))}
    placeholder = np.array([number[key] for key in keys], dtype=np.float64)
    return read_curves(table.append_column("loss", pa.array(placeholder)), where=where, use_horizon=False)
