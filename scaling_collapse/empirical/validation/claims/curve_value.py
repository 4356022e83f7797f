"""The normalized curve: `(nu x^-mu + mu) / (mu + nu)` of the two-term law against the ladder's mean curve."""

from __future__ import annotations

import numpy as np

from ....common import Array
from ....theory import normalize
from ...fits.intervals import student
from ..case import Case
from ..row import Row, agreement, not_applicable
from .claim import Evidence, Subject
from .frontier_exponent import law_for

__all__ = ["NAME", "SUBJECT", "rows", "theory_curve"]

NAME = "normalized curve at x = 0.25"
SUBJECT = Subject.HEALTHY_LADDER
AT = 0.25


def theory_curve(x: Array, mu: float, nu: float) -> Array:
    """`l(x) = (nu x^-mu + mu) / (mu + nu)`, exact at the compute-optimal horizon of two terms, shape (n,).

    >>> theory_curve(np.array([0.25, 1.0]), 0.5, 0.5)
    array([1.5, 1. ])
    """
    return (nu * x**-mu + mu) / (mu + nu)


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """Qiu et al. 2025, section 3.1: the curve of a compute-optimal ladder; one row, at a constant rate only."""
    if not case.constant:
        reason = "theory's curve is that of a constant learning rate; a decayed ladder has a curve of its own"
        return [not_applicable(NAME, case.name, reason)]
    if not case.usable or case.report is None:
        return [not_applicable(NAME, case.name, case.refusal)]
    found = law_for(case, evidence.cases)
    if isinstance(found, str):
        return [not_applicable(NAME, case.name, found)]
    law, report = found[0], case.report
    x, sizes = report.x, case.ladder.size_index

    def means(offset: float) -> Array:
        """Mean normalized curve of each size, shape (sizes, n)."""
        l = normalize(report.losses, offset)
        return np.stack([l[sizes == i].mean(axis=0) for i in range(len(case.ladder.sizes))])

    def at(l: Array) -> Array:
        return np.array([np.interp(AT, x, row) for row in l])

    measured = means(report.offset)
    value, interval = float(at(measured).mean()), student(at(measured))
    other = means(min(law.L0, report.losses[:, -1].min() - 1e-9))
    predicted = float(theory_curve(np.array([AT]), law.mu, law.nu)[0])
    bounds = law.interval(lambda q: theory_curve(np.array([AT]), q.mu, q.nu)[0])
    curve = theory_curve(x, law.mu, law.nu)
    off = np.abs(measured.mean(axis=0) / curve - 1)
    note = (
        f"Over x from {x[0]:.2f} to 1 the mean curve is off by {off.mean():.2%} on average, {off.max():.2%} at most. "
        f"The interval of the measurement is over sizes at L_hat = {report.offset:.4g}; with the law's own L0 = "
        f"{law.L0:.4g} it would be {at(other).mean():.4g}."
    )
    return [
        Row(
            claim=NAME, table=case.name, prediction=predicted, prediction_interval=bounds, measurement=value,
            measurement_interval=interval, verdict=agreement(predicted, bounds, value, interval), note=note,
        )
    ]  # fmt: skip
