"""`ShapePrior`: what is known of a run's curve before it is seen, and how what is seen of it changes that.

A mixture over hypotheses j of one linear Gaussian model. At the knots the run's `ln(L - offset)` is

    z(x_k) = level + y_k,  y_K = 0,  y ~ N(mean_j, factor_j factor_j'),  level flat,

and a cell's mean is the cubic through the knots plus independent noise. numpy only, no loop over hypotheses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Array
from .cell_noise import noise_ratio
from .normal_mixture import mixture_quantiles
from .progress_grid import Cells, ProgressGrid

__all__ = ["Outlook", "ShapePrior", "as_normal"]

UNLIKE = 3.1
"""Standard normal quantile (one in a thousand) beyond which what is seen does not go with the references."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The rest of a run's curve.

    Parameters
    ----------
    x
        Progress, shape (points,).
    median, low, high
        Of `ln(L - offset)` of one run, shape (points,).
    surprise
        How far what was seen lies from what references let expect, as a standard normal quantile.
    """

    x: Array
    median: Array
    low: Array
    high: Array
    surprise: float

    @property
    def unlike(self) -> bool:
        """Whether what was seen does not go with the references."""
        return self.surprise > UNLIKE


@dataclass(frozen=True, kw_only=True)
class ShapePrior:
    """Hypotheses j = 1..J about the shape of one run of a family.

    Parameters
    ----------
    grid
        K knots.
    ln_weight
        Shape (J,).
    mean
        Of the shape at all knots but the last, shape (J, K - 1).
    factor
        Its lower Cholesky factor, shape (J, K - 1, K - 1).
    noise
        Standard deviation of a cell's mean at the knots, shape (K,).
    last
        Mean and standard deviation of the last logged value against the curve through the knots.
    point
        Noise of one logged point over that of a cell's mean.
    """

    grid: ProgressGrid
    ln_weight: Array
    mean: Array
    factor: Array
    noise: Array
    last: tuple[float, float]
    point: float

    def outlook(self, seen: Cells, x: Array, *, level: float = 0.9) -> Outlook:
        """The curve at progress `x` (increasing, last 1) of the run of which `seen` is the beginning.

        With precision `w` of the cells, their weights H over the knots and everything less its weighted mean (the flat
        level): `P = factor (1 + factor' H'wH factor)^-1 factor'` and `y = mean + P H'w (z - H mean)`.
        """
        ratio = noise_ratio(seen, self.grid, self.noise)
        w = (np.interp(seen.x, self.grid.knots, self.noise) * ratio) ** -2
        H = self.grid.weights(seen.x)[:, :-1]
        h_mean, z_mean = w @ H / w.sum(), w @ seen.z / w.sum()
        H, z = H - h_mean, seen.z - z_mean
        miss = z - self.mean @ H.T  # (J, cells)
        F = H @ self.factor  # (J, cells, K - 1)
        inner = np.eye(self.mean.shape[1]) + np.swapaxes(F, 1, 2) @ (w[:, None] * F)
        pull = np.einsum("jck,jc->jk", F, w * miss)
        ahead = self.grid.weights(x)[:, :-1] - h_mean
        G = ahead @ self.factor  # (J, points, K - 1)
        solved = np.linalg.solve(inner, np.concatenate([pull[:, :, None], np.swapaxes(G, 1, 2)], axis=2))
        mean = z_mean + self.mean @ ahead.T + np.einsum("jpk,jk->jp", G, solved[:, :, 0])
        variance = 1 / w.sum() + np.einsum("jpk,jkp->jp", G, solved[:, :, 1:])
        misfit = (w * miss**2).sum(axis=1) - (pull * solved[:, :, 0]).sum(axis=1)
        ln_weight = self.ln_weight - 0.5 * misfit - 0.5 * np.linalg.slogdet(inner)[1]
        weight = np.exp(ln_weight - ln_weight.max())
        weight /= weight.sum()
        freedom = max(len(seen) - 1, 1)
        surprise = as_normal(float(weight @ misfit), freedom)
        if surprise > UNLIKE:  # the references' spread is too small for this run
            variance *= float(weight @ misfit) / freedom
        mean[:, -1] += self.last[0]
        own = np.interp(x, self.grid.knots, self.noise) * ratio * self.point
        own[-1] = self.last[1]
        shares = np.array([0.5, (1 - level) / 2, (1 + level) / 2])
        median, low, high = mixture_quantiles(shares, weight, mean, np.sqrt(variance + own**2))
        return Outlook(x=x, median=median, low=low, high=high, surprise=surprise)


def as_normal(chi2: float, freedom: int) -> float:
    """A chi-squared value as a standard normal quantile (Wilson and Hilferty)."""
    spread = 2 / (9 * freedom)
    return ((chi2 / freedom) ** (1 / 3) - 1 + spread) / spread**0.5
