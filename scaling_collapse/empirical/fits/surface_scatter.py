r"""`SurfaceScatter`: how final losses scatter about a surface, from the residuals of its fit.

Residuals of `ln L` are those of a level that all points of a size share (tuning, rounding of shapes) and of a part of
their own (seeds, horizons, the form's misfit): `V = tau^2 Z Z^T + sigma^2 I`. A law with as many numbers follows levels
partly, so that the residuals hide them: the likelihood of what the fit cannot follow (REML, on the law's slopes at the
fit) says how large both may be, with all its uncertainty:

    p(rho | r) ~ |V|^(-1/2) |J^T V^-1 J|^(-1/2) (r^T P r)^(-nu/2),   tau / sigma = rho, half-Cauchy,

and `sigma^2` for given `rho` is `r^T P r` over a chi-square of `nu = points - numbers`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import Array

__all__ = ["Spread", "SurfaceScatter", "surface_scatter"]

RHO = 3.0 * np.tan(np.pi / 2 * (np.arange(60) + 0.5) / 60)
"""Quantiles of the half-Cauchy prior, of scale 3: few sizes say little of their levels."""


class Spread(NamedTuple):
    """Standard deviations in ln L: of a point on its own, and of the level that a size's points share."""

    point: Array
    level: Array


class SurfaceScatter(NamedTuple):
    """The posterior on the grid of `rho`, each of shape (grid,).

    Parameters
    ----------
    weight
        Probability of each `rho`.
    squares
        `r^T P r`, with V for `sigma = 1`.
    dof
        `nu`.
    """

    weight: Array
    squares: Array
    dof: int

    def draw(self, draws: int, rng: np.random.Generator) -> Spread:
        """Pairs of standard deviations, each of shape (draws,)."""
        pick = rng.choice(RHO.size, size=draws, p=self.weight)
        variance = self.squares[pick] / rng.chisquare(self.dof, size=draws)
        return Spread(np.sqrt(variance), np.sqrt(variance) * RHO[pick])

    def at(self, share: float) -> Spread:
        """At the `rho` below which that share of the probability lies."""
        i = min(int(np.searchsorted(np.cumsum(self.weight), share)), RHO.size - 1)
        variance, rho = self.squares[i] / self.dof, RHO[i]
        return Spread(np.sqrt(variance), np.sqrt(variance) * rho)


def surface_scatter(residuals: Array, slopes: Array, size: NDArray[np.intp]) -> SurfaceScatter:
    """The scatter behind the residuals of a fit.

    Parameters
    ----------
    residuals
        Of ln L, shape (points,).
    slopes
        Of ln L in the numbers that were fitted, shape (points, numbers), numbers < points.
    size
        The size of each point, shape (points,).
    """
    dof = residuals.size - slopes.shape[1]
    # Numbers that the points hardly tell apart count by what they do to the points.
    basis = np.linalg.qr(slopes / np.maximum(np.linalg.norm(slopes, axis=0), 1e-300))[0]
    same = (size[:, None] == size).astype(np.float64)
    V = np.eye(residuals.size) + RHO[:, None, None] ** 2 * same
    inverse = np.linalg.inv(V)
    weighted = inverse @ basis
    information = basis.T @ weighted
    projected = inverse - weighted @ np.linalg.solve(information, np.swapaxes(weighted, 1, 2))
    squares = np.maximum(np.einsum("i,gij,j->g", residuals, projected, residuals), 1e-24)
    ln = -0.5 * (np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1] + dof * np.log(squares))
    weight = np.exp(ln - ln.max())
    return SurfaceScatter(weight / weight.sum(), squares, dof)
