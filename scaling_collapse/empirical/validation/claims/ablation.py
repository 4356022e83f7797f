"""Ablations: scaling something wrongly shows, Delta is at least 3 times the healthy ladder's at x = 0.5."""

from __future__ import annotations

import numpy as np

from ....common import Array
from ....theory import Ladder, collapse_deviation, default_grid, losses_on_grid, normalize
from ...fits.intervals import Interval
from ..case import Case, healthy_of
from ..row import Relation, Row, Verdict, not_applicable
from .claim import Evidence, Subject
from .deviation import resampled

__all__ = ["NAME", "SUBJECT", "rows"]

NAME = "ablation detected: Delta at x = 0.5"
SUBJECT = Subject.LADDER
TIMES = 3.0


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """Qiu et al. 2025, figure 4; one row for each ablation, on the sizes and the offset of the healthy ladder."""
    if not case.ablation:
        return []
    healthy = healthy_of(case, evidence.cases)
    if healthy is None:
        reason = "no healthy ladder of these sizes and this schedule to compare with"
        return [not_applicable(NAME, case.name, reason)]
    offset, common = healthy.offset, case.shared_sizes(healthy)
    finals = min(c.horizon_loss for c in case.ladder if c.params in common)
    if not offset < finals:
        reason = f"its smallest final loss {finals:.4g} is not above the healthy ladder's L_hat {offset:.4g}"
        return [not_applicable(NAME, case.name, reason)]
    good, good_interval = _at_half(healthy.ladder.select(lambda c: c.params in common), offset, evidence)
    bad, bad_interval = _at_half(case.ladder.select(lambda c: c.params in common), offset, evidence)
    apart = not (bad_interval[0] <= good_interval[1])
    note = (
        f"{bad / good:.2g} times the Delta {good:.3g} ({good_interval[0]:.2g} to {good_interval[1]:.2g}) of "
        f"{healthy.name} on {len(common)} sizes, L_hat = {offset:.4g}; the intervals "
        + ("are apart." if apart else "are not apart.")
    )
    return [
        Row(
            claim=NAME, table=case.name, relation=Relation.AT_LEAST, prediction=TIMES * good, measurement=bad,
            prediction_interval=(TIMES * good_interval[0], TIMES * good_interval[1]),
            measurement_interval=bad_interval,
            verdict=Verdict.HOLDS if bad >= TIMES * good and apart else Verdict.DOES_NOT_HOLD, note=note,
        )
    ]  # fmt: skip


def _at_half(ladder: Ladder, offset: float, evidence: Evidence) -> tuple[float, Interval]:
    """Delta at x = 0.5 and its interval over seeds; without seeds the interval is the number itself."""
    x, sizes = default_grid(), ladder.size_index
    middle = int(np.argmin(np.abs(x - 0.5)))
    L = losses_on_grid(ladder, x[[middle, -1]])

    def statistic(runs: Array) -> float:
        above = (runs[:, -1] > offset).all()
        return float(collapse_deviation(normalize(runs, offset), sizes)[0]) if above else float("nan")

    return statistic(L), resampled(statistic, L, sizes, evidence.draws, evidence.seed)[0]
