r"""How steeply each run's normalized curve falls: the two numbers that a fault of scaling changes.

With `g(x)` the mean over sizes of `l - 1`, the slope of a run is its projection `S = <l - 1, g> / <g, g>`. An error of
the horizon or of the offset changes S and not the shape; noise of the learning rate changes the shape as well, which
the bend `ln(S_early / S_late)` shows (early and late are apart at `x = sqrt(0.1)`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array, Result
from ...theory import means_by_size

__all__ = ["SizeMeans", "Steepness", "log_steepness", "median_share", "of_sizes", "steepness", "usual_variance"]

SPLIT = 0.1**0.5
LOUD_CHANCE = 0.005


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SizeMeans(Result):
    """One number a size: mean over its seeds, its standard error, and the degrees of freedom behind the noise.

    Parameters
    ----------
    mean, error
        Shape (sizes,); errors are NaN where no size has two seeds.
    dof
        Degrees of freedom of the pooled noise; 0 without seeds.
    """

    mean: Array
    error: Array
    dof: int


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Steepness(Result):
    """`ln S` and the bend of the sizes."""

    slope: SizeMeans
    bend: SizeMeans


def steepness(x: Array, l: Array, size_index: NDArray[np.intp]) -> Steepness:
    """Slope and bend of every size.

    Parameters
    ----------
    x
        Grid of normalized compute, shape (n,).
    l
        Normalized curves, shape (runs, n).
    size_index
        Size of each run, shape (runs,).
    """
    early = x < max(SPLIT, x[min(4, x.size - 1)])
    bend = log_steepness(l[:, early], size_index) - log_steepness(l[:, ~early], size_index)
    return Steepness(slope=of_sizes(log_steepness(l, size_index), size_index), bend=of_sizes(bend, size_index))


def log_steepness(l: Array, size_index: NDArray[np.intp]) -> Array:
    """`ln S` of every run on the points that are given, shape (runs,)."""
    excess = l - 1.0
    g = means_by_size(excess, size_index).mean(axis=0)
    return np.log(np.maximum(excess @ g / max(float(g @ g), 1e-300), 1e-6))


def of_sizes(values: Array, size_index: NDArray[np.intp]) -> SizeMeans:
    """Means of the sizes with errors from their seeds.

    The noise of one run is pooled over the sizes, without those that scatter more than chance allows against the
    median, which a sick size cannot lift. A size that scatters more is known less well: its own scatter counts for it.
    """
    sizes = np.unique(size_index)
    groups = [values[size_index == s] for s in sizes]
    counts = np.array([g.size for g in groups])
    means = np.array([g.mean() for g in groups])
    own = np.array([g.var(ddof=1) if g.size > 1 else np.nan for g in groups])
    dof = int((counts - 1).sum())
    if not dof:
        return SizeMeans(mean=means, error=np.full(means.size, np.nan), dof=0)
    loud = _loud(own, counts)
    freedom = np.where(loud, 0, counts - 1)
    variance = np.where(loud, own, float(np.nan_to_num(own) @ freedom) / freedom.sum())
    return SizeMeans(mean=means, error=np.sqrt(variance / counts), dof=dof)


def usual_variance(own: Array, counts: NDArray[np.intp]) -> Any:
    """The variance of one run that half of the sizes do not exceed, with the bias of a median of variances taken off.

    Parameters
    ----------
    own
        Sample variance of each size, shape (..., sizes); NaN with one seed.
    counts
        Seeds of each size, shape (sizes,).
    """
    many = counts > 1
    freedom = counts[many] - 1
    unbiased = own[..., many] / median_share(freedom)
    pooled = (own[..., many] * freedom).sum(axis=-1) / freedom.sum()
    return np.median(unbiased, axis=-1) if many.sum() > 2 else pooled


def median_share(freedom: NDArray[np.intp]) -> Array:
    """The median of a sample variance over its mean, by its degrees of freedom."""
    from scipy.special import chdtri

    return chdtri(freedom, 0.5) / freedom


def _loud(own: Array, counts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Sizes whose variance chance would put so far above the usual one once in 200 cases."""
    from scipy.special import fdtrc
    from scipy.stats import chi2

    many = counts > 1
    if many.sum() < 3:
        return np.zeros(counts.size, dtype=bool)
    freedom = counts[many] - 1
    middle = freedom * median_share(freedom)
    # Degrees of freedom of a median of variances: 2 mean^2 / variance, of its asymptotic distribution.
    known = float((8 * (middle * chi2.pdf(middle, freedom)) ** 2).sum())
    loud = np.zeros(counts.size, dtype=bool)
    loud[many] = fdtrc(freedom, known, own[many] / max(usual_variance(own, counts), 1e-300)) < LOUD_CHANCE
    return loud
