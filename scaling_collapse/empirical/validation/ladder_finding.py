"""From curve tables to the ladders that claims are put to: what is a ladder, and what is none.

A table may hold several ladders, one for each learning-rate schedule. Runs of one schedule are a ladder where they have
at least 2 sizes, one horizon a size, and horizons that grow with size. Runs at a constant learning rate that were
trained past their horizon, the horizon not being marked, get the one that their Pareto frontier gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...common import InputError
from ...theory import Ladder, LossCurve
from ..collapse.measure_collapse import measure_collapse
from ..fits.horizon_fit import HorizonFit, fit_horizon
from .case import Case, healthy_of
from .run_schedule import schedule_of
from .twin_finding import with_ablations
from .validation_table import Table

__all__ = ["NotALadder", "cases_of"]


@dataclass(frozen=True, kw_only=True)
class NotALadder:
    """Runs of one schedule that are no ladder.

    Parameters
    ----------
    table
        The table's name.
    schedule
        Name of the schedule; None where the table holds no other.
    reason
        Why they are none.
    """

    table: str
    schedule: str | None
    reason: str

    @property
    def name(self) -> str:
        """The table's name, with the schedule where the table holds several."""
        return self.table if self.schedule is None else f"{self.table}: {self.schedule}"


def cases_of(tables: Iterable[Table], *, draws: int = 400) -> tuple[list[Case], list[NotALadder]]:
    """The ladders in the tables, and what is none.

    Ablations, named or found beside a healthy twin, are normalized with the irreducible loss of the healthy ladder of
    their family: it is the task's.
    """
    found, refused = _unmeasured(tables)
    first = [_measured(case, [], draws) for case in found if not case.ablation]
    healthy = with_ablations(first)
    cases = [_measured(c, healthy, draws) if c.twin is not None else c for c in healthy]
    return [*cases, *(_measured(case, cases, draws) for case in found if case.ablation)], refused


def _unmeasured(tables: Iterable[Table]) -> tuple[list[Case], list[NotALadder]]:
    """The ladders, not measured yet, and what is none."""
    cases: list[Case] = []
    refused: list[NotALadder] = []
    for table in tables:
        groups: dict[str, list[LossCurve]] = {}
        for curve in table.cut:
            groups.setdefault(schedule_of(curve).label, []).append(curve)
        for schedule, curves in groups.items():
            name = table.name if len(groups) == 1 else f"{table.name}: {schedule}"
            found = _case(name, schedule, curves, table)
            if isinstance(found, Case):
                cases.append(found)
            else:
                only = schedule if len(groups) > 1 else None
                refused.append(NotALadder(table=table.name, schedule=only, reason=found))
    return cases, refused


def _case(name: str, schedule: str, curves: list[LossCurve], table: Table) -> Case | str:
    """The ladder of one schedule, not measured yet, or why it is none."""
    names = {c.run for c in curves}
    ladder, whole = Ladder(curves, table.cut.integrity), table.whole.select(lambda c: c.run in names)
    if len(ladder.sizes) < 2:
        return "one size, not a ladder"
    if (apart := ladder.horizons_apart()) is not None:
        return f"several horizons for one size (params={apart[0].params:.0f}), not a ladder"
    constant = schedule_of(curves[0]).constant
    marked = any(c.horizon_tokens < 0.999 * c.tokens[-1] for c in ladder)
    pareto = _pareto(whole) if constant else "the learning rate is not constant"
    if isinstance(pareto, HorizonFit) and not marked:
        ladder = _with_horizons(ladder, pareto)
    logs = np.log([runs[0].horizon_tokens for runs in ladder.by_size.values()])
    if len(ladder.sizes) < 2 or np.ptp(logs) < 0.01:
        return "every size was trained for the same number of tokens, and nothing marks their horizons: not a ladder"
    return Case(
        name=name,
        table=table.name,
        ladder=ladder,
        whole=whole,
        schedule=schedule,
        constant=constant,
        ablation=table.ablation,
        pareto=pareto,
        past=min(c.tokens[-1] / c.horizon_tokens for c in ladder),
        marked=marked,
        known=table.offset,
        settings=table.settings,
    )


def _measured(case: Case, cases: Sequence[Case], draws: int) -> Case:
    """The same with its collapse, or with the reason why there is none."""
    offset = case.known
    if case.ablation and offset is None:
        healthy = healthy_of(case, cases)
        offset = None if healthy is None else healthy.offset
    try:
        return replace(case, report=measure_collapse(case.ladder, offset=offset, draws=draws))
    except InputError as error:
        return replace(case, why=str(error))


def _pareto(whole: Ladder) -> HorizonFit | str:
    """The horizon of the Pareto frontier, or why there is none."""
    try:
        return fit_horizon(whole)
    except InputError as error:
        return str(error)


def _with_horizons(ladder: Ladder, fit: HorizonFit) -> Ladder:
    """The runs that reach the fitted horizon of their size, with it."""
    horizon = {p: float(fit.horizon_tokens(p)) for p in ladder.sizes}
    kept = [
        replace(c, horizon_tokens=horizon[c.params])
        for c in ladder
        if c.tokens[0] < 0.1 * horizon[c.params] and horizon[c.params] <= c.tokens[-1]
    ]
    return Ladder(kept, ladder.integrity) if kept else ladder
