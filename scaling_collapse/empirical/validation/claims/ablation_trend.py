"""Ablations: scaling something wrongly shows as a drift of the curves with size, against those of a healthy twin."""

from __future__ import annotations

from ..case import Case, healthy_of
from ..row import Relation, Row, Unit, Verdict, not_applicable
from ..twin_comparison import TIMES, TwinComparison, compare_twins
from .claim import Evidence, Subject

__all__ = ["NAME", "SUBJECT", "rows"]

NAME = "ablation detected: drift with size"
SUBJECT = Subject.LADDER


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """One row for each ablation; where the fault is no drift, the verdicts of the two ladders tell them apart."""
    if not case.ablation:
        return []
    healthy = healthy_of(case, evidence.cases)
    if healthy is None:
        return [not_applicable(NAME, case.name, "no healthy ladder of these sizes and this schedule to compare with")]
    found = compare_twins(case, healthy)
    if found is None:
        reason = f"it cannot be normalized with the L_hat {healthy.offset:.4g} of {healthy.name} on their shared sizes"
        return [not_applicable(NAME, case.name, reason)]
    return [
        Row(
            claim=NAME, table=case.name, relation=Relation.AT_LEAST, prediction=TIMES, measurement=abs(found.t),
            unit=Unit.ERRORS, verdict=Verdict.HOLDS if found.detected else Verdict.DOES_NOT_HOLD,
            note=_note(case, healthy, found),
        )
    ]  # fmt: skip


def _note(case: Case, healthy: Case, found: TwinComparison) -> str:
    assert case.report is not None
    assert healthy.report is not None
    least = f", at least {found.least:.1f} over the interval of L_hat" if found.least < abs(found.t) - 0.05 else ""
    slopes = (
        f"Against {healthy.name} on {found.sizes} sizes, L_hat = {found.offset:.4g}: the slope of mean ln l on ln p "
        f"differs by {found.slope:+.4f} +- {found.error:.4f} (error from the {found.source} of both), t = "
        f"{found.t:+.1f}{least}."
    )
    deviations = (
        f"Sizes differ by {_percent(found.deviation.value, found.deviation.interval)} of the curve's fall, those of "
        f"{healthy.name} by {_percent(found.healthy.value, found.healthy.interval)}."
    )
    parts = [slopes, deviations]
    if found.sick:
        parts.append(f"Verdict: {case.report.verdict}, {healthy.name}: {healthy.report.verdict}.")
        parts += [culprit.words for culprit in case.report.culprits[:1]]
    if case.twin is not None:
        parts.append(f"Nobody named it an ablation; {healthy.name} was taken for healthy: {case.twin.reason}.")
    return " ".join(parts)


def _percent(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.1%} ({interval[0]:.1%} to {interval[1]:.1%})"
