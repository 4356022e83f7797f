"""Supercollapse: Delta below the noise floor sigma late in training with decay, and less so at a constant rate."""

from __future__ import annotations

import numpy as np

from ....common import Array
from ....theory import normalize
from ...fits.intervals import Interval
from ..case import Case
from ..row import Relation, Row, Verdict, not_applicable
from .claim import Evidence, Subject
from .deviation import LATE, late_ratio, resampled

__all__ = ["NAME", "PAIR", "SUBJECT", "rows"]

NAME = f"Delta/sigma on x from {LATE:g} to 1"
SUBJECT = Subject.HEALTHY_LADDER
PAIR = "Delta/sigma: constant rate over decay"
TIMES = 2.0


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """Qiu et al. 2025, sections 2.2 and 3.3: one row; with decay another one for each constant-rate ladder akin."""
    if case.constant is None:
        return [not_applicable(NAME, case.name, "neither rates nor a schedule: nobody knows whether it decays")]
    own = _ratio(case, evidence.draws, evidence.seed)
    if isinstance(own, str):
        return [not_applicable(NAME, case.name, own)]
    value, interval, values = own
    report = case.report
    assert report is not None
    share = f"Delta < sigma on {report.supercollapse.fraction:.0%} of x; verdict of measure: {report.verdict}"
    if case.constant:
        note = f"Nothing is claimed of a constant rate alone; seen: {value:.2g}. {share}."
        return [
            Row(
                claim=NAME, table=case.name, relation=Relation.BELOW, measurement=value, measurement_interval=interval,
                verdict=Verdict.NOT_APPLICABLE, note=note,
            )
        ]  # fmt: skip
    found = [
        Row(
            claim=NAME, table=case.name, relation=Relation.BELOW, prediction=1.0, measurement=value,
            measurement_interval=interval, verdict=_side(interval, 1.0, Relation.BELOW), note=f"{share}.",
        )
    ]  # fmt: skip
    for other in evidence.cases:
        if other is case or not other.constant or other.ablation or not other.akin(case):
            continue
        their = _ratio(other, evidence.draws, evidence.seed + 1)
        if isinstance(their, str):
            found.append(not_applicable(PAIR, f"{other.name} / {case.name}", their))
            continue
        low, high = np.nanquantile(their[2] / values, [0.05, 0.95])
        note = f"{their[0]:.2g} at a constant rate, {value:.2g} with decay; 2 is what the published chess runs show."
        found.append(
            Row(claim=PAIR, table=f"{other.name} / {case.name}", relation=Relation.AT_LEAST, prediction=TIMES,
                measurement=their[0] / value, measurement_interval=(float(low), float(high)),
                verdict=_side((float(low), float(high)), TIMES, Relation.AT_LEAST), note=note)
        )  # fmt: skip
    return found


def _ratio(case: Case, draws: int, seed: int) -> tuple[float, Interval, Array] | str:
    """Late Delta/sigma of a ladder with its interval and its draws, or why there is none."""
    report = case.report
    if report is None or not case.usable:
        return case.refusal
    if case.seeds < 2:
        return "one seed a size, so that there is no noise floor"
    sizes, offset, room = case.ladder.size_index, report.offset, report.losses[:, -1].min() - report.offset

    def statistic(runs: Array) -> float:
        if runs[:, -1].min() - offset < 1e-3 * room:
            return float("nan")
        return late_ratio(runs, sizes, offset, report.x)

    normalize(report.losses, offset)
    interval, values = resampled(statistic, report.losses, sizes, draws, seed)
    return statistic(report.losses), interval, values


def _side(interval: Interval, bound: float, relation: Relation) -> Verdict:
    """Whether an interval lies on the claimed side of a bound."""
    low, high = interval
    if relation is Relation.BELOW:
        return Verdict.HOLDS if high < bound else Verdict.DOES_NOT_HOLD if low >= bound else Verdict.UNDECIDED
    return Verdict.HOLDS if low >= bound else Verdict.DOES_NOT_HOLD if high < bound else Verdict.UNDECIDED
