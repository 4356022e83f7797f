"""The ladder itself: it collapses, as `measure_collapse` judges it; where it does not, who is to blame."""

from __future__ import annotations

from ...collapse.verdict import Verdict as Collapse
from ..case import Case
from ..row import Relation, Row, Unit, Verdict, not_applicable
from .claim import Evidence, Subject

__all__ = ["NAME", "SUBJECT", "rows"]

NAME = "the ladder collapses"
SUBJECT = Subject.LADDER
VERDICTS = {
    Collapse.SUPERCOLLAPSE: Verdict.HOLDS,
    Collapse.COLLAPSE: Verdict.HOLDS,
    Collapse.NO_COLLAPSE: Verdict.DOES_NOT_HOLD,
    Collapse.UNDECIDED: Verdict.UNDECIDED,
}


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """One row for every ladder that its user does not call an ablation; one found by itself has to collapse, too."""
    if case.ablation and case.twin is None:
        return []
    report = case.report
    if report is None:
        return [not_applicable(NAME, case.name, case.refusal)]
    who = " ".join(culprit.words for culprit in report.culprits) or "Nobody deviates."
    next_step = f" Next: {report.next[0]}" if report.next else ""
    return [
        Row(
            claim=NAME, table=case.name, relation=Relation.BELOW, prediction=report.deviation.tolerance,
            measurement=report.deviation.value, measurement_interval=report.deviation.interval, unit=Unit.FALL,
            verdict=VERDICTS[report.verdict],
            note=f"Verdict of measure: {report.verdict}. {report.reasons[0]} {who}{next_step}",
        )
    ]  # fmt: skip
