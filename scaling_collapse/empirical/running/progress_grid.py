"""`ProgressGrid`: knots over the progress of a run, cells that a log is averaged in, and a curve through the knots.

Progress is `x = t / T`, tokens over the run's horizon. Knots are even in sqrt(x): close where curves are steep.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...common import Array

__all__ = ["Cells", "ProgressGrid"]

CELLS_PER_KNOT = 3
"""Finer than the knots, coarser than most logs: noise of neighbouring points is one cell's noise."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A log averaged in the cells that it reaches: mean progress, mean of what was logged; shapes (cells,)."""

    x: Array
    z: Array

    def __len__(self) -> int:
        return self.x.size


@dataclass(frozen=True)
class ProgressGrid:
    """`size` knots from progress `first` to 1.

    Examples
    --------
    >>> grid = ProgressGrid(0.16, 4)
    >>> grid.knots.round(2)
    array([0.16, 0.36, 0.64, 1.  ])
    >>> cubic = 1 + grid.knots ** 1.5  # in sqrt(x): curves between knots are cubic
    >>> float((grid.weights(np.array([0.25])) @ cubic)[0])
    1.125
    """

    first: float
    size: int = 16

    @cached_property
    def knots(self) -> Array:
        """Progress at the knots, shape (size,)."""
        return np.linspace(np.sqrt(self.first), 1.0, self.size) ** 2

    @property
    def _step(self) -> float:
        return (1.0 - self.first**0.5) / (self.size - 1)

    def cells(self, x: Array, z: Array) -> Cells:
        """Means over the cells, from `first` on; cells without a point are left out."""
        inside = (x >= self.first * (1 - 1e-9)) & (x <= 1 + 1e-9)
        x, z = x[inside], z[inside]
        at = np.floor(CELLS_PER_KNOT * (np.sqrt(x) - self.first**0.5) / self._step + 1e-9).astype(int)
        n = np.bincount(at)
        there = n > 0
        n = n[there]
        return Cells(x=np.bincount(at, x)[there] / n, z=np.bincount(at, z)[there] / n)

    def weights(self, x: Array) -> Array:
        """Shape (len(x), size): the curve at `x` is these times its values at the knots (a cubic through four)."""
        place = (np.sqrt(x) - self.first**0.5) / self._step
        left = np.clip(np.floor(place).astype(int) - 1, 0, self.size - 4)
        p = place - left
        cubic = np.stack([
            -(p - 1) * (p - 2) * (p - 3) / 6, p * (p - 2) * (p - 3) / 2, -p * (p - 1) * (p - 3) / 2,
            p * (p - 1) * (p - 2) / 6,
        ], axis=1)  # fmt: skip
        full = np.zeros((x.size, self.size))
        np.put_along_axis(full, left[:, None] + np.arange(4), cubic, axis=1)
        return full

    def through(self, cells: Cells) -> tuple[Array, Array]:
        """Values at the knots by least squares, and how many cells each of them is worth; shapes (size,).

        A weak penalty on third differences bridges knots without cells.
        """
        H = self.weights(cells.x)
        rough = np.diff(np.eye(self.size), n=3, axis=0)
        normal = H.T @ H
        inverse = np.linalg.inv(normal + 1e-3 * rough.T @ rough)
        variance = np.einsum("ij,jk,ik->i", inverse, normal, inverse)
        return inverse @ (H.T @ cells.z), 1.0 / np.maximum(variance, 1e-3)
