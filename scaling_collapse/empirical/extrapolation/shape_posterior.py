r"""The universal shape of a ladder's curves, with the offset at which they collapse: the likelihood and its posterior.

For size i with `n_i` runs of mean loss `L_i(x)`, on cells of `v = ln x` (`curve_noise`), the shape is
`s_i(x) = ln(L_i(x) - L_c) - ln(L_i(1) - L_c)`, 1 standing for the last cell: what a size's level is does not enter.

    s_i(x) = m(x) + z_i g(x) + d_i(x) + e_i(x),    z_i = ((p_i / p_mean)^-zeta - 1) / (zeta ln 2)

| term | prior | meaning |
|---|---|---|
| `m(x)` | flat in `exp(m)` | universal shape, `ln l(x)` |
| `L_c` | flat in `ln(L_min - L_c)`, `L_c >= 0` | the offset at which curves collapse, on a grid |
| `g(x)` | Gaussian process, `drift^2 K` | a deviation from collapse that changes with size, per doubling of p |
| `d_i(x)` | Gaussian process, `misfit^2 K` | a size beyond its seeds: tuning, the data order that they share |
| `e_i(x)` | Gaussian, `Q / n_i` | seed noise |

`K(x, x') = (x x')^-1/2 exp(-|ln x - ln x'| / 2)`, less its value at the last cell: shapes wander, more so early. The
standard deviations `misfit` and `drift`, the noise level (as far as the seeds leave it open) and `zeta` are integrated
over grids, with the likelihood's Jacobian `prod 1/(L_i - L_c)`, without which a small L_c would flatten every misfit
and win. `zeta = 0` is a drift that goes on with every doubling, as from a wrong exponent of the horizons: it looks
almost like another offset, so that curves know L_c only as far as such a drift is unlikely.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...common import Array
from ..fits.final_loss_solution import solve
from .curve_noise import CurveNoise, relative_level, seed_noise
from .ladder_curves import LadderCurves
from .shape_models import Shapes, ln_likelihood

__all__ = ["ShapePosterior", "fit_shape"]

MISFITS = np.geomspace(1e-4, 6e-2, 8)
DRIFTS = np.geomspace(1e-4, 6e-2, 7)
"""Grids of the two standard deviations at x = 1, relative to the reducible loss."""
USUAL, FACTOR = 2e-3, 4.5
"""Their log-normal prior: about 0.2 %, give or take this factor."""
RATES = np.array([1e-3, 0.5, 2.0])
"""Exponents zeta with which a drift dies: not at all, slow and fast; equally likely beforehand."""
UNKNOWN_NOISE = np.geomspace(3e-4, 0.1, 8) ** 2
"""Noise variances to try where no size has two seeds; equally likely beforehand, in the logarithm."""


@dataclass(frozen=True, kw_only=True)
class ShapePosterior:
    """The posterior of a ladder's shape: weighted hypotheses, each a Gaussian model.

    Parameters
    ----------
    curves, noise
        What it was fitted to.
    hypotheses, weights
        The grid, and weights that sum to 1, shape (h,); the offset runs slowest.
    u
        The grid of `ln(L_min - L_c)`, shape (g,), decreasing L_c.
    widest
        The range of u that the prior allows.
    """

    curves: LadderCurves
    noise: CurveNoise
    hypotheses: Shapes
    weights: Array
    u: Array
    widest: tuple[float, float]

    def mean(self, values: Array) -> float:
        """Posterior mean of a value given per hypothesis."""
        return float(self.weights @ values)

    @property
    def u_weights(self) -> Array:
        """Marginal weights of the grid of u."""
        return self.weights.reshape(self.u.size, -1).sum(axis=1)


def fit_shape(curves: LadderCurves) -> ShapePosterior:
    """The posterior of the shape; sizes need losses above 0.

    The window of L_c is found with few hypotheses, then narrowed to where the posterior has weight. The noise is
    measured relative to the reducible loss, so it is measured again once L_c is known.
    """
    smallest = float(curves.means.min())
    fall = float(curves.means.max(axis=1).mean()) - smallest
    widest = (math.log(min(1e-3 * fall, 0.5 * smallest)), math.log(smallest))
    L0 = min(float(solve(curves.C, np.maximum(curves.means[:, -1], 1e-300)).L0[0]), smallest - math.exp(widest[0]))
    noise = seed_noise(curves.runs, L0, curves.grid)
    found = _posterior(curves, noise, np.linspace(*widest, 40), widest, coarse=True)
    found = _posterior(curves, noise, np.linspace(*_window(found, 1e-8), 25), widest, coarse=True)
    if noise.dof:
        noise = seed_noise(curves.runs, found.mean(found.hypotheses.offset), curves.grid)
        found = _posterior(curves, noise, np.linspace(*_window(found, 1e-8), 25), widest, coarse=True)
    return _posterior(curves, noise, np.linspace(*_window(found, 1e-6), 25), widest)


def _posterior(
    curves: LadderCurves, noise: CurveNoise, u: Array, widest: tuple[float, float], *, coarse: bool = False
) -> ShapePosterior:
    """Every hypothesis weighed, on the grid `L_c = L_min - exp(u)`."""
    hypotheses = _hypotheses(curves, noise, curves.means.min() - np.exp(u), coarse=coarse)
    ln_weight = ln_likelihood(curves, noise, hypotheses) + hypotheses.ln_prior
    weights = np.exp(ln_weight - ln_weight.max())
    weights /= weights.sum()
    return ShapePosterior(curves=curves, noise=noise, hypotheses=hypotheses, weights=weights, u=u, widest=widest)


def _hypotheses(curves: LadderCurves, noise: CurveNoise, offset: Array, *, coarse: bool) -> Shapes:
    """All combinations of the grids; `coarse`: a few, to find where L_c lies."""
    factors, ln_prior_of_factor = _noise_factors(noise, coarse=coarse)
    every = 3 if coarse else 1
    misfits, drifts, rates = MISFITS[::every], DRIFTS[::every], RATES[::2] if coarse else RATES
    shape = (offset.size, misfits.size, drifts.size, rates.size, factors.size)
    of_offset, of_misfit, of_drift, of_rate, of_factor = np.indices(shape).reshape(len(shape), -1)
    misfit, drift = misfits[of_misfit], drifts[of_drift]
    width = 2.0 * math.log(FACTOR) ** 2
    level = (
        [relative_level(curves.runs, value) / noise.level for value in offset] if noise.dof else np.ones(offset.size)
    )
    return Shapes(
        offset=offset[of_offset],
        misfit=misfit,
        drift=drift,
        zeta=rates[of_rate],
        noise=np.asarray(level)[of_offset] * factors[of_factor],
        ln_prior=-(np.log(misfit / USUAL) ** 2 + np.log(drift / USUAL) ** 2) / width + ln_prior_of_factor[of_factor],
    )


def _noise_factors(noise: CurveNoise, *, coarse: bool) -> tuple[Array, Array]:
    """Factors on the variance of the seeds, and what the seeds say about each: their chi-squared likelihood, in ln."""
    if not noise.dof:
        return UNKNOWN_NOISE, np.zeros(UNKNOWN_NOISE.size)
    factors = np.exp(math.sqrt(2.0 / noise.dof) * np.array([-1.5, 0.0, 1.5]))
    ln_likelihood = -0.5 * noise.dof * (np.log(factors) + 1.0 / factors)
    return (factors[1:2], ln_likelihood[1:2]) if coarse else (factors, ln_likelihood)


def _window(found: ShapePosterior, negligible: float) -> tuple[float, float]:
    """The stretch of u outside of which no grid point has more than a negligible weight."""
    weights = found.u_weights
    inside = np.flatnonzero(weights > negligible * weights.max())
    return float(found.u[max(inside[0] - 1, 0)]), float(found.u[min(inside[-1] + 1, found.u.size - 1)])
