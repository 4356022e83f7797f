"""Runs that left their siblings, and last points that left their own curve: found before anything is fitted.

No offset is needed: losses are compared with the median of the size's seeds in units of the fall of its curve. A run
is suspect where its distance from that median is many times what is usual, both among its own siblings and over the
ladder (8 times the median distance is 5.4 standard deviations of normal noise).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...common import Array

__all__ = ["SuspectRun", "suspect_runs"]

OUTLYING = 8.0
"""Distances, in units of the usual one, from which on the shape or the last point of a curve is suspect."""
OUTLYING_LEVEL = 12.0
"""The same for losses themselves: levels of few seeds have longer tails, and collapse does not depend on them."""
LEAST = 0.01
"""Nothing smaller than this share of the curve's fall is called a fault."""
LATE = 0.8
"""The end point is compared with the line through the curve from here on."""


@dataclass(frozen=True, kw_only=True)
class SuspectRun:
    """One run that disagrees with its siblings, or with itself.

    Parameters
    ----------
    index
        Row of the run.
    cause
        `"seed"`: the curve left the other seeds'; `"endpoint"`: the last point left the curve.
    since
        The x from which on it is seen.
    distance
        From the siblings or from the curve, in units of the curve's fall.
    times
        The same in units of the usual distance.
    """

    index: int
    cause: Literal["seed", "endpoint"]
    since: float
    distance: float
    times: float


def suspect_runs(x: Array, L: Array, size_index: NDArray[np.intp]) -> tuple[SuspectRun, ...]:
    """The suspect runs, the most outlying first; never all runs of a size.

    >>> x = np.linspace(0.1, 1, 181)
    >>> L = x**-0.5 * np.array([1, 1.001, 0.999, 0.9995, 1.002, 1])[:, None]
    >>> L[4, x > 0.3] *= 1.5
    >>> found = suspect_runs(x, L, np.array([0, 0, 0, 1, 1, 1]))
    >>> [(run.index, run.cause, round(run.since, 2)) for run in found]
    [(4, 'seed', 0.3)]
    """
    ends, mended = _end_points(x, L)
    shapes = [
        replace(run, since=_left_at(x, mended[run.index], mended[size_index == size_index[run.index]]))
        for run in _distances(x, _own_shape(mended), size_index, OUTLYING)
    ]
    levels = _distances(x, mended, size_index, OUTLYING_LEVEL)
    strongest: dict[int, SuspectRun] = {}
    for run in sorted((*ends, *levels, *shapes), key=lambda run: -run.times):
        strongest.setdefault(run.index, run)
    named = {run.index: run for run in ends} | {i: run for i, run in strongest.items() if run.cause == "seed"}
    return _spare_whole_sizes(sorted(named.values(), key=lambda run: -run.times), size_index)


def _spare_whole_sizes(runs: Sequence[SuspectRun], size_index: NDArray[np.intp]) -> tuple[SuspectRun, ...]:
    """At most half of the runs of a size are called outliers (of one run alone, its last point can be)."""
    kept: list[SuspectRun] = []
    for run in runs:
        siblings = size_index == size_index[run.index]
        already = sum(bool(siblings[other.index]) for other in kept)
        if run.cause == "endpoint" or already + 1 <= siblings.sum() / 2:
            kept.append(run)
    return tuple(kept)


def _fall(L: Array) -> Array:
    """How far each curve falls over the grid, shape (runs,)."""
    return np.maximum(np.abs(L[:, 0] - L[:, -1]), 1e-300)


def _own_shape(L: Array) -> Array:
    """Each curve between 0 at the end and 1 at the start of the grid: what does not depend on a level."""
    return (L - L[:, -1:]) / _fall(L)[:, None]


def _left_at(x: Array, curve: Array, siblings: Array) -> float:
    """Where a curve left its siblings: the best place of one step in its distance from their median."""
    away = curve - np.median(siblings, axis=0)
    before = np.arange(1, x.size)
    head = np.cumsum(away)[:-1]
    explained = head**2 / before + (away.sum() - head) ** 2 / (x.size - before)
    return float(x[1 + np.argmax(explained)])


def _end_points(x: Array, L: Array) -> tuple[list[SuspectRun], Array]:
    """Runs whose last point left the line through the late curve, and the losses with those points mended."""
    late = (x >= LATE) & (x < 1)
    if late.sum() < 4:
        return [], L
    line = np.polynomial.polynomial.polyfit(x[late], L[:, late].T, 1)
    predicted = line[0] + line[1]
    residual = L[:, late] - (line[0][:, None] + line[1][:, None] * x[late])
    fall = _fall(np.column_stack([L[:, 0], predicted]))
    miss = (L[:, -1] - predicted) / fall
    own = np.sqrt((residual**2).mean(axis=1)) / fall
    # All curves bend alike at the end: what they have in common is no fault.
    miss = miss - np.median(miss)
    usual = np.maximum(np.maximum(own, np.median(np.abs(miss))), 1e-12)
    times = np.abs(miss) / usual
    bad = (times > OUTLYING) & (np.abs(miss) > LEAST)
    mended = L.copy()
    mended[bad, -1] = predicted[bad]
    found = [
        SuspectRun(index=int(i), cause="endpoint", since=1.0, distance=float(abs(miss[i])), times=float(times[i]))
        for i in np.flatnonzero(bad)
    ]
    return found, mended


def _distances(x: Array, L: Array, size_index: NDArray[np.intp], limit: float) -> list[SuspectRun]:
    """Runs far from the median of their siblings, over the whole curve."""
    away = np.full(L.shape, np.nan)
    consensus = _consensus(L, size_index)
    for size in np.unique(size_index):
        rows = np.flatnonzero(size_index == size)
        if rows.size < 2:
            continue
        middle = np.median(L[rows], axis=0)
        away[rows] = (L[rows] - middle) / _fall(middle[None])[0]
    distance = np.sqrt((away**2).mean(axis=1))
    known = np.flatnonzero(np.isfinite(distance))
    found = []
    for i in known:
        siblings = [j for j in known if size_index[j] == size_index[i] and j != i]
        elsewhere = [distance[j] for j in known if j != i]
        usual = np.median(elsewhere)
        if len(siblings) == 1:  # of two runs the one that differs from the other sizes, too
            j = siblings[0]
            others = [distance[k] for k in known if size_index[k] != size_index[i]]
            if not others or _odd(L[i], consensus[i]) <= _odd(L[j], consensus[j]):
                continue
            usual = np.median(others)
        else:
            usual = max(usual, float(np.median([distance[j] for j in siblings])))
        times = distance[i] / max(usual, 1e-12)
        if times > limit and distance[i] > LEAST:
            since = float(x[np.argmax(np.abs(away[i]) > 0.5 * np.abs(away[i]).max())])
            found.append(
                SuspectRun(index=int(i), cause="seed", since=since, distance=float(distance[i]), times=float(times))
            )
    return found


def _consensus(L: Array, size_index: NDArray[np.intp]) -> Array:
    """For each run the median shape of the curves of other sizes, shape (runs, n)."""
    shape = _own_shape(L)
    return np.stack([np.median(shape[size_index != size], axis=0) for size in size_index])


def _odd(curve: Array, consensus: Array) -> float:
    """How far the shape of a curve is from the other sizes'."""
    return float(((_own_shape(curve[None])[0] - consensus) ** 2).mean())
