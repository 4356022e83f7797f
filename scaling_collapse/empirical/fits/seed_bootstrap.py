r"""Resampling seeds within sizes: what another draw of the same runs could have given.

A plain bootstrap of n seeds has a spread too small by `sqrt((n - 1) / n)`, which matters at n = 2 to 5. So deviations
from the size's mean are stretched by the inverse, and, for intervals of fits, by `sqrt(k / chi2_k)` per draw, k the
pooled degrees of freedom: the same correction that turns a normal interval into Student's t.
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

    Sizes with several seeds resample them. Sizes with one take the pooled seed-to-seed spread of the others. Where no
    size has two seeds the spread comes from the fit's residuals instead, with `sizes - parameters` degrees of freedom.

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
        without degrees of freedom. Where it is significantly over 1 (p < 0.01) the draws are widened by it.

    Raises
    ------
    ValueError
        If there are neither two seeds of one size nor more sizes than parameters.
    """
    means = np.array([f.mean() for f in finals])
    noise = _noise_of_finals(finals, np.log(means / fitted), parameters)
    student = np.sqrt(noise.dof / rng.chisquare(noise.dof, size=draws)) * noise.widen
    result = np.empty((draws, len(finals)))
    for i, f in enumerate(finals):
        if f.size >= 2:
            picked = f[rng.integers(f.size, size=(draws, f.size))].mean(axis=1) / means[i] - 1.0
            deviation = _stretch(f.size) * picked
        else:
            deviation = noise.pooled * rng.standard_normal(draws)
        result[:, i] = means[i] * np.exp(student * deviation)
    return result, noise.misfit


class _Noise(NamedTuple):
    """Relative spread `pooled` of a final loss with `dof` degrees of freedom, and the factor by which draws widen."""

    pooled: float
    dof: int
    misfit: float
    widen: float


def _noise_of_finals(finals: Sequence[Array], residuals: Array, parameters: int) -> _Noise:
    """How noisy final losses are: pooled over the seeds, or from the fit's log residuals where there are none."""
    counts = np.array([f.size for f in finals])
    fit_dof = len(finals) - parameters
    seed_dof = int((counts - 1).sum())
    if not seed_dof and fit_dof <= 0:
        raise ValueError("neither seeds nor spare sizes: the spread of the final losses is unknown")
    if not seed_dof:
        return _Noise(np.sqrt((residuals**2).sum() / fit_dof), fit_dof, math.nan, 1.0)
    pooled = np.sqrt(sum(((f / f.mean() - 1.0) ** 2).sum() for f in finals) / seed_dof)
    if not (fit_dof > 0 and pooled > 0):
        return _Noise(pooled, seed_dof, math.nan, 1.0)
    from scipy.special import fdtrc

    ratio = (residuals**2 * counts).sum() / fit_dof / pooled**2
    misfit = float(np.sqrt(ratio))
    return _Noise(pooled, seed_dof, misfit, misfit if fdtrc(fit_dof, seed_dof, ratio) < 0.01 else 1.0)


def _stretch(n: int) -> float:
    """`sqrt(n / (n - 1))`: what a resample of n seeds lacks in spread."""
    return math.sqrt(n / (n - 1.0))
