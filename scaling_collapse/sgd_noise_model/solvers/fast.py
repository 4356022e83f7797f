"""The recursion in steps that grow with time: cost in proportion to the log of the horizon.

Over a macro step of n steps, with `a_l = 1 - 2 eta_l lambda + eta_l^2 lambda^2 (1 + 1/B)`, `Q_l = prod_{m >= l} a_m`,
the noise that one row collects telescopes,

    sum_l g_l prod_{m > l} a_m = sum_l y_l (Q_{l+1} - Q_l),    y = g / (1 - a) = c eta lambda (T + s2) / (B (2 - ...)),

y being the row's quasi-stationary value. Taking y quadratic in the row's own time `S_l = sum_{m < l} (1 - a_m)`
through both ends and the middle makes the sum closed-form, right for rows much faster and much slower than the step
alike, and exact for n = 1; the two unknown totals T, in the middle and at the end, solve a 2-by-2 linear system.

Rows that hardly decay within the step are summed plainly. The grid starts geometric on both sides of the schedule's
breakpoints, holds every recorded step, and is split where the quadratic part exceeds a tolerance.

Two runs are made, one with fewer nodes per bin (`nodes`) on the grid, one with more on the grid with every step split
in two. The second is returned; their largest relative difference, an estimate of the first one's error, is reported.
Where it exceeds what was asked, both are refined and run again.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..schedules import Schedule
from .grid_kernel import SAMPLES, GridRun, run_grid
from .nodes import merged_rows
from .recursion import Recursion, Totals

__all__ = ["run_fast"]

Steps = NDArray[np.int64]

GROWTH = 0.25  # first guess: macro step / steps since the last breakpoint
ROUNDS = 12  # of splitting
ROUNDING = 1e-11  # of both runs, and of the exact one they stand for


class _Level(NamedTuple):
    """Splitting tolerance, and Gauss nodes per bin and measure."""

    tolerance: float
    nodes: int


LEVELS = (_Level(2e-3, 3), _Level(1e-4, 5), _Level(1e-5, 8))


def run_fast(recursion: Recursion, schedule: Schedule, record: Steps, rtol: float = 1e-4) -> Totals:
    """Solve on an adaptive grid.

    Parameters
    ----------
    recursion, schedule
        The run; the schedule is bound to its peak and steps.
    record
        Steps to return, shape (n,), increasing; each becomes a grid point.
    rtol
        Refine while the reported error exceeds it, as far as the finest level.

    Returns
    -------
    Totals
        Its error is the largest relative difference of `total` between the two runs, its work the macro steps of all.
    """
    grid = _first_grid(schedule, record)
    work = 0
    for level in LEVELS[:-1]:
        result, grid = _refined(recursion, schedule, record, grid, level)
        work += result.work
        if result.error <= rtol:
            return result._replace(work=work)
    result, _ = _refined(recursion, schedule, record, grid, LEVELS[-1])
    return result._replace(work=work + result.work)


def _refined(
    recursion: Recursion, schedule: Schedule, record: Steps, grid: Steps, level: _Level
) -> tuple[Totals, Steps]:
    """The two runs at one level of refinement, as `run_fast` returns them, and the grid arrived at."""
    few, many = merged_rows(recursion, level.nodes), merged_rows(recursion, level.nodes + 1)
    coarse = _solve(few, schedule, grid)
    work = grid.size
    for _ in range(ROUNDS):
        split = (coarse.indicator > level.tolerance) & (np.diff(grid) > 1)
        if not split.any():
            break
        grid = _insert(grid, split)
        coarse = _solve(few, schedule, grid)
        work += grid.size
    fine_grid = _insert(grid, np.diff(grid) > 1)
    fine = _solve(many, schedule, fine_grid)
    at, fine_at = np.searchsorted(grid, record), np.searchsorted(fine_grid, record)
    total = fine.total[fine_at]
    error = float((np.abs(coarse.total[at] - total) / np.where(total > 0.0, total, 1.0)).max()) + ROUNDING
    return Totals(
        total=total,
        weighted=fine.weighted[fine_at],
        tau=fine.tau[fine_at],
        error=error,
        work=work + fine_grid.size,
    ), grid


def _first_grid(schedule: Schedule, record: Steps) -> Steps:
    """Geometric towards both ends of each smooth piece: after a kink modes relax, before one the rate may vanish."""
    assert schedule.steps is not None
    kinks = np.ceil(schedule.breakpoints() * schedule.steps - 1e-6).astype(np.int64)
    edges = np.unique(np.concatenate([[0], kinks, [schedule.steps]]))
    pieces = [record, edges]
    for left, right in pairwise(edges):
        offsets = _geometric(right - left)
        pieces += [left + offsets, right - offsets[offsets < (right - left) / 2]]
    grid = np.unique(np.concatenate(pieces))
    return grid[(grid >= 0) & (grid <= schedule.steps)]


def _geometric(length: int) -> Steps:
    offsets = (1.0 + GROWTH) ** np.arange(np.log(max(length, 2)) / np.log1p(GROWTH) + 1)
    return np.unique(np.minimum(np.round(offsets), length)).astype(np.int64)


def _insert(grid: Steps, split: NDArray[np.bool_]) -> Steps:
    """The grid with the marked intervals halved."""
    middle = grid[:-1] + np.diff(grid) // 2
    return np.sort(np.concatenate([grid, middle[split]]))


def _solve(recursion: Recursion, schedule: Schedule, grid: Steps) -> GridRun:
    """One run over a grid."""
    assert schedule.steps is not None
    last = np.diff(grid) - 1.0
    eta = schedule.eta(grid[:-1, None] + last[:, None] * SAMPLES)
    return run_grid(recursion, grid, eta)
