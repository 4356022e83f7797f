"""The shape of a new size's curve under the shapes' posterior: given each hypothesis a Gaussian about its mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from .shape_models import Shapes, contrasts, decoupled, gaussian_models
from .shape_posterior import ShapePosterior

__all__ = ["NewShape", "new_shape"]

NEGLIGIBLE = 1e-4
"""Hypotheses of less weight than this share of the largest are left out."""


@dataclass(frozen=True, kw_only=True)
class NewShape:
    """`s(x) = ln((L - L_c) / (L(1) - L_c))` of a new size, per hypothesis: Gaussian, independent in decoupled cells.

    Parameters
    ----------
    hypotheses
        The ones with weight.
    weights
        Their posterior weights.
    of_u
        Where in the grid of u each is.
    base
        Mean over the ladder's sizes of s(x), shape (h, n).
    centre, variance
        What the new size is beyond it, in decoupled cells, shape (h, m).
    to_grid
        From decoupled cells to the grid, shape (m, n).
    fast, mean_fast
        Standard deviations, point by point, of one run's fast noise and of the mean's, shape (h,).
    """

    hypotheses: Shapes
    weights: Array
    of_u: NDArray[np.intp]
    base: Array
    centre: Array
    variance: Array
    to_grid: Array
    fast: Array
    mean_fast: Array

    @property
    def expected(self) -> Array:
        """The expected s(x) of each hypothesis, shape (h, n)."""
        return self.base + self.centre @ self.to_grid

    def draw(self, rows: NDArray[np.intp], rng: np.random.Generator, *, louder: float = 1.0) -> tuple[Array, Array]:
        """s(x) of the expected curve and of one run of it, given rows of hypotheses, shape (draws, n).

        `louder` multiplies the run's fast noise.
        """
        normal = rng.standard_normal
        shape = (rows.size, self.centre.shape[1])
        cells = self.centre[rows] + np.sqrt(self.variance[rows]) * normal(shape)
        own = np.sqrt(self.hypotheses.noise[rows])[:, None] * normal(shape)
        ripple = normal((2, rows.size, self.base.shape[1]))
        ripple[..., -1] = 0.0  # the end's noise is the level's
        mean = self.base[rows] + self.mean_fast[rows, None] * ripple[0]
        run = mean + (cells + own) @ self.to_grid + louder * self.fast[rows, None] * ripple[1]
        return mean + cells @ self.to_grid, run


def new_shape(found: ShapePosterior, params: float) -> NewShape:
    """The new size given the contrasts between the ladder's: less the mean over sizes, it is a contrast too."""
    curves, noise, k = found.curves, found.noise, len(found.curves.runs)
    rows = np.flatnonzero(found.weights > NEGLIGIBLE * found.weights.max())
    h = found.hypotheses.rows(rows)
    models = gaussian_models(curves, noise, h)
    lam, T = decoupled(noise.Q, curves.grid.v)
    H, _ = contrasts(curves)
    share = 1.0 / (curves.seeds.size * curves.seeds)  # of each size's seed noise with that of the mean
    z = curves.drift_size(curves.params, h.zeta)
    step = curves.drift_size(params, h.zeta) - z.mean(axis=1)
    drift = (step * h.drift**2)[:, None] * (z @ H.T)  # misfit is absent: the mean's own is orthogonal to contrasts
    cross = lam[:, None] * drift[:, None] - h.noise[:, None, None] * (H @ share)
    own = lam * ((1 + 1 / k) * h.misfit**2 + (h.drift * step) ** 2)[:, None] + (h.noise * share.sum() / k)[:, None]

    offset, at = np.unique(h.offset, return_inverse=True)
    ln_mean = np.log(curves.means - offset[:, None, None]).mean(axis=1)  # (offsets, n)
    fast = np.sqrt(noise.fast * (h.noise if noise.dof else np.ones(rows.size)))
    to_cells = np.zeros((curves.grid.v.size, T.shape[1]))
    to_cells[:-1] = np.linalg.inv(T).T
    return NewShape(
        hypotheses=h,
        weights=found.weights[rows] / found.weights[rows].sum(),
        of_u=rows // (found.weights.size // found.u.size),
        base=(ln_mean - ln_mean[:, -1:])[at],
        centre=models.inner(cross, models.data),
        variance=np.maximum(own - models.inner(cross, cross), 0.0),
        to_grid=to_cells.T @ curves.grid.spread,
        fast=fast,
        mean_fast=fast * np.sqrt(share.sum() / k),
    )
