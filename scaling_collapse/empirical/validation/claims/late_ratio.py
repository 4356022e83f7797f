"""Supercollapse: Delta below the noise floor sigma late in training with decay, and less so at a constant rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....common import Array
from ....theory import normalize
from ..case import Case
from ..row import Interval, Row, Verdict, not_applicable
from .deviation import LATE, late_ratio, resampled

__all__ = ["CLAIM", "PAIR", "rows"]

CLAIM = f"Delta/sigma on x from {LATE:g} to 1"
PAIR = "Delta/sigma: constant rate over decay"
TIMES = 2.0


def rows(case: Case, cases: Sequence[Case], *, draws: int, seed: int) -> list[Row]:
    """Qiu et al. 2025, sections 2.2 and 3.3: one row; with decay another one for each constant-rate ladder akin."""
    if case.constant is None:
        return [not_applicable(CLAIM, case.name, "neither rates nor a schedule: nobody knows whether it decays")]
    own = _ratio(case, draws, seed)
    if isinstance(own, str):
        return [not_applicable(CLAIM, case.name, own)]
    value, interval, values = own
    report = case.report
    assert report is not None
    share = f"Delta < sigma on {report.supercollapse.fraction:.0%} of x; verdict of measure: {report.verdict}"
    if case.constant:
        note = f"Nothing is claimed of a constant rate alone; seen: {value:.2g}. {share}."
        return [Row(claim=CLAIM, table=case.name, relation="<", measurement=value, measurement_interval=interval,
                    verdict="not applicable", note=note)]  # fmt: skip
    verdict = _side(interval, 1.0, "<")
    found = [Row(claim=CLAIM, table=case.name, relation="<", prediction=1.0, measurement=value,
                 measurement_interval=interval, verdict=verdict, note=f"{share}.")]  # fmt: skip
    for other in cases:
        if other is case or not other.constant or other.ablation or not other.akin(case):
            continue
        their = _ratio(other, draws, seed + 1)
        if isinstance(their, str):
            found.append(not_applicable(PAIR, f"{other.name} / {case.name}", their))
            continue
        low, high = np.nanquantile(their[2] / values, [0.05, 0.95])
        note = f"{their[0]:.2g} at a constant rate, {value:.2g} with decay; 2 is what the published chess runs show."
        found.append(
            Row(claim=PAIR, table=f"{other.name} / {case.name}", relation=">=", prediction=TIMES,
                measurement=their[0] / value, measurement_interval=(float(low), float(high)),
                verdict=_side((float(low), float(high)), TIMES, ">="), note=note)
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


def _side(interval: Interval, bound: float, relation: str) -> Verdict:
    """Whether an interval lies on the claimed side of a bound."""
    low, high = interval
    if relation == "<":
        return "holds" if high < bound else "does not hold" if low >= bound else "undecided"
    return "holds" if low >= bound else "does not hold" if high < bound else "undecided"
