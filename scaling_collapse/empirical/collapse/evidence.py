"""`Evidence`: everything that a verdict needs to know of a ladder's curves at one offset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...common import Array, Result
from ...theory import means_by_size
from ..fits.intervals import Interval
from .collapse_at_offset import CollapseAtOffset, collapse_at_offset
from .curves_on_grid import CurvesOnGrid
from .noise_growth import NoiseGrowth, noise_growth
from .scale_deviation import ScaleDeviation, deviation_of, noise_of_curves
from .size_pattern import SizePattern, size_pattern
from .size_trend import SizeTrend, size_trend
from .steepness import SizeMeans, Steepness, of_sizes, steepness

__all__ = ["Evidence", "evidence_at", "widened"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Evidence(Result):
    """What the curves say at one offset.

    Parameters
    ----------
    log_p
        `ln p` of the sizes, shape (sizes,).
    collapse
        Delta, sigma and the noise floor.
    deviation
        Variance between sizes beyond noise, as a share of the curve's fall.
    about_trend
        The same about the drift with ln p, which is judged by itself.
    trend
        The drift of the curve's shape with size.
    pattern
        Which sizes disagree.
    growth
        How noise grows with size.
    steepness
        Slope and bend of the curves.
    finals
        Mean final loss of each size with its error.
    seeded
        Whether some size has two seeds.
    """

    log_p: Array
    collapse: CollapseAtOffset
    deviation: ScaleDeviation
    about_trend: ScaleDeviation
    trend: SizeTrend
    pattern: SizePattern
    growth: NoiseGrowth
    steepness: Steepness
    finals: SizeMeans
    seeded: bool

    @property
    def offset(self) -> float:
        """`L_hat`."""
        return self.collapse.offset


def evidence_at(curves: CurvesOnGrid, offset: float) -> Evidence:
    """The evidence with `offset` for `L_hat`, below every final loss; at least 2 sizes."""
    collapse = collapse_at_offset(curves, offset)
    l, size_index, counts = collapse.normalized, curves.size_index, np.bincount(curves.size_index)
    means = means_by_size(l, size_index)
    noise = noise_of_curves(l, size_index)
    shape = steepness(curves.x, l, size_index)
    finals = of_sizes(curves.finals, size_index)
    errors = np.sqrt(noise.variance[None] / counts[:, None]) / np.maximum(np.abs(means), 1e-300)
    log_reducible = np.log(finals.mean - offset)
    trend = size_trend(
        curves.log_p,
        shape,
        log_reducible=log_reducible,
        log_horizon=curves.log_horizon,
        curve=(np.log(np.maximum(means, 1e-300)), errors),
    )
    return Evidence(
        log_p=curves.log_p,
        collapse=collapse,
        deviation=deviation_of(means, noise, counts),
        about_trend=deviation_of(means, noise, counts, trend=curves.log_p - curves.log_p.mean()),
        trend=trend,
        pattern=size_pattern(curves.log_p, shape),
        growth=noise_growth(l, collapse.sigma_by_size, size_index, curves.log_p, log_reducible),
        steepness=shape,
        finals=finals,
        seeded=bool((counts > 1).any()),
    )


def widened(value: float, interval: Interval, elsewhere: Sequence[float]) -> Interval:
    """An interval at the offset in use, widened by how far its value moves as the offset does: errors add in squares.

    >>> tuple(round(end, 3) for end in widened(1.0, (0.7, 1.3), [0.6, 1.4]))
    (0.5, 1.5)
    """
    low, high = interval
    known = [v for v in elsewhere if math.isfinite(v)]
    if math.isnan(low) or not known:
        return interval
    down, up = max(value - min(known), 0.0), max(max(known) - value, 0.0)
    return value - math.hypot(value - low, down), value + math.hypot(high - value, up)
