"""`LadderCurves`: a ladder as the arrays that an extrapolation computes with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...common import Array
from .cell_grid import CellGrid

__all__ = ["LadderCurves"]


@dataclass(frozen=True, kw_only=True)
class LadderCurves:
    """A ladder as arrays.

    Parameters
    ----------
    params, C
        Parameters and compute at the horizon (PFLOPs) of each size, shape (sizes,).
    runs
        For each size the losses of its seeds on the grid, shape (seeds, n).
    grid
        Normalized compute and its cells.
    """

    params: Array
    C: Array
    runs: Sequence[Array]
    grid: CellGrid

    @property
    def means(self) -> Array:
        """Mean over seeds, shape (sizes, n)."""
        return np.stack([r.mean(axis=0) for r in self.runs])

    @property
    def seeds(self) -> Array:
        """Runs of each size, shape (sizes,)."""
        return np.array([len(r) for r in self.runs], dtype=np.float64)

    @property
    def ln_C(self) -> Array:
        """`ln(C_i / C_mean)`, shape (sizes,)."""
        return np.log(self.C) - np.log(self.C).mean()

    def drift_size(self, params: Array | float, zeta: Array) -> Array:
        """`z = ((p / p_mean)^-zeta - 1) / (zeta ln 2)`, shape (zeta, params) or (zeta,)."""
        ln_p = np.log(params) - np.log(self.params).mean()
        zeta = zeta[:, None] if np.ndim(ln_p) else zeta
        return np.expm1(-zeta * ln_p) / (zeta * math.log(2.0))
