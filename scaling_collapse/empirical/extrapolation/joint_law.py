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
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...common import Array
from ..fits.final_loss_solution import solve
from .curve_draws import Interval
from .curve_noise import CurveNoise, relative_level, seed_noise
from .joint_models import Hypotheses, solve_models
from .ladder_curves import LadderCurves

__all__ = ["JointPosterior", "fit_joint_law"]

MISFITS = np.geomspace(1e-4, 3e-2, 10)
DRIFTS = np.geomspace(1e-4, 3e-2, 8)
"""Grids of the two standard deviations at x = 1, relative to the reducible loss."""
USUAL, FACTOR = 2e-3, 4.5
"""Their log-normal prior: about 0.2 %, give or take this factor."""
RATES = np.array([0.5, 2.0])
"""Exponents zeta with which a drift dies, slow and fast; equally likely beforehand."""
UNKNOWN_NOISE = np.geomspace(3e-4, 0.1, 8) ** 2
"""Noise variances to try where no size has two seeds; equally likely beforehand, in the logarithm."""


@dataclass(frozen=True, kw_only=True)
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
    def L0_grid(self) -> Array:
        """The grid of L0, decreasing, shape (g,)."""
        return self.curves.means.min() - np.exp(self.u)

    @property
    def L0_weights(self) -> Array:
        """Its marginal weights."""
        return self.weights.reshape(self.u.size, -1).sum(axis=1)

    def L0_interval(self, level: float) -> Interval:
        """Equal-tailed interval of L0, from its distribution function interpolated between grid points."""
        weights = self.L0_weights[::-1]
        below = np.cumsum(weights) - 0.5 * weights
        low, high = np.interp([0.5 - level / 2, 0.5 + level / 2], below, self.L0_grid[::-1])
        return float(low), float(high)


def fit_joint_law(curves: LadderCurves) -> JointPosterior:
    """The posterior of the joint model; sizes need losses above 0.

    The window of L0 is found with few hypotheses, then narrowed to where the posterior has weight. The noise is
    measured relative to the reducible loss, so it is measured again once L0 is known.
    """
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
    """Every hypothesis weighed, on the grid `L0 = L_min - exp(u)`."""
    hypotheses = _hypotheses(curves, noise, curves.means.min() - np.exp(u), coarse=coarse)
    solved = solve_models(curves, noise, hypotheses)
    ln_weight = solved.ln_likelihood + hypotheses.ln_prior
    weights = np.exp(ln_weight - ln_weight.max())
    weights /= weights.sum()
    return JointPosterior(curves=curves, noise=noise, hypotheses=hypotheses, b=solved.b, weights=weights, u=u)


def _hypotheses(curves: LadderCurves, noise: CurveNoise, L0: Array, *, coarse: bool) -> Hypotheses:
    """All combinations of the grids; `coarse`: a few, to find where L0 lies."""
    factors, ln_prior_of_factor = _noise_factors(noise, coarse=coarse)
    every = 3 if coarse else 1
    misfits, drifts, rates = MISFITS[::every], DRIFTS[::every], RATES[-1:] if coarse else RATES
    shape = (L0.size, misfits.size, drifts.size, rates.size, factors.size)
    of_L0, of_misfit, of_drift, of_rate, of_factor = np.indices(shape).reshape(len(shape), -1)
    misfit, drift = misfits[of_misfit], drifts[of_drift]
    width = 2.0 * math.log(FACTOR) ** 2
    level = [relative_level(curves.runs, value) / noise.level for value in L0] if noise.dof else np.ones(L0.size)
    return Hypotheses(
        L0=L0[of_L0],
        misfit=misfit,
        drift=drift,
        zeta=rates[of_rate],
        noise=np.asarray(level)[of_L0] * factors[of_factor],
        ln_prior=-(np.log(misfit / USUAL) ** 2 + np.log(drift / USUAL) ** 2) / width + ln_prior_of_factor[of_factor],
    )


def _noise_factors(noise: CurveNoise, *, coarse: bool) -> tuple[Array, Array]:
    """Factors on the variance of the seeds, and what the seeds say about each: their chi-squared likelihood, in ln."""
    if not noise.dof:
        return UNKNOWN_NOISE, np.zeros(UNKNOWN_NOISE.size)
    factors = np.exp(math.sqrt(2.0 / noise.dof) * np.array([-1.5, 0.0, 1.5]))
    ln_likelihood = -0.5 * noise.dof * (np.log(factors) + 1.0 / factors)
    return (factors[1:2], ln_likelihood[1:2]) if coarse else (factors, ln_likelihood)


def _window(found: JointPosterior, negligible: float) -> tuple[float, float]:
    """The stretch of u outside of which no grid point has more than a negligible weight."""
    weights = found.L0_weights
    inside = np.flatnonzero(weights > negligible * weights.max())
    return float(found.u[max(inside[0] - 1, 0)]), float(found.u[min(inside[-1] + 1, found.u.size - 1)])
