"""From curve tables to the ladders that claims are put to: what is a ladder, what belongs together, and what does not.

A table may hold several ladders, one for each learning-rate schedule. Runs of one schedule are a ladder where they have
at least 2 sizes, one horizon a size, and horizons that grow with size. Runs at a constant learning rate that were
trained past their horizon, the horizon not being marked, get the one that their Pareto frontier gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...common import InputError
from ...theory import Ladder, LossCurve
from ..collapse.collapse_report import CollapseReport
from ..collapse.measure_collapse import measure_collapse
from ..fits.horizon_fit import HorizonFit, fit_horizon
from ..fits.two_term_law import TwoTermLaw, fit_two_term
from .validation_table import Table, is_constant, label

__all__ = ["Case", "cases_of", "healthy_of"]

TOGETHER = 3
"""Ladders that share at least this many sizes are of one family of models."""


@dataclass(frozen=True, eq=False)
class Case:
    """A ladder that claims are put to.

    Parameters
    ----------
    name
        The table's name, with the schedule where the table holds several.
    ladder, whole
        The curves with their horizons `t*`, and the same with their last points for horizons.
    schedule
        Name of the schedule.
    constant
        Whether the learning rate stays constant after warm-up; None where nothing says so.
    ablation
        Whether something was scaled wrongly on purpose.
    report
        What `measure_collapse` found; None where it refused.
    why
        The refusal.
    pareto
        The horizon fitted to the Pareto frontier, where the runs allow it; else the reason why not.
    past
        By what factor the runs go on past their horizons (the least of all runs).
    marked
        Whether the table marks the horizons; else they are the last points or, past them, the Pareto fit's.
    known
        The irreducible loss, where the caller gave it.
    """

    name: str
    ladder: Ladder
    whole: Ladder
    schedule: str
    constant: bool | None
    ablation: bool
    report: CollapseReport | None
    why: str
    pareto: HorizonFit | str
    past: float
    marked: bool
    known: float | None

    @property
    def offset(self) -> float:
        """`L_hat` in use; NaN where there is none."""
        return math.nan if self.report is None else self.report.offset

    @cached_property
    def law(self) -> TwoTermLaw | str:
        """The two-term law of its whole curves from a tenth of the horizon on, or why there is none."""
        if not self.constant:
            return "a two-term law is fitted to runs at a constant learning rate"
        kept = set(self.ladder.sizes)
        start = np.array([0.1 * runs[0].horizon_tokens for runs in self.ladder.by_size.values()])
        try:
            return fit_two_term(self.whole.select(lambda c: c.params in kept), start, L0=self.known)
        except InputError as error:
            return str(error).rstrip(".")

    @property
    def usable(self) -> bool:
        """Whether its curves can be normalized."""
        return self.report is not None and bool(np.isfinite(self.report.delta).all())

    @property
    def refusal(self) -> str:
        """Why its curves cannot be normalized, without a full stop."""
        return (self.why if self.report is None else self.report.reasons[0]).rstrip(".")

    @property
    def seeds(self) -> int:
        """The largest number of runs of one size."""
        return max(len(curves) for curves in self.ladder.by_size.values())

    @property
    def horizon_exponent(self) -> float:
        """The slope of `ln t*` against `ln p`."""
        p, t = np.array([(c.params, c.horizon_tokens) for c in self.ladder]).T
        return float(np.polyfit(np.log(p), np.log(t), 1)[0])

    def shared_sizes(self, other: Case) -> set[float]:
        """Sizes that two ladders have in common."""
        return set(self.ladder.sizes) & set(other.ladder.sizes)

    def akin(self, other: Case) -> bool:
        """Whether two ladders are of one family of models."""
        return len(self.shared_sizes(other)) >= TOGETHER


def cases_of(tables: Iterable[Table], *, draws: int = 400) -> tuple[list[Case], list[tuple[str, str]]]:
    """The ladders in the tables, and for what is none the reason: (name, reason).

    Ablations are normalized with the irreducible loss of the healthy ladder of their family: it is the task's.
    """
    cases: list[Case] = []
    refused: list[tuple[str, str]] = []
    for table in sorted(tables, key=lambda t: t.ablation):  # stable: healthy ones first
        groups: dict[str, list[LossCurve]] = {}
        for curve in table.cut:
            groups.setdefault(label(curve), []).append(curve)
        for schedule, curves in groups.items():
            name = table.name if len(groups) == 1 else f"{table.name}: {schedule}"
            found = _case(name, schedule, curves, table, cases, draws)
            if isinstance(found, Case):
                cases.append(found)
            else:
                refused.append((name, found))
    return cases, refused


def healthy_of(case: Case, cases: Iterable[Case]) -> Case | None:
    """The healthy ladder that an ablation is compared with: of its family, and under the same schedule."""
    kin = [c for c in cases if not c.ablation and c.usable and c.schedule == case.schedule and c.akin(case)]
    return max(kin, key=lambda c: len(c.shared_sizes(case)), default=None)


def _case(name: str, schedule: str, curves: list[LossCurve], table: Table, cases: list[Case], draws: int) -> Case | str:
    """The ladder of one schedule, or why it is none."""
    names = {c.run for c in curves}
    ladder, whole = Ladder(curves, table.cut.integrity), table.whole.select(lambda c: c.run in names)
    constant = is_constant(curves[0])
    if len(ladder.sizes) < 2:
        return "one size, not a ladder"
    for p, runs in ladder.by_size.items():
        horizons = [c.horizon_tokens for c in runs]
        if max(horizons) > 1.01 * min(horizons):
            return f"several horizons for one size (params={p:.0f}), not a ladder"
    pareto: HorizonFit | str = "the learning rate is not constant"
    marked = any(c.horizon_tokens < 0.999 * c.tokens[-1] for c in ladder)
    if constant:
        try:
            pareto = fit_horizon(whole)
        except InputError as error:
            pareto = str(error)
        if isinstance(pareto, HorizonFit) and not marked:
            ladder = _with_horizons(ladder, pareto)
    logs = np.log([runs[0].horizon_tokens for runs in ladder.by_size.values()])
    if len(ladder.sizes) < 2 or np.ptp(logs) < 0.01:
        return "every size was trained for the same number of tokens, and nothing marks their horizons: not a ladder"
    past = min(c.tokens[-1] / c.horizon_tokens for c in ladder)
    blank = Case(name, ladder, whole, schedule, constant, table.ablation, None, "", pareto, past, marked, table.offset)
    offset = table.offset
    if table.ablation and offset is None:
        healthy = healthy_of(blank, cases)
        offset = None if healthy is None else healthy.offset
    try:
        return replace(blank, report=measure_collapse(ladder, offset=offset, draws=draws))
    except InputError as error:
        return replace(blank, why=str(error))


def _with_horizons(ladder: Ladder, fit: HorizonFit) -> Ladder:
    """The runs that reach the fitted horizon of their size, with it."""
    horizon = {p: float(fit.horizon_tokens(p)) for p in ladder.sizes}
    kept = [
        replace(c, horizon_tokens=horizon[c.params])
        for c in ladder
        if c.tokens[0] < 0.1 * horizon[c.params] and horizon[c.params] <= c.tokens[-1]
    ]
    return Ladder(kept, ladder.integrity) if kept else ladder
