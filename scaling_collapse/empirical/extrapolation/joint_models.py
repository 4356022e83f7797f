"""The joint model of a ladder (`joint_law`) where its nonlinear unknowns are given: a Gaussian model, solved fast.

All of `m` drops out of contrasts between sizes; `b` is one regression coefficient. In the basis that diagonalizes K and
Q together cells decouple, in contrasts that diagonalize `1 / n_i` so do sizes but for the drift, of rank one: a
hypothesis costs a few sums over cells and sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...common import Array
from .curve_noise import CurveNoise, relative_kernel
from .ladder_curves import LadderCurves

__all__ = [
    "KERNEL_LENGTH",
    "Hypotheses",
    "Models",
    "Solved",
    "contrasts",
    "decoupled",
    "gaussian_models",
    "solve_models",
]

KERNEL_LENGTH = 2.0
"""Length over which misfits change shape, in ln x."""


@dataclass(frozen=True, kw_only=True)
class Hypotheses:
    """Values of the unknowns that enter nonlinearly, each of shape (h,): one row is one Gaussian model."""

    L0: Array
    misfit: Array
    drift: Array
    zeta: Array
    noise: Array  # factor on Q
    ln_prior: Array

    def rows(self, at: Any) -> Hypotheses:
        """Some of them."""
        return Hypotheses(**{name: values[at] for name, values in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Models:
    """Hypotheses as Gaussian models of decoupled cells.

    In cell j the contrasts have the covariance `D_j + c_j u u'`, D diagonal: misfit and noise, and the drift.
    """

    inverse: Array  # 1 / D, (h, m, sizes - 1)
    u: Array  # contrasts of z, (h, 1, sizes - 1)
    shrink: Array  # c / (1 + c u' D^-1 u), (h, m)
    ln_det: Array  # ln det of all cells, (h,)
    data: Array  # contrasts of ln(L - L0), (h, m, sizes - 1)
    slope: Array  # what they change by per unit of b, (m, sizes - 1)

    def inner(self, left: Array, right: Array) -> Array:
        """`left' V^-1 right` of each cell, shape (h, m), for vectors of shape (..., m, sizes - 1)."""
        weighted = left * self.inverse
        crossed = (weighted * self.u).sum(axis=-1) * (right * self.inverse * self.u).sum(axis=-1)
        return (weighted * right).sum(axis=-1) - self.shrink * crossed

    @property
    def precision_of_b(self) -> Array:
        """Inverse variance of the regression coefficient b, shape (h,)."""
        return self.inner(self.slope, self.slope).sum(axis=1)


class Solved(NamedTuple):
    """Of each hypothesis, shape (h,): its log likelihood, up to one constant for all, and its best b."""

    ln_likelihood: Array
    b: Array


def contrasts(curves: LadderCurves) -> tuple[Array, Array]:
    """Contrasts H between sizes, shape (sizes - 1, sizes), and the diagonal of `H diag(1 / seeds) H'`; `H H' = 1`."""
    sizes = len(curves.runs)
    H = np.linalg.qr(np.eye(sizes) - 1.0 / sizes)[0][:, : sizes - 1].T
    noise, U = np.linalg.eigh((H / curves.seeds) @ H.T)
    return U.T @ H, noise


def decoupled(Q: Array, v: Array) -> tuple[Array, Array]:
    """`(lam, T)` with `T' Q T = 1` and `T' K T = diag(lam)`."""
    from scipy.linalg import eigh

    lam, T = eigh(relative_kernel(v, KERNEL_LENGTH), Q)
    return lam, T


def gaussian_models(curves: LadderCurves, noise: CurveNoise, h: Hypotheses) -> Models:
    """The Gaussian model of each hypothesis."""
    lam, T = decoupled(noise.Q, curves.grid.v)
    H, of_seeds = contrasts(curves)
    L0, at = np.unique(h.L0, return_inverse=True)
    ln_R = np.log(curves.means - L0[:, None, None]) @ curves.grid.average.T  # (L0, sizes, m)
    data = np.swapaxes(H @ ln_R @ T, 1, 2)[at]
    slope = -T.sum(axis=0)[:, None] * (H @ curves.ln_C)
    inverse = 1.0 / (lam[:, None] * h.misfit[:, None, None] ** 2 + h.noise[:, None, None] * of_seeds)
    u = (curves.drift_size(curves.params, h.zeta) @ H.T)[:, None, :]
    c = lam * h.drift[:, None] ** 2
    growth = 1.0 + c * (u * u * inverse).sum(axis=2)
    ln_det = np.log(growth).sum(axis=1) - np.log(inverse).sum(axis=(1, 2))
    return Models(inverse=inverse, u=u, shrink=c / growth, ln_det=ln_det, data=data, slope=slope)


def solve_models(curves: LadderCurves, noise: CurveNoise, h: Hypotheses) -> Solved:
    """Every hypothesis solved, in blocks that fit the cache."""
    blocks = [slice(start, start + 1024) for start in range(0, h.L0.size, 1024)]
    parts = [_solve_block(curves, noise, h.rows(block)) for block in blocks]
    return Solved(*map(np.concatenate, zip(*parts, strict=True)))


def _solve_block(curves: LadderCurves, noise: CurveNoise, h: Hypotheses) -> Solved:
    k, models = len(curves.runs), gaussian_models(curves, noise, h)
    precision = models.precision_of_b
    b = models.inner(models.slope, models.data).sum(axis=1) / precision
    squares = models.inner(models.data, models.data).sum(axis=1) - b * b * precision
    L0, at = np.unique(h.L0, return_inverse=True)
    ln_R = (np.log(curves.means - L0[:, None, None]) @ curves.grid.average.T).sum(axis=(1, 2))
    jacobian = -(k - 1) / k * ln_R[at]  # (k - 1) / k: the prior is flat in exp(m)
    return Solved(-0.5 * (squares + models.ln_det + np.log(precision)) + jacobian, b)
