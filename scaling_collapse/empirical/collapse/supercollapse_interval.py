r"""The interval of the supercollapsed fraction: how Delta over the noise floor may have come out otherwise.

The fraction is the share of x with `r(x) < 0`, `r = ln(Delta / floor)`. Its interval is the shares below 0 of the two
ends of a band about r. The band comes from ladders drawn about size means that differ by as much as the measured ones
do beyond noise: by how much r there misses what many seeds would give. So seed noise is added once: means that hold
noise already are drawn together by as much. The noise has the measured covariance along x, and tails as heavy as the
measured runs are unequally loud. Before that, r is averaged over neighbouring points: what changes from point to point
crosses 0 by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ...theory import collapse_deviation, means_by_size, noise_by_size
from ..fits.intervals import LEVEL, MANY, UNKNOWN, Interval, t_quantile
from .collapse_at_offset import CollapseAtOffset, floor_of
from .curves_on_grid import CurvesOnGrid

__all__ = ["fraction_interval"]

NEIGHBOURS = 0.05
"""Share of the grid over which the ratio is averaged."""
TRUST = 4.0
"""Degrees of freedom from which on a size's own noise counts more than the pooled one."""


def fraction_interval(
    curves: CurvesOnGrid, here: CollapseAtOffset, offsets: Array, rng: np.random.Generator
) -> Interval:
    """90 % interval of `here.fraction`, which it holds.

    Parameters
    ----------
    curves, here
        The runs and their collapse at the offset in use.
    offsets
        Offsets as uncertain as the one in use, shape (draws,): as many ladders are drawn.
    rng
        The only source of randomness.
    """
    if not np.isfinite(here.fraction):
        return UNKNOWN
    usable = offsets[offsets < curves.finals.min()]
    if usable.size < 20:
        return UNKNOWN
    inside = curves.x < 1
    ratio = _ratio(here.delta, here.floor)
    misses = _drawn_misses(curves, here, usable.size, rng) - (_ratios_at(curves, usable) - ratio)
    wider = t_quantile(int((np.bincount(curves.size_index) - 1).sum())) / t_quantile(MANY)
    tails = np.quantile(_averaged(misses[:, inside]), (0.5 - LEVEL / 2, 0.5 + LEVEL / 2), axis=0)
    ends = _averaged(ratio[inside]) - wider * tails
    low, high = (float((end < 0).mean()) for end in ends)
    return min(low, here.fraction), max(high, here.fraction)


def _ratio(delta: Array, floor: Array) -> Array:
    return np.log(np.maximum(delta, 1e-300)) - np.log(np.maximum(floor, 1e-300))


def _averaged(ratio: Array) -> Array:
    """Means over neighbouring points, of the same shape."""
    from scipy.ndimage import uniform_filter1d

    width = 2 * int(NEIGHBOURS / 2 * ratio.shape[-1]) + 1
    return uniform_filter1d(ratio, width, axis=-1, mode="nearest")


def _ratios_at(curves: CurvesOnGrid, offsets: Array) -> Array:
    """The ratio of the measured runs at other offsets, shape (draws, n) or (1, n) where all are the same."""
    offset = np.unique(offsets) if np.ptp(offsets) == 0 else offsets
    l = (curves.L - offset[:, None, None]) / (curves.L[:, -1:] - offset[:, None, None])
    by_size = noise_by_size(np.broadcast_to(curves.L, l.shape), curves.size_index, offset[:, None])
    return _ratio(collapse_deviation(l, curves.size_index), floor_of(by_size, np.bincount(curves.size_index)))


def _drawn_misses(curves: CurvesOnGrid, here: CollapseAtOffset, draws: int, rng: np.random.Generator) -> Array:
    """By how much the ratio in ladders drawn like the measured one misses what many seeds would give, (draws, n)."""
    index, counts = curves.size_index, np.bincount(curves.size_index)
    directions, scale = _relative_noise(curves.L - here.offset, index)
    means = _drawn_together(here.normalized, directions, index)
    loud = np.sqrt(_loudness(_tails(directions), (draws, index.size), rng))
    noise = rng.standard_normal((draws, index.size, directions.shape[0])) @ directions
    noise *= (loud * scale[index])[..., None]
    delta = collapse_deviation(means[index] * np.exp(noise - noise[..., -1:]), index)
    seen = _ratio(delta, floor_of(noise_by_size(np.exp(noise), index, 0.0), counts))
    return seen - _many_seeds(means, directions, scale)


def _many_seeds(means: Array, directions: Array, scale: Array) -> Array:
    """The ratio to which ladders with these means and this noise come with more and more seeds, shape (n,)."""
    alone = (directions**2).sum(axis=0)
    apart = ((directions - directions[:, -1:]) ** 2).sum(axis=0)
    middle = means.mean(axis=0)
    variance = means.var(axis=0) + (scale**2).mean() * apart * middle**2
    return 0.5 * np.log(np.maximum(variance, 1e-300) / (middle**2 * np.maximum(alone * np.median(scale**2), 1e-300)))


def _tails(directions: Array) -> float:
    """Degrees of freedom of the Student t whose runs are as unequally loud as these; infinite where they are equal."""
    gram = directions @ directions.T
    energy = gram.diagonal()
    usual = 1.0 + 2.0 * (gram**2).sum() / energy.sum() ** 2
    times = float((energy**2).mean() / energy.mean() ** 2) / usual
    return max((4.0 * times - 2.0) / (times - 1.0), 4.5) if times > 1 else np.inf


def _loudness(dof: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Variances of mean 1 that make normal noise Student's t of `dof` degrees of freedom."""
    return np.ones(shape) if np.isinf(dof) else (dof - 2.0) / rng.chisquare(dof, shape)


def _relative_noise(R: Array, index: NDArray[np.intp]) -> tuple[Array, Array]:
    """Rows whose Gram matrix is the covariance of a run's relative noise, and each size's noise over the pooled one."""
    counts = np.bincount(index)
    means = means_by_size(R, index)
    away = (R / means[index] - 1.0)[counts[index] > 1]
    own = np.bincount(index[counts[index] > 1], (away**2).sum(axis=1), minlength=counts.size)
    freedom = counts - 1
    pooled = max(own.sum() / freedom.sum(), 1e-300)
    times = np.maximum(own / np.maximum(freedom, 1), 1e-300) / pooled
    scale = np.where(freedom > 0, times ** (0.5 * freedom / (freedom + TRUST)), 1.0)
    return away / np.sqrt(freedom.sum()), scale


def _drawn_together(l: Array, directions: Array, index: NDArray[np.intp]) -> Array:
    """Mean curves of the sizes, drawn to their common mean until they differ as they do beyond noise."""
    counts, means = np.bincount(index), means_by_size(l, index)
    middle = means.mean(axis=0)
    noise = ((directions - directions[:, -1:]) ** 2).sum(axis=0) * middle**2 * (1.0 / counts).mean()
    beyond = np.clip(1.0 - noise / np.maximum(means.var(axis=0, ddof=1), 1e-300), 0.0, 1.0)
    return middle + np.sqrt(beyond) * (means - middle)
