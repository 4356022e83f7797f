"""The inverse sensitivity: the error of the horizon's exponent that would explain how a ladder's curves differ.

For a healthy ladder the claim is that there is none. For an ablation whose horizons follow another exponent the true
error is known, from its horizons and the healthy ladder's; where horizons are as they should be it is 0, and theory is
right if it says that no such error explains the curves.
"""

from __future__ import annotations

import math

from ....common import InputError
from ....theory import admitted_errors
from ...fits.intervals import UNKNOWN
from ..case import Case, healthy_of
from ..row import Row, Unit, Verdict, not_applicable
from .claim import Evidence, Subject

__all__ = ["NAME", "SUBJECT", "rows"]

NAME = "error of the horizon exponent, if alone"
SUBJECT = Subject.LADDER
SAME = 0.01
"""Horizons whose exponents differ by less than this share are the same."""


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """One row: the relative error of gamma that the curves admit against the one that is there."""
    if case.report is None or not case.usable:
        return [not_applicable(NAME, case.name, case.refusal)]
    true, against = 0.0, ""
    if case.ablation:
        healthy = healthy_of(case, evidence.cases)
        if healthy is None:
            return [not_applicable(NAME, case.name, "no healthy ladder of these sizes and this schedule")]
        true = 1.0 - healthy.horizon_exponent / case.horizon_exponent
        true = 0.0 if abs(true) < SAME else true
        against = f"True error by the horizons of {healthy.name}: {true:+.1%}. "
    try:
        found = admitted_errors(case.ladder, case.offset, shape="common")
        error, status, words = found.gamma_alone, found.status, found.summary()
        shape_p = found.shape_p
    except InputError as problem:
        return [not_applicable(NAME, case.name, str(problem).rstrip("."))]
    unit = 1.0 / found.gamma
    value, interval = unit * error.estimate, (unit * error.low, unit * error.high)
    refuses = not math.isnan(error.p_value) and error.p_value < 0.01
    if not found.gamma_alone_is_inside:
        value, interval, words = math.nan, UNKNOWN, ""
        against += "No error of gamma within the search explains the curves, so that nothing is said of it. "
    verdict = Verdict.UNDECIDED
    if not math.isnan(value) and not interval[0] <= true <= interval[1]:
        verdict = Verdict.DOES_NOT_HOLD
    elif all(map(math.isfinite, interval)):
        verdict = Verdict.HOLDS
    if case.ablation and true == 0.0 and (refuses or status == "not explained"):
        verdict = Verdict.HOLDS
        against += "The horizons are right, and theory says that their error alone does not explain the curves. "
    elif refuses:
        against += f"An error of gamma alone does not explain the curves (p = {error.p_value:.2g}). "
    note = f"{against}{words} Status: {status}.".replace("  ", " ")
    if not math.isnan(shape_p):
        note += f" Seeds alone would make shapes differ this much with probability {shape_p:.2g}."
    return [
        Row(claim=NAME, table=case.name, prediction=true, measurement=value, measurement_interval=interval,
            unit=Unit.GAMMA, verdict=verdict, note=note)
    ]  # fmt: skip
