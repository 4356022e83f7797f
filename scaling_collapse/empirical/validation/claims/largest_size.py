"""The largest size from the smaller ones: `extrapolate` against the runs that it has not seen."""

from __future__ import annotations

import math

import numpy as np

from ....common import InputError
from ...extrapolation.extrapolate import extrapolate
from ...fits.intervals import LEVEL, student
from ..case import Case
from ..row import Row, Unit, agreement, not_applicable
from .claim import Evidence, Subject

__all__ = ["NAME", "SUBJECT", "rows"]

NAME = "final loss of the largest size"
SUBJECT = Subject.HEALTHY_LADDER
FROM = 0.2
"""From which x on whole curves are compared."""


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """The universal curve and the law of all other sizes predict the largest one's whole curve; one row."""
    sizes = case.ladder.sizes
    if len(sizes) < 4:
        return [not_applicable(NAME, case.name, f"{len(sizes)} sizes; 3 smaller ones are needed")]
    runs = case.ladder.by_size[sizes[-1]]
    horizon = float(np.mean([c.horizon_tokens for c in runs]))
    try:
        rest = case.ladder.select(lambda c: c.params < sizes[-1])
        found = extrapolate(rest, sizes[-1], tokens=horizon, level=LEVEL, seed=evidence.seed)
    except InputError as error:
        return [not_applicable(NAME, case.name, str(error).rstrip("."))]
    if math.isnan(found.final_loss):
        return [not_applicable(NAME, case.name, f"no law for the smaller sizes: {found.status}")]
    late = found.x >= FROM - 1e-9
    L = np.stack([c.loss_at(found.x[late] * c.horizon_tokens) for c in runs])
    inside = ((found.low[late] <= L) & (found.high[late] >= L)).mean()
    off = np.abs(found.loss[late] / L.mean(axis=0) - 1)
    note = f"From {len(sizes) - 1} sizes ({found.status}); whole curve from x = {FROM:g}: mean error {off.mean():.3%}"
    alone = len(runs) < 2
    if not alone:
        units = np.abs(found.loss[late] - L.mean(axis=0)) / L.std(axis=0, ddof=1)
        note += f", {units.mean():.2g} of its seeds' standard deviations"
    note += f"; {inside:.0%} of its points in the {LEVEL:.0%} band of a single run."
    # A mean of several runs is compared with the band of the expected curve, a single run with that of a run.
    predicted = found.final_interval if alone else (float(found.expected_low[-1]), float(found.expected_high[-1]))
    measured, interval = float(L[:, -1].mean()), student(L[:, -1])
    return [
        Row(
            claim=NAME, table=case.name, prediction=found.final_loss, prediction_interval=predicted,
            measurement=measured, measurement_interval=interval, unit=Unit.LOSS,
            verdict=agreement(found.final_loss, predicted, measured, interval), note=note,
        )
    ]  # fmt: skip
