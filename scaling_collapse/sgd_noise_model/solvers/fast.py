"""The recursion in steps that grow with time: cost in proportion to the log of the horizon.

Over a macro step of n steps, with `a_l = 1 - 2 eta_l lambda + eta_l^2 lambda^2 (1 + 1/B)`, `Q_l = prod_{m >= l} a_m`,
the noise that one row collects telescopes,

    sum_l g_l prod_{m > l} a_m = sum_l y_l (Q_{l+1} - Q_l),    y = g / (1 - a) = c eta lambda (T + s2) / (B (2 - ...)),

y being the row's quasi-stationary value. Taking y quadratic in the row's own clock `S_l = sum_{m < l} (1 - a_m)`
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

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ..problems import Problem
from ..schedules import Schedule
from .fast_kernel import SAMPLES, GridRun, run_grid
from .nodes import merged_rows

__all__ = ["run_fast"]

Steps = NDArray[np.int64]

GROWTH = 0.25  # first guess: macro step / steps since the last breakpoint
ROUNDS = 12  # of splitting
ROUNDING = 1e-11  # of both runs, and of the exact one they stand for
LEVELS = ((2e-3, 3), (1e-4, 5), (1e-5, 8))  # splitting tolerance, Gauss nodes per bin and measure


def run_fast(
    problem: Problem, schedule: Schedule, batch: int, record: Steps, rtol: float = 1e-4
) -> tuple[Array, Array, Array, float, int]:
    """Solve on an adaptive grid.

    Parameters
    ----------
    problem, schedule, batch
        The run; the schedule is bound to its peak and steps.
    record
        Steps to return, shape (n,), increasing; each becomes a grid point.
    rtol
        Refine while the reported error exceeds it, as far as the finest level.

    Returns
    -------
    total, weighted, tau
        `sum rho`, `sum lambda rho` and `sum eta`, shape (n,) each.
    error
        Largest relative difference of `total` between the two runs.
    work
        Macro steps of all runs.
    """
    grid = _first_grid(schedule, record)
    work = 0
    for tolerance, points in LEVELS[:-1]:
        result, grid = _level(problem, schedule, batch, record, grid, tolerance, points)
        work += result[-1]
        if result[3] <= rtol:
            return (*result[:-1], work)
    result, _ = _level(problem, schedule, batch, record, grid, *LEVELS[-1])
    return (*result[:-1], work + result[-1])


def _level(
    problem: Problem, schedule: Schedule, batch: int, record: Steps, grid: Steps, tolerance: float, points: int
) -> tuple[tuple[Array, Array, Array, float, int], Steps]:
    """The two runs at one level of refinement, as `run_fast` returns them, and the grid arrived at."""
    few, many = merged_rows(problem, points), merged_rows(problem, points + 1)
    coarse = _solve(few, problem, schedule, batch, grid)
    work = grid.size
    for _ in range(ROUNDS):
        split = (coarse.indicator > tolerance) & (np.diff(grid) > 1)
        if not split.any():
            break
        grid = _insert(grid, split)
        coarse = _solve(few, problem, schedule, batch, grid)
        work += grid.size
    fine_grid = _insert(grid, np.diff(grid) > 1)
    fine = _solve(many, problem, schedule, batch, fine_grid)
    at, fine_at = np.searchsorted(grid, record), np.searchsorted(fine_grid, record)
    total = fine.total[fine_at]
    error = float((np.abs(coarse.total[at] - total) / np.where(total > 0.0, total, 1.0)).max()) + ROUNDING
    return (total, fine.weighted[fine_at], fine.tau[fine_at], error, work + fine_grid.size), grid


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


def _solve(rows: tuple[Array, Array, Array], problem: Problem, schedule: Schedule, batch: int, grid: Steps) -> GridRun:
    """One run over a grid."""
    assert schedule.steps is not None
    last = np.diff(grid) - 1.0
    eta = schedule.eta(grid[:-1, None] + last[:, None] * SAMPLES)
    lam, counts, rho = rows
    return run_grid(lam, counts, rho.copy(), problem.frozen, problem.label_noise, 1.0 / batch, grid, eta)
