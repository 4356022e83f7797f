r"""`TwinComparison`: whether the curves of two ladders of the same sizes and schedule drift apart with size.

For each shared size the two differ by `D = <ln l_a(x)>_x - <ln l_b(x)>_x`, at one offset. The slope of D on ln p is the
difference of their trends. What both ladders have in common, such as small sizes that do not follow the law yet,
cancels in D, so the error of the slope is that of the seeds of both, or of the scatter of D about its line where that
is significantly larger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...theory import Ladder, normalize
from ..collapse.chosen_offset import ends_below
from ..collapse.curves_on_grid import CurvesOnGrid, curves_on_grid
from ..collapse.scale_deviation import ScaleDeviation, scale_deviation
from ..collapse.size_trend import Line, line_through
from ..collapse.steepness import SizeMeans, of_sizes
from ..collapse.verdict import Verdict
from ..fits.intervals import Interval
from .case import Case

__all__ = ["TIMES", "TwinComparison", "compare_twins", "is_sick"]

TIMES = 3.0
"""Standard errors from which on a difference of trends counts."""
CHANCE = 0.01
"""Nor may it be one that chance gives more often than this: few sizes give an error that is not known well."""


@dataclass(frozen=True, kw_only=True)
class TwinComparison:
    """How a ladder differs from its healthy twin.

    Parameters
    ----------
    slope, error, dof
        Of the difference of mean `ln l` on `ln p`, with standard error and its degrees of freedom.
    source
        Where the error comes from.
    least
        The smallest |t| over the interval of the offset; 0 where the slope changes its sign there.
    sizes
        How many sizes both have.
    offset
        The `L_hat` of both.
    deviation, healthy
        How much sizes differ, in the ladder and in its twin.
    sick
        Whether the ladder does not collapse because of named sizes or rates, its twin has no such fault, and the
        intervals of the two deviations are apart: for faults that are no trend.
    """

    slope: float
    error: float
    dof: int
    source: Literal["seeds", "scatter"]
    least: float
    sizes: int
    offset: float
    deviation: ScaleDeviation
    healthy: ScaleDeviation
    sick: bool

    @property
    def t(self) -> float:
        """The slope in standard errors; NaN where nothing measures noise."""
        return self.slope / self.error if self.error > 0 else math.nan

    @property
    def drifts(self) -> bool:
        """Whether the trends differ by more than `TIMES` standard errors, whatever the offset, and not by chance."""
        from scipy.special import stdtr

        return self.dof > 0 and self.least > TIMES and 2.0 * float(stdtr(self.dof, -self.least)) < CHANCE

    @property
    def detected(self) -> bool:
        """Whether the two ladders are told apart."""
        return self.drifts or self.sick


def is_sick(case: Case) -> bool:
    """Whether a ladder does not collapse, and a size or a rate is named for it."""
    report = case.report
    return (
        report is not None
        and report.verdict is Verdict.NO_COLLAPSE
        and any(c.kind == "size" or (c.kind in ("trend", "noise") and c.cause == "rate") for c in report.culprits)
    )


def compare_twins(case: Case, healthy: Case) -> TwinComparison | None:
    """A ladder beside its healthy twin, on shared sizes and at the twin's offset; None where that is impossible.

    Runs that left their siblings are set aside, as in `measure_collapse`.
    """
    common = case.shared_sizes(healthy)
    ladders = [_kept(c, common) for c in (case, healthy)]
    if len(common) < 3 or any(len(ladder.sizes) < len(common) for ladder in ladders):
        return None
    curves = [curves_on_grid(ladder, None) for ladder in ladders]
    shortest = min((c.x for c in curves), key=len)
    curves = [curves_on_grid(ladder, shortest) for ladder in ladders]
    top = min(float(c.finals.min()) for c in curves)
    if not healthy.offset < top:
        return None
    line, from_seeds = _difference(curves, healthy.offset)
    ends = ends_below(_interval(healthy), healthy.offset, top)
    lines = [line, *(_difference(curves, end)[0] for end in ends)]
    one_sign = len({other.slope > 0 for other in lines}) == 1
    deviation, good = (scale_deviation(normalize(c.L, healthy.offset), c.size_index) for c in curves)
    return TwinComparison(
        slope=line.slope,
        error=line.error,
        dof=line.dof,
        source="seeds" if from_seeds else "scatter",
        least=min(abs(other.t) for other in lines) if one_sign else 0.0,
        sizes=len(common),
        offset=healthy.offset,
        deviation=deviation,
        healthy=good,
        sick=is_sick(case) and not is_sick(healthy) and deviation.interval[0] > good.interval[1],
    )


def _kept(case: Case, sizes: set[float]) -> Ladder:
    """The runs of some sizes without those that `measure_collapse` set aside."""
    aside = {c.subject for c in case.report.culprits if c.kind == "run"} if case.report else set()
    return case.ladder.select(lambda c: c.params in sizes and c.run not in aside)


def _interval(healthy: Case) -> Interval | None:
    """The interval of the fitted offset; None where it is known."""
    report = healthy.report
    return report.law.L0_interval if report is not None and report.offset_source == "law" else None


def _difference(curves: list[CurvesOnGrid], offset: float) -> tuple[Line, bool]:
    """The line of the twins' difference through ln p, and whether its error comes from seeds."""
    one, other = (
        of_sizes(np.log(normalize(c.L, offset)[:, :-1].clip(1e-300)).mean(axis=1), c.size_index) for c in curves
    )
    dof = one.dof + other.dof if one.dof and other.dof else 0
    apart = SizeMeans(mean=one.mean - other.mean, error=np.hypot(one.error, other.error), dof=dof)
    line = line_through(curves[0].log_p, apart)
    return line, dof > 0 and line.dof == dof
