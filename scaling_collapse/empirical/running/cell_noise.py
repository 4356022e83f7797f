"""The fast noise of logs: how far a cell's mean lies from the line through its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...common import Array
from .progress_grid import Cells, ProgressGrid

__all__ = ["noise_profile", "noise_ratio"]

TO_SD = 1 / (0.6745 * 1.5**0.5)
"""From |second difference| of equal steps, at its median, to the standard deviation of one value."""
ENOUGH = 8
"""Differences that a run's own noise needs to count as much as its references'."""


def bends(cells: Cells) -> tuple[Array, Array]:
    """Progress, and |deviation| from the line through both neighbours as a standard deviation; shapes (cells - 2,)."""
    x, z = cells.x, cells.z
    if x.size < 3:
        return np.zeros(0), np.zeros(0)
    line = z[:-2] + (z[2:] - z[:-2]) * (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    return x[1:-1], np.abs(z[1:-1] - line) * TO_SD


def noise_profile(runs: Sequence[Cells], grid: ProgressGrid) -> Array:
    """Standard deviation of a cell's mean at every knot: medians over the runs and the four knots either side."""
    pairs = [bends(cells) for cells in runs]
    x, sd = (np.concatenate(side) for side in zip(*pairs, strict=True))
    place, knots = np.sqrt(x), np.sqrt(grid.knots)
    reach = 4 * (knots[1] - knots[0])
    near = np.abs(place - knots[:, None]) < reach
    found = np.array([np.median(sd[row]) if row.sum() >= 5 else np.nan for row in near])
    known = np.isfinite(found)
    if not known.any():
        return np.full(grid.size, 1e-3)  # too few points to say: a tenth of a percent
    return np.maximum(np.interp(knots, knots[known], found[known]), 1e-6)


def noise_ratio(run: Cells, grid: ProgressGrid, profile: Array) -> float:
    """How much noisier a run is than the profile says; near 1 where it has little to show."""
    x, sd = bends(run)
    if x.size == 0:
        return 1.0
    own = float(np.median(sd / np.interp(x, grid.knots, profile)))
    share = x.size / (x.size + ENOUGH)
    return float(np.clip(own, 0.1, 30.0) ** share)
