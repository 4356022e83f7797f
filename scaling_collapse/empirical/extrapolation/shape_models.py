"""The shapes of a ladder's curves (`shape_posterior`) where the nonlinear unknowns are given: Gaussian, solved fast.

A size's shape is its ln(L - L_c) less that at the last cell, so that no level enters. All of the universal shape drops
out of contrasts between sizes. In the basis that diagonalizes K and Q together cells decouple, in contrasts that
diagonalize `1 / n_i` so do sizes but for the drift, of rank one: a hypothesis costs a few sums over cells and sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common import Array
from .curve_noise import CurveNoise, relative_kernel
from .ladder_curves import LadderCurves

__all__ = [
    "KERNEL_LENGTH",
    "Models",
    "Shapes",
    "contrasts",
    "decoupled",
    "differences",
    "gaussian_models",
    "ln_likelihood",
]

KERNEL_LENGTH = 2.0
"""Length over which misfits change shape, in ln x."""


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Values of the unknowns that enter nonlinearly, each of shape (h,): one row is one Gaussian model."""

    offset: Array
    misfit: Array
    drift: Array
    zeta: Array
    noise: Array  # factor on Q
    ln_prior: Array

    def rows(self, at: Any) -> Shapes:
        """Some of them."""
        return Shapes(**{name: values[at] for name, values in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Models:
    """Hypotheses as Gaussian models of decoupled cells.

    In cell j the contrasts have the covariance `D_j + c_j u u'`, D diagonal: misfit and noise, and the drift.
    """

    inverse: Array  # 1 / D, (h, m, sizes - 1)
    u: Array  # contrasts of z, (h, 1, sizes - 1)
    shrink: Array  # c / (1 + c u' D^-1 u), (h, m)
    ln_det: Array  # ln det of all cells, (h,)
    data: Array  # contrasts of the shapes, (h, m, sizes - 1)

    def inner(self, left: Array, right: Array) -> Array:
        """`left' V^-1 right` of each cell, shape (h, m), for vectors of shape (..., m, sizes - 1)."""
        weighted = left * self.inverse
        crossed = (weighted * self.u).sum(axis=-1) * (right * self.inverse * self.u).sum(axis=-1)
        return (weighted * right).sum(axis=-1) - self.shrink * crossed


def contrasts(curves: LadderCurves) -> tuple[Array, Array]:
    """Contrasts H between sizes, shape (sizes - 1, sizes), and the diagonal of `H diag(1 / seeds) H'`; `H H' = 1`."""
    sizes = len(curves.runs)
    H = np.linalg.qr(np.eye(sizes) - 1.0 / sizes)[0][:, : sizes - 1].T
    noise, U = np.linalg.eigh((H / curves.seeds) @ H.T)
    return U.T @ H, noise


def differences(cells: int) -> Array:
    """Every cell less the last one, shape (cells - 1, cells)."""
    return np.hstack([np.eye(cells - 1), -np.ones((cells - 1, 1))])


def decoupled(Q: Array, v: Array) -> tuple[Array, Array]:
    """`(lam, T)` with `T' Q T = 1` and `T' K T = diag(lam)`, both of differences to the last cell."""
    from scipy.linalg import eigh

    B = differences(v.size)
    lam, T = eigh(B @ relative_kernel(v, KERNEL_LENGTH) @ B.T, B @ Q @ B.T)
    return lam, T


def gaussian_models(curves: LadderCurves, noise: CurveNoise, h: Shapes) -> Models:
    """The Gaussian model of each hypothesis."""
    lam, T = decoupled(noise.Q, curves.grid.v)
    H, of_seeds = contrasts(curves)
    offset, at = np.unique(h.offset, return_inverse=True)
    shape = _ln_cells(curves, offset) @ differences(curves.grid.v.size).T  # (offsets, sizes, m)
    data = np.swapaxes(H @ shape @ T, 1, 2)[at]
    inverse = 1.0 / (lam[:, None] * h.misfit[:, None, None] ** 2 + h.noise[:, None, None] * of_seeds)
    u = (curves.drift_size(curves.params, h.zeta) @ H.T)[:, None, :]
    c = lam * h.drift[:, None] ** 2
    growth = 1.0 + c * (u * u * inverse).sum(axis=2)
    ln_det = np.log(growth).sum(axis=1) - np.log(inverse).sum(axis=(1, 2))
    return Models(inverse=inverse, u=u, shrink=c / growth, ln_det=ln_det, data=data)


def ln_likelihood(curves: LadderCurves, noise: CurveNoise, h: Shapes) -> Array:
    """Log likelihood of each hypothesis, up to one constant for all, in blocks that fit the cache."""
    blocks = [slice(start, start + 1024) for start in range(0, h.offset.size, 1024)]
    return np.concatenate([_of_block(curves, noise, h.rows(block)) for block in blocks])


def _of_block(curves: LadderCurves, noise: CurveNoise, h: Shapes) -> Array:
    k, models = len(curves.runs), gaussian_models(curves, noise, h)
    squares = models.inner(models.data, models.data).sum(axis=1)
    offset, at = np.unique(h.offset, return_inverse=True)
    # Density of the losses before the last cell given the last one; (k - 1) / k: the mean shape is flat in the loss.
    jacobian = -(k - 1) / k * _ln_cells(curves, offset)[..., :-1].sum(axis=(1, 2))[at]
    return -0.5 * (squares + models.ln_det) + jacobian


def _ln_cells(curves: LadderCurves, offset: Array) -> Array:
    """`ln(L_i - offset)` on the cells, shape (offsets, sizes, cells)."""
    return np.log(curves.means - offset[:, None, None]) @ curves.grid.average.T
