"""What is done about the faults of one run's rows: one function each, arrays in, sound arrays and findings out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ...theory import Finding

__all__ = [
    "known_horizon",
    "reached_horizon",
    "rows_in_order",
    "rows_with_a_loss",
    "rows_with_a_step",
    "sound_compute",
    "thinned_export",
    "whole_run",
]

Rows = NDArray[np.intp]
"""Row numbers of a run, from 0."""
EXPORT_SIZES = (500, 1000, 1500, 10000)  # points to which trackers thin a history when they export it
FEWEST_DRAWN = 100  # points below which spacing tells nothing
DRAWN_FACTOR = 0.3  # logarithm


def whole_run(kind: str, run: str, detail: str) -> Finding:
    """The finding that ends a run: all of it is dropped."""
    return Finding(kind, "dropped", run, f"the whole run: {detail}")


def rows_with_a_step(t: Array, *, run: str, clock: str) -> tuple[Rows, list[Finding]]:
    """The rows whose `t` is a number."""
    missing = int((~np.isfinite(t)).sum())
    detail = f"{missing} rows without a number of {clock}"
    findings = [Finding("missing step", "dropped", run, detail, missing)] if missing else []
    return np.flatnonzero(np.isfinite(t)), findings


def rows_with_a_loss(loss: Array, rows: Rows, *, run: str) -> tuple[Rows, list[Finding]]:
    """Those of the rows whose loss is finite."""
    finite = np.isfinite(loss[rows])
    bad = int((~finite).sum())
    detail = f"{bad} points whose loss is missing, NaN or infinite"
    return rows[finite], [Finding("non-finite loss", "dropped", run, detail, bad)] if bad else []


def rows_in_order(t: Array, loss: Array, rows: Rows, *, run: str) -> tuple[Rows, list[Finding]]:
    """The rows in increasing `t`, the last row of each repeated `t` (a restart overwrites what it repeats)."""
    steps = np.diff(t[rows])
    if (steps > 0).all():
        return rows, []
    backwards = int((steps < 0).sum())
    order = rows[np.argsort(t[rows], kind="stable")]
    last_of_repeat = np.append(np.diff(t[order]) > 0, True)
    repeats = int((~last_of_repeat).sum())
    if not repeats:
        detail = f"steps go back {backwards} times: sorted"
        finding = Finding("steps out of order", "repaired", run, detail, backwards)
    elif backwards:
        detail = f"steps go back {backwards} times and {repeats} repeat: the later rows replace the earlier ones"
        finding = Finding("restart", "merged", run, detail, repeats)
    else:
        same = bool((loss[order][:-1] == loss[order][1:])[~last_of_repeat[:-1]].all())
        detail = f"{repeats} points repeat a step with {'equal' if same else 'different'} losses: the last stays"
        finding = Finding("repeated step", "merged", run, detail, repeats)
    return order[last_of_repeat], [finding]


def sound_compute(compute: Array | None, *, run: str) -> tuple[Array | None, list[Finding]]:
    """The logged compute where it is complete and increases; None where 6 x params x tokens must stand in."""
    if compute is None:
        return None, []
    if not np.isfinite(compute).all():
        detail = "compute missing at some points: 6 x params x tokens is used instead"
        return None, [Finding("compute gaps", "repaired", run, detail)]
    if not (np.diff(compute) > 0).all():
        detail = "compute does not increase: 6 x params x tokens is used instead"
        return None, [Finding("compute order", "repaired", run, detail)]
    return compute, []


def known_horizon(planned: float | None, t: Array, *, run: str) -> tuple[float, list[Finding]]:
    """The horizon that the table gives, or else the run's last row, which counts even without a loss."""
    if planned is not None:
        return planned, []
    detail = "neither horizon_tokens nor optimal_compute: it ends at the last point"
    return float(t[np.isfinite(t)].max()), [Finding("missing horizon", "noted", run, detail)]


def reached_horizon(horizon: float, tokens: Array, *, run: str, clock: str) -> tuple[float | None, list[Finding]]:
    """The horizon, moved to the last point of a run that logged up to it; None for a run that stopped early.

    Logs commonly end a step, or up to one logging interval, before the planned end; not over 1 % of it, though.
    """
    last = float(tokens[-1])
    if horizon <= last:
        return horizon, []
    interval = float(np.diff(tokens[-8:]).max())
    if horizon - last <= min(1.001 * interval, 0.01 * horizon):
        return last, []
    detail = f"its losses end at {last / horizon:.1%} of its horizon of {horizon:g} {clock}"
    return None, [whole_run("stopped early", run, detail)]


def thinned_export(tokens: Array, *, run: str) -> list[Finding]:
    """A note where the points look like a tracker's sample of the history."""
    gaps = np.diff(tokens)
    of_a_size = tokens.size in EXPORT_SIZES and np.unique(gaps).size > 0.2 * tokens.size
    # Of points drawn at random neighbouring distances differ by a factor, of a log that grows or is rounded by little.
    late = np.abs(np.diff(np.log(gaps[gaps.size // 2 :])))
    at_random = tokens.size >= FEWEST_DRAWN and float(np.median(late)) > DRAWN_FACTOR
    if not (of_a_size or at_random):
        return []
    return [Finding("sampled export", "noted", run, f"{tokens.size} unevenly spaced points: the history looks thinned")]
