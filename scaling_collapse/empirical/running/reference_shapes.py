"""`ReferenceShapes`: what the references say of a family's curve, one shape a group of seeds, at the knots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from .cell_noise import noise_profile
from .progress_grid import ProgressGrid

__all__ = ["ReferenceRun", "ReferenceShapes"]


class ReferenceRun(NamedTuple):
    """A finished run: progress, `ln(L - offset)`, and its place in the family."""

    x: Array
    z: Array
    size: float
    """`ln p`."""
    multiple: float
    """`ln` of its horizon over what the family's rule gives."""


@dataclass(frozen=True, kw_only=True)
class ReferenceShapes:
    """Means over the seeds of each (size, multiple): `ln R(x_k) - ln R(1)` at all knots but the last.

    Parameters
    ----------
    grid
        The knots, K of them.
    size, multiple
        Place of every group, shape (groups,).
    runs
        Seeds of every group, shape (groups,).
    shape
        Shape (groups, K - 1).
    between_seeds
        The runs' shapes less their group's mean, shape (rows, K - 1), of groups of two seeds or more.
    noise
        Standard deviation of a cell's mean, shape (K,).
    knot_cells
        How many cells a knot is worth, shape (K,).
    last
        Mean and standard deviation of the last logged value against the curve through the knots.
    point
        How much further than a cell's mean one logged point lies from the curve, as a ratio, at least 1.
    """

    grid: ProgressGrid
    size: Array
    multiple: Array
    runs: NDArray[np.intp]
    shape: Array
    between_seeds: Array
    noise: Array
    knot_cells: Array
    last: tuple[float, float]
    point: float

    @classmethod
    def of(cls, runs: Sequence[ReferenceRun], grid: ProgressGrid) -> ReferenceShapes:
        """Average the runs; each must reach x = 1 and begin before the grid's first knot."""
        cells = [grid.cells(run.x, run.z) for run in runs]
        fits = [grid.through(c) for c in cells]
        values = np.array([v for v, _ in fits])
        shapes = values[:, :-1] - values[:, -1:]
        places = np.array([(run.size, run.multiple) for run in runs])
        groups, index = np.unique(places.round(6), axis=0, return_inverse=True)
        index = index.ravel()
        means = np.array([shapes[index == g].mean(axis=0) for g in range(len(groups))])
        counts = np.bincount(index)
        several = counts[index] > 1
        noise = noise_profile(cells, grid)
        return cls(
            grid=grid, size=groups[:, 0], multiple=groups[:, 1], runs=counts, shape=means,
            between_seeds=(shapes - means[index])[several], noise=noise,
            knot_cells=np.median([n for _, n in fits], axis=0),
            last=_last_value(runs, values[:, -1], noise[-1]), point=_point_ratio(runs, values, noise, grid),
        )  # fmt: skip

    @property
    def seed_freedom(self) -> int:
        """Degrees of freedom of the differences between seeds."""
        return int((self.runs[self.runs > 1] - 1).sum())


def _last_value(runs: Sequence[ReferenceRun], fitted: Array, noise: float) -> tuple[float, float]:
    """Mean and standard deviation of the last logged value less the curve's end; of one run, its square counts."""
    off = np.array([np.interp(1.0, run.x, run.z) for run in runs]) - fitted
    n = off.size
    if n == 1:
        return 0.0, float(max(abs(off[0]), noise))
    return float(off.mean()), float(max(off.std(ddof=1) * (1 + 1 / n) ** 0.5, noise))


def _point_ratio(runs: Sequence[ReferenceRun], values: Array, noise: Array, grid: ProgressGrid) -> float:
    """Median over runs of the logged points' root mean square about the curve over that of cells' means."""
    found = []
    for run, curve in zip(runs, values, strict=True):
        inside = (run.x >= grid.first) & (run.x <= 1)
        x = run.x[inside]
        off = run.z[inside] - grid.weights(x) @ curve
        found.append(float(np.sqrt((off**2).mean() / (np.interp(x, grid.knots, noise) ** 2).mean())))
    return max(float(np.median(found)), 1.0)
