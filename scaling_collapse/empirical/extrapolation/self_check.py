"""What an extrapolation knows of its own faults: the ladder's largest size left out, its collapse, its exponent.

A check counts as passed only where it would have seen a fault that matters: an exponent that halves, a shape that
drifts by 5 % for every e-fold of size, a largest size that lies outside of its band.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...theory import Ladder
from ..collapse.collapse_report import CollapseReport
from ..collapse.measure_collapse import measure_collapse
from ..collapse.verdict import Verdict
from ..fits.intervals import t_quantile
from .law_bend import LawBend
from .reach import Reach
from .status import Status

__all__ = ["LeftOut", "SelfCheck", "collapse_of", "judge"]

DRIFT = 0.05
"""Drift of the curves' shape per e-fold of size that must be excluded."""
MISSED = 2.0
"""Half-widths of its 90 % band by which the left-out size is missed."""
FEWEST = 4
"""Sizes without which none can be left out."""
SCATTER, KNOWN_FROM = 0.01, 7
"""A level scatter beyond this share of the reducible loss is known well enough only from that many sizes on."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """The ladder's largest size, predicted from the others.

    Parameters
    ----------
    params
        The size.
    error
        Predicted over measured final loss, less 1.
    half_width
        Of the 90 % band for what was measured, relative to the loss.
    """

    params: float
    error: float
    half_width: float

    @property
    def misses(self) -> float:
        """The error in half-widths of the band."""
        return abs(self.error) / self.half_width

    @property
    def factor(self) -> float:
        """By what bands are widened."""
        return max(1.0, self.misses)


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """What was found; None where a check could not be made."""

    left_out: LeftOut | None
    bend: LawBend | None
    collapse: Verdict | None
    drift: float
    """The largest drift of the shape per e-fold of size that the curves allow."""
    scatter: float
    """By how much sizes miss the law beyond their seeds, relative to the reducible loss."""
    sizes: int


def collapse_of(ladder: Ladder) -> tuple[Verdict, float]:
    """The verdict on the ladder's collapse, and the largest drift per e-fold of size that its curves allow."""
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # finals that follow no law at all leave the law's own bootstrap at infinity
        report: CollapseReport = measure_collapse(ladder, draws=100)
    trend = report.trend
    if trend is None or not trend.dof or not math.isfinite(trend.error):
        return report.verdict, math.inf
    return report.verdict, abs(trend.slope) + t_quantile(trend.dof, 0.9) * trend.error


def judge(estimated: Status, check: SelfCheck, reach: Reach) -> tuple[Status, tuple[str, ...]]:
    """The worst that was found, and a sentence for each thing."""
    if not estimated.claimed:
        return estimated, ()
    found = [
        *_of_reach(reach),
        *_of_estimate(estimated),
        *_of_collapse(check),
        *_of_bend(check.bend),
        *_of_scatter(check),
        *_of_left_out(check.left_out),
    ]
    order = list(Status)
    status = max((s for s, _ in found), key=order.index, default=Status.OK)
    return status, tuple(words for _, words in found if words)


def _of_reach(reach: Reach) -> list[tuple[Status, str]]:
    return [(Status.FAR, reach.warning)] if reach.far else []


def _of_estimate(estimated: Status) -> list[tuple[Status, str]]:
    return [] if estimated is Status.OK else [(estimated, "")]


def _of_collapse(check: SelfCheck) -> list[tuple[Status, str]]:
    if check.collapse is Verdict.NO_COLLAPSE:
        return [
            (Status.NO_COLLAPSE, "The ladder does not collapse: its sizes share no curve. Run `measure` for the cause.")
        ]
    if check.collapse is None or check.collapse is Verdict.UNDECIDED:
        return [(Status.NOT_CHECKED, "Whether the ladder collapses is undecided. Run `measure` for the reason.")]
    if check.drift >= DRIFT:
        return [(
            Status.NOT_CHECKED,
            f"The shape of the curves may drift by up to {check.drift:.0%} for every e-fold of size.",
        )]  # fmt: skip
    return []


def _of_bend(bend: LawBend | None) -> list[tuple[Status, str]]:
    if bend is None or not (bend.shown or not bend.excluded):
        return []
    low, high = bend.interval
    words = (
        f"by {-bend.value:+.0%} from the ladder's smaller half to its larger one (90 % interval {-high:+.0%} to "
        f"{-low:+.0%})"
    )
    if bend.shown:
        where = "at the offset at which curves collapse"
        return [(Status.BENDS, f"The exponent of the final losses changes {words}, {where}.")]
    return [(Status.NOT_CHECKED, f"A change of the exponent would not have been seen: it may change {words}.")]


def _of_scatter(check: SelfCheck) -> list[tuple[Status, str]]:
    if check.scatter <= SCATTER or check.sizes >= KNOWN_FROM:
        return []
    return [(
        Status.NOT_CHECKED,
        f"Sizes miss the law by {check.scatter:.1%} of the reducible loss; {check.sizes} sizes do not tell how surely.",
    )]  # fmt: skip


def _of_left_out(left_out: LeftOut | None) -> list[tuple[Status, str]]:
    if left_out is None:
        return [(Status.NOT_CHECKED, "No size can be left out to check the method: that takes at least 4 sizes.")]
    if left_out.factor == 1.0:
        return []
    status = Status.MISSED if left_out.misses > MISSED else Status.OK
    widened = f"the bands were widened by a factor of {left_out.factor:.2g}"
    return [(status, f"The largest size lay outside of its own band; {widened}.")]
