"""A ladder that claims are put to, and which ladders belong together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...common import InputError, Result, plain
from ...theory import Ladder
from ..collapse.collapse_report import CollapseReport
from ..fits.horizon_fit import HorizonFit
from ..fits.two_term_law import TwoTermLaw, fit_two_term

__all__ = ["Case", "Twin", "healthy_of", "laws_of"]

TOGETHER = 3
"""Ladders that share at least this many sizes are of one family of models."""


@dataclass(frozen=True, kw_only=True)
class Twin:
    """The healthy ladder beside which another was found to be an ablation: its name, and why it is the healthy one."""

    healthy: str
    reason: str


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Case(Result):
    """A ladder that claims are put to.

    Parameters
    ----------
    name
        The table's name, with the schedule where the table holds several.
    table
        The table's name.
    ladder, whole
        The curves with their horizons `t*`, and the same with their last points for horizons.
    schedule
        Name of the schedule.
    constant
        Whether the learning rate stays constant after warm-up; None where nothing says so.
    ablation
        Whether something was scaled wrongly: on purpose, as the caller says, or as found beside a healthy twin.
    pareto
        The horizon fitted to the Pareto frontier, where the runs allow it; else the reason why not.
    past
        By what factor the runs go on past their horizons (the least of all runs).
    marked
        Whether the table marks the horizons; else they are the last points or, past them, the Pareto fit's.
    known
        The irreducible loss, where the caller gave it.
    settings
        The description of the ladder in the trainer's manifest, where the table lies beside one.
    twin
        The healthy twin, where the ladder was found to be an ablation and nobody had said so.
    report
        What `measure_collapse` found; None where it refused.
    why
        The refusal.
    """

    name: str
    table: str
    ladder: Ladder
    whole: Ladder
    schedule: str
    constant: bool | None
    ablation: bool
    pareto: HorizonFit | str
    past: float
    marked: bool
    known: float | None
    settings: Mapping[str, Any] | None = None
    twin: Twin | None = None
    report: CollapseReport | None = None
    why: str = ""

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

    def horizons_apart(self, other: Case) -> float:
        """Mean `|ln t* - ln t*'|` over the sizes that two ladders have in common."""
        t, t_other = (
            np.log([case.ladder.by_size[p][0].horizon_tokens for p in sorted(self.shared_sizes(other))])
            for case in (self, other)
        )
        return float(np.abs(t - t_other).mean())

    def to_json(self) -> dict[str, Any]:
        """What was found, without the curves; what is unknown is null."""
        return plain(
            {
                "name": self.name,
                "schedule": self.schedule,
                "constant": self.constant,
                "ablation": self.ablation,
                "found_beside": None if self.twin is None else self.twin.healthy,
                "sizes": self.ladder.sizes,
                "runs": len(self.ladder),
                "verdict": None if self.report is None else self.report.verdict,
                "offset": self.offset,
                "past_horizon": self.past,
                "horizon_marked": self.marked,
            }
        )


def healthy_of(case: Case, cases: Iterable[Case]) -> Case | None:
    """The healthy ladder that an ablation is compared with: its twin, or of its family under the same schedule."""
    if case.twin is not None:
        return next((c for c in cases if c.name == case.twin.healthy), None)
    kin = [c for c in cases if not c.ablation and c.usable and c.schedule == case.schedule and c.akin(case)]
    return max(kin, key=lambda c: (len(c.shared_sizes(case)), -c.horizons_apart(case)), default=None)


def laws_of(cases: Iterable[Case]) -> list[tuple[Case, TwoTermLaw]]:
    """The two-term laws that were fitted, with the ladders that they came from."""
    return [(c, c.law) for c in cases if isinstance(c.law, TwoTermLaw) and c.law.status == "ok"]
