"""Which offset curves are compared with: the one given, the law's, or a better one where the law misses its sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...theory import Ladder
from ..fits.intervals import Interval
from ..fits.law_fit import LawFit, fit_scaling_law
from .curve_offset import CurveOffset
from .law_misses import LawMiss

__all__ = ["IN_WORDS", "ChosenOffset", "Source", "choose_offset", "ends_below"]

Source = Literal["given", "law", "law without one size", "curves", "none"]
IN_WORDS: dict[Source, str] = {
    "given": "given by you",
    "law": "fitted to the final losses",
    "law without one size": "fitted to the final losses without the size that is off their law",
    "curves": "where the curves agree best, because the exponent of the final losses changes",
    "none": "none: nothing is normalized",
}
"""Where an offset comes from, for people."""


@dataclass(frozen=True, kw_only=True)
class ChosenOffset:
    """The offset in use.

    Parameters
    ----------
    value
        `L_hat`; NaN where there is none.
    interval
        90 %; None where the offset was given, NaN where nothing is known of it.
    source
        `"given"`; `"law"`: the fitted L0; `"law without one size"`: fitted without the size that is off the law;
        `"curves"`: where the exponent of the final losses changes, these do not give L0, and the offset is the one at
        which the curves agree best; `"none"`.
    """

    value: float
    interval: Interval | None
    source: Source


def ends_below(interval: Interval | None, offset: float, top: float) -> tuple[float, ...]:
    """The ends of an offset's interval, the upper one just below the smallest final loss `top`; none where unknown."""
    if interval is None or math.isnan(interval[0]):
        return ()
    return interval[0], min(interval[1], top - 1e-3 * (top - offset))


def choose_offset(
    given: float | None, law: LawFit, miss: LawMiss | None, curves: CurveOffset, ladder: Ladder, *, seed: int
) -> ChosenOffset:
    """The offset to use.

    Parameters
    ----------
    given
        By the caller; it is used as it is.
    law, miss
        The law of the final losses, and how they leave it.
    curves
        The offset at which the curves agree best.
    ladder
        The runs of the law.
    seed
        Of the law's intervals.
    """
    if given is not None:
        return ChosenOffset(value=float(given), interval=None, source="given")
    top = float(law.L.min())
    if miss is not None and miss.kind == "level" and len(ladder.sizes) > 4:
        off = ladder.sizes[miss.size]
        better = fit_scaling_law(ladder.select(lambda c: c.params != off), seed=seed)
        if top > better.L0:
            return ChosenOffset(value=better.L0, interval=better.L0_interval, source="law without one size")
    if miss is not None and miss.kind == "break" and curves.value < top and math.isfinite(curves.interval[0]):
        least = 0.0 if top > 0 else -math.inf
        low, high = (max(end, least) for end in curves.interval)
        return ChosenOffset(value=max(curves.value, least), interval=(low, high), source="curves")
    if not math.isfinite(law.L0):
        return ChosenOffset(value=math.nan, interval=(math.nan, math.nan), source="none")
    return ChosenOffset(value=law.L0, interval=law.L0_interval, source="law")
