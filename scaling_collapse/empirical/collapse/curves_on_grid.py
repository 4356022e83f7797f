"""`CurvesOnGrid`: the losses of a ladder at common normalized compute, once the ladder is known to be one."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError, Result
from ...theory import Ladder, default_grid, losses_on_grid

__all__ = ["CurvesOnGrid", "curves_on_grid"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CurvesOnGrid(Result):
    """Losses of runs at the same normalized compute.

    Parameters
    ----------
    x
        Normalized compute, shape (n,), increasing, ending at 1.
    L
        Losses `L(x t*)`, shape (runs, n).
    size_index
        Size of each run, shape (runs,).
    log_p, log_horizon
        `ln p` and mean `ln t*` of the sizes, shape (sizes,).
    starts_late
        Whether the default grid was cut, because some log begins after it.
    """

    x: Array
    L: Array
    size_index: NDArray[np.intp]
    log_p: Array
    log_horizon: Array
    starts_late: bool

    @property
    def finals(self) -> Array:
        """The runs' final losses, shape (runs,)."""
        return self.L[:, -1]

    def without(self, rows: Collection[int]) -> CurvesOnGrid:
        """The same without some runs; sizes that lose their last run go."""
        keep = np.array([i not in rows for i in range(self.L.shape[0])])
        sizes, index = np.unique(self.size_index[keep], return_inverse=True)
        return replace(
            self, L=self.L[keep], size_index=index, log_p=self.log_p[sizes], log_horizon=self.log_horizon[sizes]
        )


def curves_on_grid(ladder: Ladder, x: ArrayLike | None) -> CurvesOnGrid:
    """The curves of a ladder that can be measured, on the grid `x` (default: the project's) as far as all are logged.

    Raises
    ------
    InputError
        If the ladder has one size, several schedules, or horizons that differ within a size; if the grid is none; if
        the curves are logged from too late on.
    """
    _require_two_sizes(ladder)
    ladder.require_one_schedule("measure_collapse")
    ladder.require_one_horizon_per_size("measure_collapse")
    grid = _covered_grid(ladder, x)
    starts_late = x is None and grid.size < default_grid().size
    L = losses_on_grid(ladder, grid)
    first = np.array([c.loss[0] for c in ladder])[:, None]
    L = np.where(np.isnan(L), first, L)  # a log that begins at the first point, but for the last bit
    _require_falling(ladder, L, grid[0])
    horizons = [np.mean([math.log(c.horizon_tokens) for c in runs]) for runs in ladder.by_size.values()]
    return CurvesOnGrid(
        x=grid,
        L=L,
        size_index=ladder.size_index,
        log_p=np.log(ladder.sizes),
        log_horizon=np.array(horizons, dtype=np.float64),
        starts_late=starts_late,
    )


def _require_falling(ladder: Ladder, L: Array, start: float) -> None:
    stuck = np.flatnonzero(~(L[:, 0] > L[:, -1]))
    if 2 * stuck.size > L.shape[0]:
        raise InputError(
            f"measure_collapse needs losses that fall from x = {start:.2g} to the end; got {stuck.size} of "
            f"{L.shape[0]} runs that do not, for example {ladder.curves[int(stuck[0])].run!r}. Is it the loss?"
        )


def _require_two_sizes(ladder: Ladder) -> None:
    if len(ladder.sizes) < 2:
        raise InputError(
            f"measure_collapse needs at least 2 sizes; got 1 (params={ladder.curves[0].params:.0f}). "
            "Add runs of another size."
        )


def _covered_grid(ladder: Ladder, x: ArrayLike | None) -> Array:
    """The grid, cut where some run's log has not begun."""
    grid = default_grid() if x is None else np.asarray(x, dtype=np.float64)
    if grid.ndim != 1 or grid.size < 2 or not ((np.diff(grid) > 0).all() and grid[0] > 0 and grid[-1] == 1):
        raise InputError(f"measure_collapse needs `x` increasing in (0, 1] and ending at 1; got {grid}. Mend the grid.")
    starts = [c.tokens[0] / c.horizon_tokens for c in ladder]
    covered = grid[grid >= max(starts)]
    if covered.size < 20 and covered.size < grid.size:
        late = ladder.curves[int(np.argmax(starts))]
        raise InputError(
            f"measure_collapse needs curves that are logged from early in training; got run {late.run!r} from "
            f"{max(starts):.0%} of its horizon on. Log earlier, or leave the run out."
        )
    return covered
