"""What a ladder's curves say at one offset: normalized curves, Delta, sigma, the noise floor, and where Delta is below.

- `sigma`: the root mean square over sizes of what seeds scatter by, as published.
- `floor`: the median over sizes, which one sick size cannot lift; collapse is judged against it.
- `x_from`: the smallest x from which on `Delta < floor` holds on at least `TAIL_SHARE` of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common import Array, Result
from ...theory import collapse_deviation, noise_by_size, normalize
from .curves_on_grid import CurvesOnGrid
from .steepness import usual_variance

__all__ = ["TAIL_SHARE", "CollapseAtOffset", "collapse_at_offset", "delta_range", "floor_of", "supercollapse_from"]

TAIL_SHARE = 0.9


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CollapseAtOffset(Result):
    """The collapse with one `L_hat`; everything is NaN where that is.

    Parameters
    ----------
    offset
        `L_hat`, below every final loss, or NaN: nothing can be normalized.
    normalized
        `l(x)`, shape (runs, n).
    delta
        Collapse deviation, shape (n,).
    sigma_by_size
        Relative standard deviation over the seeds of each size, shape (sizes, n); NaN with one seed.
    sigma, floor
        Root mean square and median over sizes, shape (n,); NaN without seeds.
    fraction, x_from
        Share of x with `Delta < floor`, and from where on it holds (`supercollapse_from`).
    """

    offset: float
    normalized: Array
    delta: Array
    sigma_by_size: Array
    sigma: Array
    floor: Array
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
            sigma_by_size=np.full((curves.log_p.size, curves.x.size), math.nan),
            sigma=nothing,
            floor=nothing,
            fraction=math.nan,
            x_from=math.nan,
        )
    l = normalize(curves.L, offset)
    delta = collapse_deviation(l, curves.size_index)
    by_size = noise_by_size(curves.L, curves.size_index, offset)
    floor = floor_of(by_size, np.bincount(curves.size_index))
    fraction, x_from = supercollapse_from(curves.x, delta, floor)
    seeded = np.isfinite(by_size).all(axis=1)
    sigma = np.sqrt((by_size[seeded] ** 2).mean(axis=0)) if seeded.any() else floor
    return CollapseAtOffset(
        offset=offset,
        normalized=l,
        delta=delta,
        sigma_by_size=by_size,
        sigma=sigma,
        floor=floor,
        fraction=fraction,
        x_from=x_from,
    )


def floor_of(sigma_by_size: Array, counts: NDArray[np.intp]) -> Array:
    """The median over sizes of what seeds scatter by, without the bias that the median of few has, shape (..., n).

    Parameters
    ----------
    sigma_by_size
        Shape (..., sizes, n); NaN for sizes with one seed.
    counts
        Seeds of each size, shape (sizes,).
    """
    if not (counts > 1).any():
        return np.full(sigma_by_size.shape[:-2] + sigma_by_size.shape[-1:], math.nan)
    return np.sqrt(usual_variance(np.moveaxis(sigma_by_size**2, -2, -1), counts))


def delta_range(collapses: Sequence[CollapseAtOffset]) -> tuple[Array, Array]:
    """The smallest and the largest Delta over several offsets, each of shape (n,)."""
    deltas = np.stack([c.delta for c in collapses])
    return deltas.min(axis=0), deltas.max(axis=0)


def supercollapse_from(x: Array, delta: Array, floor: Array) -> tuple[float, float]:
    """Fraction of the grid with `Delta < floor`, and the x from which on it holds on 90 % of the rest.

    Parameters
    ----------
    x
        Grid, shape (n,); x = 1 never counts.
    delta, floor
        Collapse deviation and noise floor, shape (n,).

    Returns
    -------
    fraction, x_from
        `x_from` is NaN where the last point before the end is not below the noise floor; both are NaN without seeds.

    Examples
    --------
    >>> x = np.array([0.25, 0.5, 0.75, 1.0])
    >>> supercollapse_from(x, np.array([3.0, 1.0, 0.5, 0.0]), np.ones(4))
    (0.3333333333333333, 0.75)
    """
    counts = x < 1
    if np.isnan(floor[counts]).any():
        return float("nan"), float("nan")
    below = (delta < floor)[counts]
    share_of_tail = np.cumsum(below[::-1])[::-1] / np.arange(below.size, 0, -1)
    holds = np.flatnonzero((share_of_tail >= TAIL_SHARE) & below)
    x_from = float(x[counts][holds[0]]) if holds.size else float("nan")
    return float(below.mean()), x_from
