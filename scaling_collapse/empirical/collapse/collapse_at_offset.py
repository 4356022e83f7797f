"""What a ladder's curves say at one offset: normalized curves, Delta and sigma, and the two numbers that decide.

- `spread`: how much sizes differ beyond noise, relative to how far the curve falls,
  `sqrt(mean_x B(x)) / sqrt(mean_x (l(x) - 1)^2)`, B the between-size variance of l with the variance that noise gives
  to the sizes' means taken off. A universal curve has 0.
- `x_from`: the smallest x from which on `Delta < sigma` holds on at least `TAIL_SHARE` of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ...theory import collapse_deviation, noise_floor, normalize
from .curves_on_grid import CurvesOnGrid

__all__ = [
    "TAIL_SHARE", "CollapseAtOffset", "collapse_at_offset", "delta_range", "excess_spread", "supercollapse_from",
]  # fmt: skip

TAIL_SHARE = 0.9


@dataclass(frozen=True, eq=False, kw_only=True)
class CollapseAtOffset:
    """The collapse with one `L_hat`; everything is NaN where that is.

    Parameters
    ----------
    offset
        `L_hat`, below every final loss, or NaN: nothing can be normalized.
    normalized
        `l(x)`, shape (runs, n).
    delta, sigma
        Collapse deviation and noise floor, shape (n,); sigma is NaN without seeds.
    spread
        How much sizes differ beyond noise (`excess_spread`).
    fraction, x_from
        Share of x with `Delta < sigma`, and from where on it holds (`supercollapse_from`).
    """

    offset: float
    normalized: Array
    delta: Array
    sigma: Array
    spread: float
    fraction: float
    x_from: float


def collapse_at_offset(curves: CurvesOnGrid, offset: float) -> CollapseAtOffset:
    """The collapse of the curves with `offset` for `L_hat`: below every final loss, or NaN."""
    if math.isnan(offset):
        nothing = np.full(curves.x.size, math.nan)
        return CollapseAtOffset(
            offset=math.nan,
            normalized=np.full(curves.L.shape, math.nan),
            delta=nothing,
            sigma=nothing,
            spread=math.nan,
            fraction=math.nan,
            x_from=math.nan,
        )
    l = normalize(curves.L, offset)
    delta, sigma = collapse_deviation(l, curves.size_index), noise_floor(curves.L, curves.size_index, offset)
    fraction, x_from = supercollapse_from(curves.x, delta, sigma)
    return CollapseAtOffset(
        offset=offset,
        normalized=l,
        delta=delta,
        sigma=sigma,
        spread=excess_spread(l, curves.size_index),
        fraction=fraction,
        x_from=x_from,
    )


def delta_range(collapses: Sequence[CollapseAtOffset]) -> tuple[Array, Array]:
    """The smallest and the largest Delta over several offsets, each of shape (n,)."""
    deltas = np.stack([c.delta for c in collapses])
    return deltas.min(axis=0), deltas.max(axis=0)


def supercollapse_from(x: Array, delta: Array, sigma: Array) -> tuple[float, float]:
    """Fraction of the grid with `Delta < sigma`, and the x from which on it holds on 90 % of the rest.

    Parameters
    ----------
    x
        Grid, shape (n,); x = 1 never counts.
    delta, sigma
        Collapse deviation and noise floor, shape (n,).

    Returns
    -------
    fraction, x_from
        `x_from` is NaN where the last point before the end is not below the noise floor; both are NaN without sigma.

    Examples
    --------
    >>> x = np.array([0.25, 0.5, 0.75, 1.0])
    >>> supercollapse_from(x, np.array([3.0, 1.0, 0.5, 0.0]), np.ones(4))
    (0.3333333333333333, 0.75)
    """
    counts = x < 1
    if np.isnan(sigma[counts]).any():
        return float("nan"), float("nan")
    below = (delta < sigma)[counts]
    share_of_tail = np.cumsum(below[::-1])[::-1] / np.arange(below.size, 0, -1)
    holds = np.flatnonzero((share_of_tail >= TAIL_SHARE) & below)
    x_from = float(x[counts][holds[0]]) if holds.size else float("nan")
    return float(below.mean()), x_from


def excess_spread(l: Array, size_index: NDArray[np.intp]) -> float:
    r"""How much sizes differ beyond noise, relative to how far the mean curve falls.

    Noise of a size's mean comes from its seeds; where no size has two, from the roughness of each curve along x (half
    the mean squared difference of neighbouring points, twice over because the final loss is as noisy as the others).

    Parameters
    ----------
    l
        Normalized curves, shape (runs, n).
    size_index
        Size of each run, shape (runs,).

    Returns
    -------
    float
        Dimensionless, >= 0.

    Examples
    --------
    >>> x = np.linspace(0.1, 1, 181)
    >>> print(f"{excess_spread(np.stack([1 / x, 1 / x, 1.1 / x - 0.1]), np.arange(3)):.4f}")
    0.0558
    """
    sizes = np.unique(size_index)
    groups = [l[size_index == s] for s in sizes]
    means = np.stack([g.mean(axis=0) for g in groups])
    counts = np.array([len(g) for g in groups])
    between = means.var(axis=0, ddof=1)
    if (counts >= 2).any():
        within = np.mean([g.var(axis=0, ddof=1) for g in groups if len(g) >= 2], axis=0)
        noise = within * (1.0 / counts).mean()
    else:
        relative = np.diff(np.diff(np.log(np.maximum(l, 1e-300)), axis=1), axis=1)
        rough = (relative**2).mean(axis=1).mean() / 6.0  # second differences: the trend is taken off
        noise = 2.0 * rough * means.mean(axis=0) ** 2
    mean = means.mean(axis=0)
    excess = max(float((between - noise).mean()), 0.0)
    return float(np.sqrt(excess) / np.sqrt(((mean - 1.0) ** 2).mean()))
