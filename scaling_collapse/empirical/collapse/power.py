r"""What a ladder could have seen: the smallest error that its own noise would have shown.

A drift of `ln S` with `ln p` is claimed at 5 %, two-sided. With m degrees of freedom and the slope's standard error s
it is then seen with the probability that a noncentral Student's t, of noncentrality slope / s, exceeds the limit.
An error eps of the horizons' exponent makes a slope of `-b eps / gamma`, one of the offset of `e d(1/R)/d ln p`
(`d ln S / d L_hat = 1 / R`), and a size that is off the law by a level is compared with the prediction from the others.
A ladder that speaks of itself knows s from its own seeds only, with m degrees of freedom: where s came out too small by
chance, what it promises is missed more often. So it promises a larger error, right on the average over that chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np

from ...common import Array
from ..fits.intervals import LEVEL, t_quantile
from .evidence import Evidence
from .size_trend import SizeTrend, slope_on

__all__ = ["PROBABILITY", "Power", "power_of", "power_of_trend", "smallest_shift"]

PROBABILITY = 0.9
CHANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class Power:
    """The smallest errors that this ladder would have shown with 90 % probability; NaN where nothing measures noise.

    Parameters
    ----------
    gamma_error
        Of the horizons' exponent, relative to it; what is not known of a fitted offset is part of it.
    gamma_error_at_offset
        The same if the offset in use is right: what noise, seeds and span alone would hide.
    offset_error
        Of the offset, in units of the loss.
    level_error
        Of one size's final reducible loss, relative.
    """

    gamma_error: float
    gamma_error_at_offset: float
    offset_error: float
    level_error: float


def power_of_trend(shift: float | Array, dof: int, *, chance: float = CHANCE) -> Any:
    """Probability that a slope of `shift` standard errors is significant, two-sided at `chance`.

    >>> round(power_of_trend(3.0, 24), 3)
    0.821
    >>> power_of_trend(1e4, 24)
    1.0
    """
    from scipy.special import nctdtr, stdtrit

    limit = float(stdtrit(dof, 1 - chance / 2))
    below = np.nan_to_num(nctdtr(dof, shift, limit))  # NaN, which is 0, from a shift of about 40 on
    found = 1.0 - below + np.nan_to_num(nctdtr(dof, shift, -limit))
    return float(found) if np.ndim(found) == 0 else found


@cache
def smallest_shift(
    dof: int, *, probability: float = PROBABILITY, chance: float = CHANCE, measured: bool = False
) -> float:
    """The shift, in standard errors, that is significant with this probability.

    Parameters
    ----------
    dof
        Degrees of freedom of the noise.
    probability, chance
        Of finding it, and of finding one where there is none.
    measured
        Whether the standard error that the shift is a multiple of was itself measured, with `dof`.

    Examples
    --------
    >>> round(smallest_shift(24), 2), round(smallest_shift(24, measured=True), 2)
    (3.38, 3.57)
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri

    quantiles = (np.arange(200) + 0.5) / 200
    found = np.sqrt(chdtri(dof, quantiles) / dof) if measured else np.ones(1)

    def power(shift: float) -> float:
        return float(np.mean(power_of_trend(shift * found, dof, chance=chance)))

    high = 2.0
    while power(high) < probability:
        high *= 1.5
    return float(brentq(lambda shift: power(shift) - probability, 0.0, high))  # type: ignore[arg-type]


def power_of(found: Evidence | None, elsewhere: Sequence[Evidence], law_errors: Array) -> Power:
    """The power of a ladder.

    Parameters
    ----------
    found
        Its evidence at the offset in use; None where nothing can be normalized.
    elsewhere
        The evidence at the ends of the offset's interval: what is not known of it is not known of gamma.
    law_errors
        Relative error of each size's reducible loss about the law of the others, shape (sizes,); empty if unknown.
    """
    if found is None or found.trend.dof < 1 or not found.trend.error > 0:
        return Power(**dict.fromkeys((field.name for field in fields(Power)), math.nan))
    trend = found.trend
    times = smallest_shift(trend.dof, measured=True)
    shift = times * trend.error
    per_offset = abs(float(slope_on(found.log_p, 1.0 / (found.finals.mean - found.offset))))
    level = times * float(np.median(law_errors)) if law_errors.size else math.nan
    return Power(
        gamma_error=_gamma_error(trend, elsewhere),
        gamma_error_at_offset=_gamma_error(trend, ()),
        offset_error=shift / per_offset if per_offset > 0 else math.nan,
        level_error=level,
    )


def _gamma_error(trend: SizeTrend, elsewhere: Sequence[Evidence]) -> float:
    """The smallest visible error of the exponent, from the noise of the drift and from that of the offset."""
    if not trend.exponent > 1e-6:
        return math.nan
    moved = [abs(e.trend.gamma_error - trend.gamma_error) for e in elsewhere]
    by_offset = max((m for m in moved if math.isfinite(m)), default=0.0) / t_quantile(trend.dof, LEVEL)
    return smallest_shift(trend.dof, measured=True) * math.hypot(trend.error / trend.exponent, by_offset)
