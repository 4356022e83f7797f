"""The same question for `L / L(1)`, as some families are compared, and which of the two the data support."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..fits.intervals import UNKNOWN, Interval
from .chosen_offset import ChosenOffset
from .curve_offset import CurveOffset
from .curves_on_grid import CurvesOnGrid
from .diagnosis import diagnose
from .verdict import Verdict, deviation_interval

__all__ = ["WithoutOffset", "measure_without_offset"]


@dataclass(frozen=True, kw_only=True)
class WithoutOffset:
    """What `L / L(1)` says, that is an offset of 0.

    Parameters
    ----------
    verdict
        With the tolerance of 5 %: without an offset there is no law to derive another from.
    deviation, interval
        How much sizes differ, relative to the curve's fall, and its 90 % interval; NaN where losses are not positive.
    words
        One sentence: which of the two the curves support.
    """

    verdict: Verdict
    deviation: float
    interval: Interval
    words: str


def measure_without_offset(curves: CurvesOnGrid, best: CurveOffset, chosen: ChosenOffset) -> WithoutOffset:
    """The verdict with an offset of 0, beside that of the offset in use.

    Parameters
    ----------
    curves
        The runs on the grid.
    best
        The offset at which the curves agree best.
    chosen
        The offset in use.
    """
    if not curves.finals.min() > 0:
        words = "Losses at or below 0 cannot be compared as L/L(1)."
        return WithoutOffset(verdict=Verdict.UNDECIDED, deviation=math.nan, interval=UNKNOWN, words=words)
    found = diagnose(curves, 0.0, None, against_law=False)
    evidence = found.evidence
    assert evidence is not None  # 0 is below every final loss
    deviation, interval = evidence.deviation.value, deviation_interval(evidence, ())
    return WithoutOffset(verdict=found.verdict, deviation=deviation, interval=interval, words=_words(best, chosen))


def _words(best: CurveOffset, chosen: ChosenOffset) -> str:
    """Which of the two offsets lies where the curves agree best."""
    low, high = best.interval
    if chosen.source == "none" or chosen.value == 0:
        return ""
    if math.isnan(low):
        return "With these sizes the curves alone do not say whether they want an offset."
    where = f"the curves agree best at an offset of {best.value:.4g} (90 % interval {low:.4g} to {high:.4g})"
    zero, used = low <= 0 <= high, low <= chosen.value <= high
    if zero and used:
        return f"The curves do not tell the two apart: {where}."
    if used:
        return f"The curves support the offset {chosen.value:.4g}: {where}."
    if zero:
        return f"The curves support no offset: {where}, and {chosen.value:.4g} is outside."
    nearer = "no offset" if abs(best.value) < abs(best.value - chosen.value) else f"the offset {chosen.value:.4g}"
    return f"The curves support neither 0 nor {chosen.value:.4g}: {where}; {nearer} is nearer."
