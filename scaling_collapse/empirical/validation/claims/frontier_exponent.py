"""The frontier's exponent: `mu nu / (mu + nu)` of the two-term law against `b` of the fitted `L0 + a C^-b`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....common import Array
from ...fits.intervals import LEVEL, UNKNOWN, Interval
from ...fits.two_term_law import TwoTermLaw
from ..case import Case
from ..row import Row, agreement, not_applicable
from .claim import Evidence, Subject

__all__ = ["NAME", "SUBJECT", "law_for", "rows"]

NAME = "frontier exponent"
SUBJECT = Subject.HEALTHY_LADDER


def law_for(case: Case, cases: Sequence[Case]) -> tuple[TwoTermLaw, Case] | str:
    """The two-term law of a ladder or, where it decays, of the longest constant-rate runs of its family."""
    kin = [c for c in cases if c.constant and not c.ablation and (c is case or c.akin(case))]
    fits = [(c.law, c) for c in kin if isinstance(c.law, TwoTermLaw) and c.law.status == "ok"]
    if fits:
        return max(fits, key=lambda found: (found[1] is case, found[1].past))
    if isinstance(case.law, TwoTermLaw):
        return "the curves do not show two terms (one coefficient vanishes)"
    return case.law if case.constant else "no runs of these sizes at a constant learning rate, which the law needs"


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """Qiu et al. 2025, section 3.1: compute-optimal final losses fall as `C^-(mu nu / (mu + nu))`; one row."""
    found = law_for(case, evidence.cases)
    if isinstance(found, str):
        return [not_applicable(NAME, case.name, found)]
    if case.report is None or math.isnan(case.report.law.b):
        return [not_applicable(NAME, case.name, case.refusal)]
    law, source = found
    fit = case.report.law
    b, b_interval = (fit.b, fit.b_interval) if case.known is None else _slope(fit.C, fit.L - case.known)
    interval = law.interval(lambda terms: terms.exponent)
    note = f"L0: {law.L0:.4g} from whole curves, {fit.L0:.4g} from end points ({fit.status})."
    if case.known is not None:
        note = f"L0 = {case.known:.4g} is known."
    if source is not case:
        note += f" The law is that of {source.name}."
    if not case.constant:
        note += " The law knows nothing of the decay."
    return [
        Row(
            claim=NAME, table=case.name, prediction=law.exponent, prediction_interval=interval,
            measurement=b, measurement_interval=b_interval,
            verdict=agreement(law.exponent, interval, b, b_interval), note=note,
        )
    ]  # fmt: skip


def _slope(C: Array, R: Array) -> tuple[float, Interval]:
    """`b` of reducible losses `R = a C^-b` by least squares in the logarithms, with its t-interval over sizes."""
    from scipy.special import stdtrit

    if not (R > 0).all() or C.size < 3:
        return math.nan, UNKNOWN
    x, y = np.log(C) - np.log(C).mean(), -np.log(R)
    b = float(x @ y / (x @ x))
    residual = y - y.mean() - b * x
    error = math.sqrt(float(residual @ residual) / (C.size - 2) / float(x @ x))
    half = float(stdtrit(C.size - 2, 0.5 + LEVEL / 2)) * error
    return b, (b - half, b + half)
