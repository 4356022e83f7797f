"""`plan_cooldown`: when to start the cooldown of a run, in which shape, and what it gains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..common import Framed, InputError, Painted, Result, Source, count, opened, plain, value_in_words
from ..theory import LossCurve
from . import schedules
from .forecasting import Forecast, forecast
from .laws.band_spread import Spread, shares_of, spread_of
from .planned_schedule import FARTHEST, PlannedSchedule, Recipe, recipe_of
from .target import Target

__all__ = ["Cooldown", "CooldownPlan", "plan_cooldown"]

CONSTANT = "constant"
"""The shape of a run without a cooldown."""
SHAPES = ("linear", "1-sqrt", "cosine")
FRACTIONS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
POINTS = 600


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Cooldown(Result):
    """One way to end a run of the budget.

    Parameters
    ----------
    shape
        Shape of the cooldown, as in `schedules.wsd`; `"constant"` for none.
    fraction
        Its share of the budget.
    start
        Tokens (or steps) at which it begins.
    loss, low, high
        Final loss and its band.
    gain
        Final loss without a cooldown, less this one.
    worse_by, worse_sd
        Final loss less the best plan's, and the standard deviation of that difference (the trunk's errors cancel).
    forecast
        The whole curve.
    """

    LINES_SHOWN: ClassVar[int] = 0

    shape: str
    fraction: float
    start: float
    loss: float
    low: float
    high: float
    gain: float
    worse_by: float
    worse_sd: float
    forecast: Forecast

    def headline(self) -> str:
        """Shape, length and final loss."""
        loss = value_in_words(self.loss, (self.low, self.high), self.forecast.level)
        return f"Cooldown: {_length(self)}, final loss {loss}"

    def to_json(self) -> dict[str, Any]:
        """The numbers by name, without the curve."""
        names = ("shape", "fraction", "start", "loss", "low", "high", "gain", "worse_by", "worse_sd", "as_good")
        return plain({name: getattr(self, name) for name in names})

    @property
    def as_good(self) -> bool:
        """Whether the calibration runs cannot tell it from the best plan (by one standard deviation)."""
        return self.worse_by <= self.worse_sd


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CooldownPlan(Framed, Painted):
    """All plans, the best first.

    Parameters
    ----------
    budget
        Length of the run, in tokens (or steps).
    recipe
        What it takes over from the calibration runs: size, peak rate, warm-up, unit.
    plans
        By final loss, the best first.
    constant
        The run without a cooldown.
    """

    budget: float
    recipe: Recipe
    plans: tuple[Cooldown, ...]
    constant: Cooldown

    @property
    def best(self) -> Cooldown:
        """The plan of the lowest final loss."""
        return self.plans[0]

    @property
    def shortest(self) -> Cooldown:
        """The latest start among the plans as good as the best: the trunk stays useful for longest."""
        return min((p for p in self.plans if p.as_good), key=lambda p: (p.fraction, p.loss))

    @property
    def schedule(self) -> PlannedSchedule:
        """The rates of the plan that starts to cool down latest among those as good as the best."""
        chosen, recipe = self.shortest, self.recipe
        target = chosen.forecast.target
        first = 0.0 if recipe.warmup > 0 else recipe.peak
        tokens, lr = np.r_[0.0, target.tokens], np.r_[first, target.lr]
        return PlannedSchedule(recipe=recipe, shape=chosen.shape, fraction=chosen.fraction, tokens=tokens, lr=lr)

    def headline(self) -> str:
        """How to end the run."""
        return f"CooldownPlan for {count(self.budget)} tokens (or steps): {_length(self.best)}"

    def lines(self) -> list[tuple[str, str]]:
        """What the best plan gains, which others are as good, and where the forecasts leave what they rest on."""
        best, level = self.best, self.best.forecast.level
        return [
            ("assumes", self.recipe.words()),
            ("final loss", value_in_words(best.loss, (best.low, best.high), level)),
            ("without a cooldown", f"{self.constant.loss:.6g}, worse by {best.gain:.4g}"),
            ("latest start as good", f"{self.shortest.start:.4g}: {_length(self.shortest)}"),
            ("plans", f"{len(self.plans)}, {sum(p.as_good for p in self.plans)} of them as good as the best"),
            *(("warning", text) for text in best.forecast.warnings),
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row per plan, the best first."""
        rows = [plan.to_json() for plan in self.plans]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def to_json(self) -> dict[str, Any]:
        """The plan in plain names."""
        fit = self.best.forecast.calibration
        result = {
            "budget": self.budget,
            "unit": self.recipe.clock,
            "params": self.recipe.params,
            "peak": self.recipe.peak,
            "peak_of_run": self.recipe.run,
            "warmup": self.recipe.warmup,
            "final": self.shortest.forecast.target.lr[-1],
            "far": self.budget > FARTHEST * self.recipe.longest,
            "law": fit.law,
            "status": fit.status_in_words,
            "warnings": self.best.forecast.warnings,
            "constant": self.constant,
            "best": self.best,
            "shortest_as_good": self.shortest,
            "plans": self.plans,
        }
        return plain(result)


def _length(plan: Cooldown) -> str:
    return "no cooldown" if plan.shape == CONSTANT else f"{plan.shape} over the last {plan.fraction:.0%}"


def plan_cooldown(
    curves: Iterable[LossCurve] | Source,
    budget: float,
    *,
    params: float | None = None,
    shapes: Sequence[str] = SHAPES,
    fractions: Sequence[float] = FRACTIONS,
    law: str | None = None,
    level: float = 0.9,
    far: bool = False,
) -> CooldownPlan:
    """Forecast every cooldown of a run at constant learning rate and rank them by final loss.

    The run warms up as the calibration runs do, holds their highest rate, and decays to 0 over the last `fraction` of
    the budget.

    Parameters
    ----------
    curves
        Calibration runs, a path or a frame; without one that decays the response is only the prior's (a warning).
    budget
        Length of the run in tokens (or steps), > 0.
    params
        Its size; needed where the calibration runs have several.
    shapes, fractions
        Cooldowns to try: shapes of `schedules.wsd`, fractions in (0, 1].
    law, level
        As for `forecast`.
    far
        Plan beyond 3 times the longest calibration run.

    Raises
    ------
    InputError
        If an argument is out of its domain, the budget too far, or nothing can be forecast from the runs.

    Examples
    --------
    >>> t = np.linspace(1e6, 1e8, 200)
    >>> def run(name, decay):
    ...     s = np.minimum(1.0, (1.0001e8 - t) / (decay * 1e8))
    ...     loss = 2.0 + 0.5 * (np.cumsum(s) / 200) ** -0.4 - 0.1 * (1 - s)
    ...     return LossCurve(run=name, params=1e6, tokens=t, loss=loss, lr=1e-3 * s)
    >>> plan = plan_cooldown([run("a", 1e-9), run("b", 0.2), run("c", 1.0)], 1e8, shapes=["linear"])
    >>> plan.best.shape, bool(plan.best.gain > 0.05)
    ('linear', True)
    """
    _check(budget, fractions)
    options = [(CONSTANT, 0.0), *((shape, f) for shape in shapes for f in fractions)]
    known = list(opened(curves, use_horizon=False))
    recipe = recipe_of(known, params)
    recipe.check(budget, far=far)
    found = forecast(known, _targets(recipe, options, budget), law=law, level=level)
    _check_law(found[0])
    constant, *plans = _judged(options, found, budget)
    ranked = tuple(sorted(plans, key=lambda p: p.loss))
    return CooldownPlan(budget=budget, recipe=recipe, plans=ranked, constant=constant)


def _check(budget: float, fractions: Sequence[float]) -> None:
    if not (math.isfinite(budget) and budget > 0):
        raise InputError(f"plan_cooldown needs a `budget` of tokens > 0; got {budget}. Use 1e10, for example.")
    if not fractions or any(not 0 < f <= 1 for f in fractions):
        raise InputError(f"plan_cooldown needs `fractions` in (0, 1]; got {list(fractions)}. Use 0.2, for example.")


def _check_law(found: Forecast) -> None:
    if not math.isfinite(found.loss[-1]):
        raise InputError(
            f"plan_cooldown needs calibration runs that determine a law; got "
            f"{found.calibration.status_in_words}. Add runs."
        )


def _targets(recipe: Recipe, options: Sequence[tuple[str, float]], budget: float) -> list[Target]:
    """A run of the budget for each shape and fraction, after the warm-up and at the peak of the recipe."""
    x = np.unique(np.r_[np.geomspace(1e-3, 1.0, POINTS // 3), np.linspace(0.0, 1.0, POINTS)])[1:]
    targets = []
    for shape, f in options:
        s = np.ones_like(x) if shape == CONSTANT else schedules.wsd(decay=f, shape=shape).s(x)
        lr = recipe.peak * np.minimum(s, x * budget / recipe.warmup if recipe.warmup > 0 else 1.0)
        targets.append(Target(f"{shape} {f:g}", recipe.params, x * budget, lr, clock=recipe.clock))
    return targets


def _judged(options: Sequence[tuple[str, float]], found: Sequence[Forecast], budget: float) -> list[Cooldown]:
    """Every option against the first, the run without a cooldown, and the best of the others."""
    finals = np.array([f.loss[-1] for f in found])
    best = int(finals[1:].argmin()) + 1
    spread = spread_of(found[0].calibration)
    plans = []
    for (shape, fraction), one, sd in zip(options, found, _differences(found, best, spread), strict=True):
        loss, low, high = one.final
        plans.append(
            Cooldown(
                shape=shape,
                fraction=fraction,
                start=(1 - fraction) * budget,
                loss=loss,
                low=low,
                high=high,
                gain=float(finals[0]) - loss,
                worse_by=loss - float(finals[best]),
                worse_sd=sd,
                forecast=one,
            )
        )
    return plans


def _differences(found: Sequence[Forecast], best: int, spread: Spread) -> list[float]:
    """Standard deviation of each final loss less the best one: fit, law's own error and run-to-run misfit."""
    fit = found[best].calibration
    curves = [fit.model.losses(fit.solution.theta, fit.model.prepare(f.rates)) for f in found]
    loss = np.array([losses[-1] for losses, _ in curves])
    gradient = np.array([gradients[-1] for _, gradients in curves])
    away = gradient - gradient[best]
    variance = np.einsum("ij,jk,ik->i", away, spread.covariance, away)
    variance += (shares_of(fit, spread).law * (loss - loss[best])) ** 2
    variance += (spread.run * loss) ** 2
    return [float(math.sqrt(max(v, 0.0))) for v in variance]
