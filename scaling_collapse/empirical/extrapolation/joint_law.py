r"""Scaling law and universal curve of a ladder, estimated together from whole curves: the likelihood and its posterior.

For size i with `n_i` runs of mean loss `L_i(x)`, on cells of `v = ln x` (`curve_noise`):

    ln(L_i(x) - L0) = m(x) - b ln(C_i / C_mean) + z_i g(x) + d_i(x) + e_i(x)
    z_i = ((p_i / p_mean)^-zeta - 1) / (zeta ln 2)

| term | prior | meaning |
|---|---|---|
| `m(x)`, `b` | flat in `exp(m)` and `b` | universal curve with the coefficient, `exp(m) = a C_mean^-b l(x)`; exponent |
| `L0` | flat in `ln(L_min - L0)`, `L0 >= 0` | irreducible loss, on a grid: the only unknown that enters nonlinearly |
| `g(x)` | Gaussian process, `drift^2 K` | a deviation from collapse that dies with size, per doubling of p |
| `d_i(x)` | Gaussian process, `misfit^2 K` | a size beyond its seeds: tuning, the data order that they share |
| `e_i(x)` | Gaussian, `Q / n_i` | seed noise |

`K(x, x') = (x x')^-1/2 exp(-|ln x - ln x'| / 2)`: shapes wander, more so early. The standard deviations `misfit` and
`drift`, the noise level (as far as the seeds leave it open) and `zeta` are integrated over grids, with the
likelihood's Jacobian `prod 1/(L_i - L0)`, without which a small L0 would flatten every misfit and win. (Flat in
`exp(m)`, in units of loss: the level of the mean curve, known almost exactly, must not speak for any L0.)

All of `m` drops out of contrasts between sizes; `b` is one regression coefficient. In the basis that diagonalizes K and
Q together cells decouple, in contrasts that diagonalize `1 / n_i` so do sizes but for the drift, of rank one: a
hypothesis costs a few sums over cells and sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common import Array
from .curve_noise import CellGrid, CurveNoise, relative_kernel, relative_level, seed_noise

__all__ = ["CurveDraws", "JointPosterior", "LadderCurves", "fit_joint_law"]

KERNEL_LENGTH = 2.0
"""Length over which misfits change shape, in ln x."""
MISFITS = np.geomspace(1e-4, 3e-2, 10)
DRIFTS = np.geomspace(1e-4, 3e-2, 8)
"""Grids of the two standard deviations at x = 1, relative to the reducible loss."""
USUAL, FACTOR = 2e-3, 4.5
"""Their log-normal prior: about 0.2 %, give or take this factor."""
RATES = (0.5, 2.0)
"""Exponents zeta with which a drift dies, slow and fast; equally likely beforehand."""
UNKNOWN_NOISE = np.geomspace(3e-4, 0.1, 8) ** 2
"""Noise variances to try where no size has two seeds; equally likely beforehand, in the logarithm."""


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
        return Hypotheses(*(values[at] for values in vars(self).values()))


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class CurveDraws:
    """Draws from the posterior of a new size, each of shape (draws, n) or (draws,).

    Parameters
    ----------
    expected
        Its expected curve: what infinitely many of its runs would average to.
    single
        One run of it.
    L0, a, b
        The law, `a` for C in PFLOPs.
    """

    expected: Array
    single: Array
    L0: Array
    a: Array
    b: Array


def _contrasts(curves: LadderCurves) -> tuple[Array, Array]:
    """Contrasts H between sizes, shape (sizes - 1, sizes), and the diagonal of `H diag(1 / seeds) H'`; `H H' = 1`."""
    sizes = len(curves.runs)
    H = np.linalg.qr(np.eye(sizes) - 1.0 / sizes)[0][:, : sizes - 1].T
    noise, U = np.linalg.eigh((H / curves.seeds) @ H.T)
    return U.T @ H, noise


def _basis(Q: Array, v: Array) -> tuple[Array, Array]:
    """`(lam, T)` with `T' Q T = 1` and `T' K T = diag(lam)`."""
    from scipy.linalg import eigh

    lam, T = eigh(relative_kernel(v, KERNEL_LENGTH), Q)
    return lam, T


def _models(curves: LadderCurves, noise: CurveNoise, h: Hypotheses) -> Models:
    """The Gaussian model of each hypothesis."""
    lam, T = _basis(noise.Q, curves.grid.v)
    H, of_seeds = _contrasts(curves)
    L0, at = np.unique(h.L0, return_inverse=True)
    ln_R = np.log(curves.means - L0[:, None, None]) @ curves.grid.average.T  # (L0, sizes, m)
    data = np.swapaxes(H @ ln_R @ T, 1, 2)[at]
    slope = -T.sum(axis=0)[:, None] * (H @ curves.ln_C)
    inverse = 1.0 / (lam[:, None] * h.misfit[:, None, None] ** 2 + h.noise[:, None, None] * of_seeds)
    u = (curves.drift_size(curves.params, h.zeta) @ H.T)[:, None, :]
    c = lam * h.drift[:, None] ** 2
    growth = 1.0 + c * (u * u * inverse).sum(axis=2)
    ln_det = np.log(growth).sum(axis=1) - np.log(inverse).sum(axis=(1, 2))
    return Models(inverse, u, c / growth, ln_det, data, slope)


def _solve(curves: LadderCurves, noise: CurveNoise, h: Hypotheses) -> tuple[Array, Array]:
    """Log likelihood and best b of each hypothesis, up to one constant for all, in blocks that fit the cache."""
    blocks = [slice(start, start + 1024) for start in range(0, h.L0.size, 1024)]
    parts = [_solve_block(curves, noise, h.rows(block)) for block in blocks]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _solve_block(curves: LadderCurves, noise: CurveNoise, h: Hypotheses) -> tuple[Array, Array]:
    k, models = len(curves.runs), _models(curves, noise, h)
    precision = models.inner(models.slope, models.slope).sum(axis=1)
    b = models.inner(models.slope, models.data).sum(axis=1) / precision
    squares = models.inner(models.data, models.data).sum(axis=1) - b * b * precision
    L0, at = np.unique(h.L0, return_inverse=True)
    ln_R = (np.log(curves.means - L0[:, None, None]) @ curves.grid.average.T).sum(axis=(1, 2))
    jacobian = -(k - 1) / k * ln_R[at]  # (k - 1) / k: the prior is flat in exp(m)
    return -0.5 * (squares + models.ln_det + np.log(precision)) + jacobian, b


def _hypotheses(curves: LadderCurves, noise: CurveNoise, u: Array, *, coarse: bool = False) -> Hypotheses:
    """All combinations of the grids with `L0 = L_min - exp(u)`; `coarse`: a few, to find where L0 lies."""
    L0 = curves.means.min() - np.exp(u)
    if noise.dof:
        f = np.exp(math.sqrt(2.0 / noise.dof) * np.array([-1.5, 0.0, 1.5]))
        ln_prior_of_f = -0.5 * noise.dof * (np.log(f) + 1.0 / f)  # the seeds' chi-squared likelihood of their level
    else:
        f, ln_prior_of_f = UNKNOWN_NOISE, np.zeros(UNKNOWN_NOISE.size)
    every = 3 if coarse else 1
    if coarse and noise.dof:
        f, ln_prior_of_f = f[1:2], ln_prior_of_f[1:2]
    rates = RATES[-1:] if coarse else RATES
    axes = (L0, MISFITS[::every], DRIFTS[::every], np.array(rates), f)
    rows = np.indices([axis.size for axis in axes]).reshape(len(axes), -1)
    misfit, drift, zeta = (axis[at] for axis, at in zip(axes[1:4], rows[1:4], strict=True))
    i, j = rows[0], rows[4]
    width = 2.0 * math.log(FACTOR) ** 2
    ln_prior = -(np.log(misfit / USUAL) ** 2 + np.log(drift / USUAL) ** 2) / width + ln_prior_of_f[j]
    level = [relative_level(curves.runs, value) / noise.level for value in L0] if noise.dof else np.ones(L0.size)
    return Hypotheses(L0[i], misfit, drift, zeta, np.asarray(level)[i] * f[j], ln_prior)


@dataclass(frozen=True)
class JointPosterior:
    """The posterior of a ladder's law and curve: weighted hypotheses, each a Gaussian model.

    Parameters
    ----------
    curves, noise
        What it was fitted to.
    hypotheses, b, weights
        The grid, the best exponent at each point, and weights that sum to 1, shape (h,).
    u
        The grid of `ln(L_min - L0)`, shape (g,), decreasing L0.
    """

    curves: LadderCurves
    noise: CurveNoise
    hypotheses: Hypotheses
    b: Array
    weights: Array
    u: Array

    def mean(self, values: Array) -> float:
        """Posterior mean of a value given per hypothesis."""
        return float(self.weights @ values)

    @property
    def L0_weights(self) -> tuple[Array, Array]:
        """The grid of L0, decreasing, and its marginal weights."""
        return self.curves.means.min() - np.exp(self.u), self.weights.reshape(self.u.size, -1).sum(axis=1)

    def L0_interval(self, level: float) -> tuple[float, float]:
        """Equal-tailed interval of L0, from its distribution function interpolated between grid points."""
        L0, weights = self.L0_weights
        below = np.cumsum(weights[::-1])
        below = below - 0.5 * weights[::-1]
        low, high = np.interp([0.5 - level / 2, 0.5 + level / 2], below, L0[::-1])
        return float(low), float(high)

    def predict(self, params: float, C: float, *, draws: int, rng: np.random.Generator) -> tuple[Array, CurveDraws]:
        """The posterior mean of a new size's expected curve, shape (n,), and draws.

        Parameters
        ----------
        params, C
            The new size and its compute at the horizon in PFLOPs.
        draws
            Number of draws.
        rng
            The only source of randomness.
        """
        curves, k = self.curves, len(self.curves.runs)
        rows = np.flatnonzero(self.weights > 1e-4 * self.weights.max())
        weights = self.weights[rows] / self.weights[rows].sum()
        h = self.hypotheses.rows(rows)
        models = _models(curves, self.noise, h)
        lam, T = _basis(self.noise.Q, curves.grid.v)
        H, _ = _contrasts(curves)

        # The target: ln of the new size's reducible loss less the mean over sizes, a contrast too.
        share = 1.0 / (k * curves.seeds)  # of one size's seed noise in the mean, H share = 0 where seeds are equal
        ln_c = math.log(C) - float(np.log(curves.C).mean())
        z = curves.drift_size(curves.params, h.zeta)
        step = curves.drift_size(params, h.zeta) - z.mean(axis=1)
        drift = (step * h.drift**2)[:, None] * (z @ H.T)  # misfit is absent: the mean's own is orthogonal to contrasts
        cross = lam[:, None] * drift[:, None] - h.noise[:, None, None] * (H @ share)
        own = lam * ((1 + 1 / k) * h.misfit**2 + (h.drift * step) ** 2)[:, None] + (h.noise * share.sum() / k)[:, None]
        variance = np.maximum(own - models.inner(cross, cross), 0.0)
        by_b = -ln_c * T.sum(axis=0) - models.inner(cross, models.slope)
        precision = models.inner(models.slope, models.slope).sum(axis=1)
        b = self.b[rows]
        centre = models.inner(cross, models.data) + b[:, None] * by_b

        to_grid = np.linalg.inv(T) @ curves.grid.spread
        distinct, at = np.unique(h.L0, return_inverse=True)
        ln_mean = np.log(curves.means - distinct[:, None, None]).mean(axis=1)  # (L0, n)
        expected = weights @ (h.L0[:, None] + np.exp(ln_mean[at] + centre @ to_grid))

        pick = rng.choice(rows.size, p=weights, size=draws)
        off = rng.standard_normal(draws) / np.sqrt(precision[pick])
        cells = centre[pick] + off[:, None] * by_b[pick]
        cells += np.sqrt(variance[pick]) * rng.standard_normal(cells.shape)
        base, offset = ln_mean[at[pick]], h.L0[pick][:, None]
        fast = self.noise.fast * (h.noise[pick][:, None] if self.noise.dof else 1.0)
        mean_fast = math.sqrt(share.sum() / k)
        ripple = np.sqrt(fast) * rng.standard_normal((2, draws, base.shape[1]))
        own_run = np.sqrt(h.noise[pick])[:, None] * rng.standard_normal(cells.shape)
        average = offset + np.exp(base + cells @ to_grid + mean_fast * ripple[0])
        single = offset + np.exp(base + (cells + own_run) @ to_grid + mean_fast * ripple[0] + ripple[1])
        exponent = b[pick] + off
        a = np.exp(base[:, -1] + exponent * float(np.log(curves.C).mean()))
        return expected, CurveDraws(average, single, h.L0[pick], a, exponent)


def fit_joint_law(curves: LadderCurves) -> JointPosterior:
    """The posterior of the joint model; sizes need losses above 0.

    The window of L0 is found with few hypotheses, then narrowed to where the posterior has weight. The noise is
    measured relative to the reducible loss, so it is measured again once L0 is known.
    """
    from ..fits.final_loss_solution import solve

    smallest = float(curves.means.min())
    fall = float(curves.means.max(axis=1).mean()) - smallest
    widest = (math.log(min(1e-3 * fall, 0.5 * smallest)), math.log(smallest))
    L0 = min(float(solve(curves.C, np.maximum(curves.means[:, -1], 1e-300)).L0[0]), smallest - math.exp(widest[0]))
    noise = seed_noise(curves.runs, L0, curves.grid)
    found = _posterior(curves, noise, np.linspace(*widest, 40), coarse=True)
    found = _posterior(curves, noise, np.linspace(*_window(found, 1e-8), 25), coarse=True)
    if noise.dof:
        noise = seed_noise(curves.runs, found.mean(found.hypotheses.L0), curves.grid)
        found = _posterior(curves, noise, np.linspace(*_window(found, 1e-8), 25), coarse=True)
    return _posterior(curves, noise, np.linspace(*_window(found, 1e-6), 25))


def _posterior(curves: LadderCurves, noise: CurveNoise, u: Array, *, coarse: bool = False) -> JointPosterior:
    hypotheses = _hypotheses(curves, noise, u, coarse=coarse)
    ln_likelihood, b = _solve(curves, noise, hypotheses)
    ln_weight = ln_likelihood + hypotheses.ln_prior
    weights = np.exp(ln_weight - ln_weight.max())
    return JointPosterior(curves, noise, hypotheses, b, weights / weights.sum(), u)


def _window(found: JointPosterior, negligible: float) -> tuple[float, float]:
    """The stretch of u outside of which no grid point has more than a negligible weight."""
    weights = found.L0_weights[1]
    inside = np.flatnonzero(weights > negligible * weights.max())
    return float(found.u[max(inside[0] - 1, 0)]), float(found.u[min(inside[-1] + 1, found.u.size - 1)])
