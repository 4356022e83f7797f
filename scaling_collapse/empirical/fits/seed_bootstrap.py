r"""Resampling seeds within sizes: what another draw of the same runs could have given.

A plain bootstrap of n seeds has a spread too small by `sqrt((n - 1) / n)`, which matters at n = 2 to 5. So deviations
from the size's mean are stretched by the inverse, and, for intervals of fits, by `sqrt(k / chi2_k)` per draw, k the
pooled degrees of freedom: the same correction that turns a normal interval into Student's t. Seeds do not show what all
runs of a size have in common; for intervals of fits the scatter of the sizes about the law does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import Array

__all__ = ["mean_draws", "resampled_runs"]


def resampled_runs(L: Array, size_index: NDArray[np.intp], draws: int, rng: np.random.Generator) -> Array:
    """Runs with seeds resampled within sizes, shape (draws, runs, n).

    Parameters
    ----------
    L
        Losses on a grid, shape (runs, n).
    size_index
        Size of each run, shape (runs,). A size with one run stays as it is.
    draws
        Number of resamples.
    rng
        The only source of randomness.
    """
    result = np.broadcast_to(L, (draws, *L.shape)).copy()
    for size in np.unique(size_index):
        rows = np.flatnonzero(size_index == size)
        if rows.size < 2:
            continue
        mean = L[rows].mean(axis=0)
        pick = rng.integers(rows.size, size=(draws, rows.size))
        result[:, rows] = mean + _stretch(rows.size) * (L[rows][pick] - mean)
    return result


def mean_draws(
    finals: Sequence[Array], fitted: Array, parameters: int, draws: int, rng: np.random.Generator
) -> tuple[Array, float]:
    """Draws of the sizes' mean final losses, shape (draws, sizes), and how far the fit misses the means.

    Sizes with several seeds resample them. Sizes with one take the pooled seed-to-seed spread of the others. To these
    comes what the seeds of a size have in common (tuning, data order), which only the misfit of the means shows: with p
    the probability of a misfit as large from seeds alone, a share `1 - 2 p` of the draws (none where p > 1/2) has
    levels that scatter between sizes, by the excess of the misfit. Where no size has two seeds all scatter is that of
    the fit's residuals, with `sizes - parameters` degrees of freedom.

    Parameters
    ----------
    finals
        For each size the final losses of its seeds, > 0.
    fitted
        The law at each size, shape (sizes,).
    parameters
        Parameters of the fit, 3 for `L0, a, b`.
    draws
        Number of resamples.
    rng
        The only source of randomness.

    Returns
    -------
    draws, misfit
        `misfit` is the rms of the fit's residuals over what seeds explain (1 is as expected), NaN without seeds or
        without degrees of freedom.

    Raises
    ------
    ValueError
        If there are neither two seeds of one size nor more sizes than parameters.
    """
    means = np.array([f.mean() for f in finals])
    noise = _scatter_of_finals(finals, np.log(means / fitted), parameters)
    student, level = noise.draw(draws, rng)
    result = np.empty((draws, len(finals)))
    for i, f in enumerate(finals):
        if f.size >= 2:
            picked = f[rng.integers(f.size, size=(draws, f.size))].mean(axis=1) / means[i] - 1.0
            seeds = _stretch(f.size) * picked
        else:
            seeds = noise.pooled * rng.standard_normal(draws)
        result[:, i] = means[i] * np.exp(student * seeds + level * rng.standard_normal(draws))
    return result, noise.misfit


class _Scatter(NamedTuple):
    """Sums of squared relative deviations with their degrees of freedom: of seeds within sizes, of means from the fit.

    A mean counts as often as it has seeds, so that both have the same variance where seeds are all there is.
    """

    seeds: float
    seed_dof: int
    fit: float
    fit_dof: int
    mean_runs: float

    @property
    def pooled(self) -> float:
        """Seed-to-seed spread of a final loss; 0 where no size has two seeds: all scatter is then between sizes."""
        return math.sqrt(self.seeds / self.seed_dof) if self.seed_dof else 0.0

    @property
    def misfit(self) -> float:
        """Spread of the means about the fit over what seeds explain; NaN where one of them is unknown."""
        known = self.fit_dof > 0 and self.pooled > 0
        return math.sqrt(self.fit / self.fit_dof) / self.pooled if known else math.nan

    def draw(self, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """For each draw a factor on the spread of seeds, and the spread of levels between sizes."""
        student, variance, share = np.ones(draws), np.zeros(draws), 1.0
        if self.seed_dof:
            student = np.sqrt(self.seed_dof / rng.chisquare(self.seed_dof, size=draws))
            variance = (student * self.pooled) ** 2
            share = self._share_with_levels()
        level = np.zeros(draws)
        if share > 0:
            excess = self.fit / rng.chisquare(self.fit_dof, size=draws) - variance
            level = np.sqrt(np.maximum(excess, 0.0) / self.mean_runs) * (rng.random(draws) < share)
        return student, level

    def _share_with_levels(self) -> float:
        from scipy.special import fdtrc

        if math.isnan(self.misfit):
            return 0.0
        return max(0.0, 1.0 - 2.0 * float(fdtrc(self.fit_dof, self.seed_dof, self.misfit**2)))


def _scatter_of_finals(finals: Sequence[Array], residuals: Array, parameters: int) -> _Scatter:
    """How final losses scatter within sizes, and their means about the fit with these log residuals."""
    counts = np.array([f.size for f in finals])
    fit_dof = len(finals) - parameters
    seed_dof = int((counts - 1).sum())
    if not seed_dof and fit_dof <= 0:
        raise ValueError("neither seeds nor spare sizes: the spread of the final losses is unknown")
    return _Scatter(
        seeds=float(sum(((f / f.mean() - 1.0) ** 2).sum() for f in finals)),
        seed_dof=seed_dof,
        fit=float((residuals**2 * counts).sum()),
        fit_dof=fit_dof,
        mean_runs=float(counts.mean()),
    )


def _stretch(n: int) -> float:
    """`sqrt(n / (n - 1))`: what a resample of n seeds lacks in spread."""
    return math.sqrt(n / (n - 1.0))
