"""`CellGrid`: the few cells in `ln x` on which curves are compared, and the fine grid that they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Array

__all__ = ["CELLS", "CellGrid", "cell_grid"]

CELLS = 10
"""Cells in ln x on which the likelihood looks at a curve; between 8 and 16 the answers hardly change."""


@dataclass(frozen=True, kw_only=True)
class CellGrid:
    """A fine grid of x and the coarse cells on it.

    Parameters
    ----------
    x
        Normalized compute, shape (n,), increasing to 1.
    v
        Mean of ln x in each cell, shape (m,).
    average
        Averages grid points over cells, shape (m, n).
    spread
        Interpolates cells to grid points, linear in ln x, shape (m, n).
    """

    x: Array
    v: Array
    average: Array
    spread: Array


def cell_grid(x: Array, count: int = CELLS) -> CellGrid:
    """At most `count` cells of equal width in ln x over the grid `x`; empty ones are left out.

    >>> grid = cell_grid(np.linspace(0.1, 1, 181), 4)
    >>> np.exp(grid.v).round(3).tolist()
    [0.136, 0.244, 0.434, 0.772]
    """
    ln_x = np.log(x)
    edges = np.linspace(ln_x[0], ln_x[-1], count + 1)
    cell = np.clip(np.searchsorted(edges, ln_x, side="right") - 1, 0, count - 1)
    average = np.zeros((count, x.size))
    average[cell, np.arange(x.size)] = 1.0
    average = average[average.any(axis=1)]
    average /= average.sum(axis=1, keepdims=True)
    v = average @ ln_x
    spread = np.stack([np.interp(ln_x, v, row) for row in np.eye(v.size)])
    return CellGrid(x=x, v=v, average=average, spread=spread)
