"""The loss under every schedule, blind: each schedule left out in turn and forecast from its learning rates alone."""

from __future__ import annotations

import numpy as np

from ....common import InputError
from ....sgd_noise_model import Forecast, Target, forecast
from ....sgd_noise_model.forecasting import early_note
from ....theory import LossCurve
from ...fits.intervals import LEVEL, UNKNOWN
from ..pool import Pool
from ..row import Row, Unit, Verdict, not_applicable
from ..run_schedule import schedule_of
from .claim import Evidence, Subject

__all__ = ["NAME", "SUBJECT", "rows"]

NAME = "loss under a schedule, blind"
SUBJECT = Subject.POOL
FIRST = 0.05
"""Share of a run before which its points do not count: the beginning says nothing of a schedule."""
COVERED, MISSED = 0.75, 0.5
"""Shares of points in the 90 % band from which on the forecast holds, and below which it does not."""


def rows(pool: Pool, evidence: Evidence) -> list[Row]:
    """Qiu et al. 2025, figures 6 and 12, without reading the target's noise; one row for each decaying schedule."""
    if pool.lacks:
        return [not_applicable(NAME, pool.name, pool.lacks)]
    found = []
    for schedule, targets in sorted(pool.schedules.items()):
        out = {c.run for c in targets}
        known = [c for c in pool.runs if c.run not in out]
        name = f"{pool.name}: {schedule}"
        made, refused = _forecasts(known, targets)
        scored = [(c, f) for c, f in made if np.isfinite(f.loss).all()]
        found.append(_row(name, known, scored) if scored else not_applicable(NAME, name, refused or "nothing fitted"))
    return found


def _forecasts(known: list[LossCurve], targets: list[LossCurve]) -> tuple[list[tuple[LossCurve, Forecast]], str]:
    """Forecasts of the runs that allow one, by the default law or else by the one without traces; the last refusal.

    Where one size alone has a traced trunk, a law on trunks sees that size alone: it cannot place the others' trunks.
    """
    made, refused = [], ""
    traced = {c.params for c in known if schedule_of(c).constant and c.noise_trace is not None}
    for size in sorted({c.params for c in targets}):
        these = [c for c in targets if c.params == size]
        on_trunk = [c for c in known if c.params in traced] if traced == {size} else known
        for law, runs in ((None, on_trunk), ("response", known)):
            try:
                made += zip(these, forecast(runs, [Target.of(c) for c in these], law=law, level=LEVEL), strict=True)
                break
            except InputError as error:
                refused = str(error).rstrip(".")
    return made, refused


def _row(name: str, known: list[LossCurve], scored: list[tuple[LossCurve, Forecast]]) -> Row:
    """Errors after decay began, on points that no calibration run shares; the final loss as measured over forecast."""
    shared = {point for c in known for point in zip(c.tokens.tolist(), c.loss.tolist(), strict=True)}
    errors, inside, finals, lows, highs = [], [], [], [], []
    for curve, f in scored:
        new = np.array([p not in shared for p in zip(curve.tokens.tolist(), curve.loss.tolist(), strict=True)])
        counts = new & f.rates.decayed & (curve.tokens >= FIRST * curve.tokens[-1])
        errors.append(np.abs(f.loss / curve.loss - 1)[counts].mean() if counts.any() else np.nan)
        inside.append(((f.low <= curve.loss) & (curve.loss <= f.high))[counts & np.isfinite(f.low)])
        finals.append(100 * (curve.loss[-1] / f.loss[-1] - 1))
        lows.append(100 * (f.low[-1] / f.loss[-1] - 1))
        highs.append(100 * (f.high[-1] / f.loss[-1] - 1))
    covered = float(np.concatenate(inside).mean()) if sum(i.size for i in inside) else float("nan")
    laws = sorted({f.calibration.law for _, f in scored})
    share = "no band" if np.isnan(covered) else f"{covered:.0%} of points in the {LEVEL:.0%} band"
    note = (
        f"After decay began: mean error {np.nanmean(errors):.3%}, {share}; "
        f"worst final error {np.abs(finals).max():.3f} %. Runs: {len(scored)}; law: "
        f"{' and '.join(laws)}; no run of this schedule seen."
    )
    span = (float(min(finals)), float(max(finals))) if len(finals) > 1 else UNKNOWN
    if len(finals) > 1:
        note += " The interval of the measurement is the range over runs."
    warnings = sorted({w for _, f in scored for w in f.warnings if w != early_note(f.early)})
    if warnings:
        note += f" Warned: {'; '.join(warnings)}."
    return Row(
        claim=NAME, table=name, prediction=0.0, prediction_interval=(float(np.mean(lows)), float(np.mean(highs))),
        measurement=float(np.mean(finals)), measurement_interval=span,
        unit=Unit.FORECAST, verdict=_verdict(covered), note=note,
    )  # fmt: skip


def _verdict(covered: float) -> Verdict:
    """By the share of points in the band; undecided where there is no band."""
    if covered >= COVERED:
        return Verdict.HOLDS
    return Verdict.DOES_NOT_HOLD if covered < MISSED else Verdict.UNDECIDED
