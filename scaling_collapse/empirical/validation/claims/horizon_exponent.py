"""The horizon's exponent: `nu / mu` of the fitted two-term law against the Pareto frontier's gamma."""

from __future__ import annotations

import numpy as np

from ..case import Case
from ..row import Row, agreement, not_applicable
from .claim import Evidence, Subject

__all__ = ["NAME", "SUBJECT", "rows"]

NAME = "horizon exponent"
SUBJECT = Subject.HEALTHY_LADDER


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """Qiu et al. 2025, section 3.1: `t* = kappa p^gamma` with `gamma = nu / mu`; one row."""
    law, pareto = case.law, case.pareto
    if isinstance(pareto, str) or isinstance(law, str):
        reason = pareto if isinstance(pareto, str) else law
        return [not_applicable(NAME, case.name, str(reason).rstrip("."))]
    if law.status != "ok":
        return [not_applicable(NAME, case.name, "the curves do not show two terms (one coefficient vanishes)")]
    interval = law.interval(lambda terms: terms.gamma)
    middle = float(np.exp(np.log(case.ladder.sizes).mean()))
    ratio = law.kappa * middle**law.gamma / float(pareto.horizon_tokens(middle))
    note = (
        f"Two-term law mu = {law.mu:.3f}, nu = {law.nu:.3f}, L0 = {law.L0:.4g} (relative misfit {law.misfit:.2%}) "
        f"against the frontier's middle stretches; its horizon at the middle size is {ratio:.2f} times the frontier's."
    )
    if case.marked:
        note += f" The horizons marked in the table have the exponent {case.horizon_exponent:.3f}."
    return [
        Row(
            claim=NAME, table=case.name, prediction=law.gamma, prediction_interval=interval,
            measurement=pareto.gamma, measurement_interval=pareto.gamma_interval,
            verdict=agreement(law.gamma, interval, pareto.gamma, pareto.gamma_interval), note=note,
        )
    ]  # fmt: skip
