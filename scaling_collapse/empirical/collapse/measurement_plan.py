"""`MeasurementPlan`: what to run so that `measure` can see a fault of a given size, as numbers, JSON and text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...common import Framed, Result, plain
from .further_runs import BestRuns, FurtherRuns
from .ladder_designs import LadderDesign, Recipe

__all__ = ["MeasurementPlan"]


@dataclass(frozen=True, kw_only=True, repr=False)
class MeasurementPlan(Framed, Result):
    """How many sizes and seeds, over which span, show an error of the horizons' exponent.

    Parameters
    ----------
    effect, probability
        Relative error of gamma, and how surely it is to show.
    recipe
        What was assumed of the runs, or measured.
    designs
        Ladders that reach it, the cheapest first; with sizes, seeds and span given, that ladder alone. None for a
        measured ladder.
    now
        The measured ladder as it is; None without one.
    smallest_effect
        What the measured ladder shows with `probability`; NaN without one.
    reaching
        Runs that would bring the measured ladder there.
    runs, best
        Single further runs, and the best of them for L0, gamma and the verdict.
    notes
        What was assumed, in sentences.
    """

    effect: float
    probability: float
    recipe: Recipe
    designs: tuple[LadderDesign, ...]
    now: FurtherRuns | None
    smallest_effect: float
    reaching: tuple[FurtherRuns, ...]
    runs: tuple[FurtherRuns, ...]
    best: tuple[BestRuns, ...]
    notes: tuple[str, ...]

    @property
    def recommended(self) -> LadderDesign | None:
        """The design with the smallest product of runs and FLOPs; None where no design reaches the effect."""
        return min(self.designs, key=lambda d: d.runs * d.compute, default=None)

    def headline(self) -> str:
        """What is to be seen, and how surely."""
        wanted = f"seen with {self.probability:.0%} probability"
        return f"MeasurementPlan: horizons' exponent off by {self.effect:.0%}, {wanted}"

    def lines(self) -> list[tuple[str, str]]:
        """The answer, then what was assumed."""
        rows = []
        if self.now is not None:
            rows.append(("the ladder as it is", f"sees it with {self.now.power:.0%} probability"))
            rows += [("would reach it", f"{r.action}: {r.compute:.2g} FLOPs") for r in self.reaching]
            rows += [(f"for {b.aim}", b.most.action) for b in self.best if b.most is not None]
        elif self.recommended is not None:
            d = self.recommended
            rows.append(("ladder", f"{d.sizes} sizes over a factor of {d.span:.3g}, {d.seeds} seeds each"))
            rows.append(("compute", f"{d.compute:.2g} FLOPs, {d.runs} runs"))
            rows.append(("power", f"{d.power:.0%}"))
        r = self.recipe
        rows.append(("noise of ln S, b, gamma", f"{r.noise:.2%}, {r.exponent:.3g}, {r.gamma:.3g}"))
        return rows

    def to_columns(self) -> dict[str, Any]:
        """One row per design, or per choice of further runs, the measured ladder as it is first."""
        if self.now is None:
            names: tuple[str, ...] = ("sizes", "seeds", "span", "runs", "compute", "power", "smallest_effect")
            return {name: [getattr(d, name) for d in self.designs] for name in names}
        names = ("action", "runs", "compute", "L0_half", "gamma_half", "deviation_half", "power")
        rows = (self.now, *self.reaching, *self.runs)
        return {name: [getattr(row, name) for row in rows] for name in names}

    def to_json(self) -> dict[str, Any]:
        """All of it; what is unknown is null."""
        single = ("effect", "probability", "smallest_effect", "notes", "best")
        many = ("designs", "reaching", "runs")
        return plain(
            {name: getattr(self, name) for name in single}
            | {name: [vars(row) for row in getattr(self, name)] for name in many}
            | {"recipe": vars(self.recipe), "now": None if self.now is None else vars(self.now)}
        )
