r"""Resampling seeds within sizes: what another draw of the same runs could have given.

A plain bootstrap of n seeds has a spread too small by `sqrt((n - 1) / n)`, which matters at n = 2 to 5. So deviations
from the size's mean are stretched by the inverse, and, for intervals of fits, by `sqrt(k / chi2_k)` per draw, k the
pooled degrees of freedom: the same correction that turns a normal interval into Student's t.
"""

from __future__ import annotations

from collections.abc import Sequence

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
        stretch = np.sqrt(rows.size / (rows.size - 1.0))
        result[:, rows] = mean + stretch * (L[rows][pick] - mean)
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
    counts = np.array([f.size for f in finals])
    residuals = np.log(means / fitted)
    fit_dof = len(finals) - parameters
    seed_dof = int((counts - 1).sum())
    misfit = np.nan
    if seed_dof:
        pooled = np.sqrt(sum(((f / f.mean() - 1.0) ** 2).sum() for f in finals) / seed_dof)
        if fit_dof > 0 and pooled > 0:
            from scipy.special import fdtrc

            ratio = (residuals**2 * counts).sum() / fit_dof / pooled**2
            misfit = float(np.sqrt(ratio))
            widen = misfit if fdtrc(fit_dof, seed_dof, ratio) < 0.01 else 1.0
        else:
            widen = 1.0
        dof = seed_dof
    elif fit_dof > 0:
        pooled, widen, dof = np.sqrt((residuals**2).sum() / fit_dof), 1.0, fit_dof
    else:
        raise ValueError("neither seeds nor spare sizes: the spread of the final losses is unknown")
    student = np.sqrt(dof / rng.chisquare(dof, size=draws)) * widen
    result = np.empty((draws, len(finals)))
    for i, f in enumerate(finals):
        if f.size >= 2:
            picked = f[rng.integers(f.size, size=(draws, f.size))].mean(axis=1) / means[i] - 1.0
            deviation = np.sqrt(f.size / (f.size - 1.0)) * picked
        else:
            deviation = pooled * rng.standard_normal(draws)
        result[:, i] = means[i] * np.exp(student * deviation)
    return result, misfit
