"""The schedule of a plan: what it takes over from the calibration runs, and its rates as a file for a trainer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..common import Array, Framed, InputError, Result, count, plain
from ..theory import LossCurve
from ..theory.curve import Clock
from .laws.logged_rates import Logged, logged
from .laws.rates import Units

__all__ = ["FARTHEST", "PlannedSchedule", "Recipe", "recipe_of"]

FARTHEST = 3.0
"""A budget further than this many times the longest calibration run is refused unless it is asked for."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a plan takes over from the calibration runs.

    Parameters
    ----------
    params
        Size of the model.
    peak
        The rate that is held: the highest of the runs of this size.
    run
        The run that has it.
    warmup
        Length of the warm-up, the median of the runs'; 0 where none was logged.
    longest
        Length of the longest run.
    clock
        What lengths count.
    """

    params: float
    peak: float
    run: str
    warmup: float
    longest: float
    clock: Clock

    def words(self) -> str:
        """In one sentence."""
        warm = f"after a warm-up over {count(self.warmup)} {self.clock}" if self.warmup > 0 else "without warm-up"
        return (
            f"{count(self.params)} parameters; peak rate {self.peak:.4g}, that of run {self.run!r}, {warm}; "
            f"lengths in {self.clock}"
        )

    def check(self, budget: float, *, far: bool) -> None:
        """Refuse a budget that lies far beyond what was calibrated, unless it is asked for."""
        if budget > FARTHEST * self.longest and not far:
            raise InputError(
                f"plan_cooldown needs a `budget` of at most {FARTHEST:g} times the longest calibration run "
                f"({count(self.longest)} {self.clock}); got {count(budget)}. Add a longer run, or ask for it with "
                "far=True (--far)."
            )


def recipe_of(curves: Sequence[LossCurve], params: float | None) -> Recipe:
    """What a plan for this size takes over from the runs of the size, or from all where there is none of it.

    Raises
    ------
    InputError
        If no run has learning rates.
    """
    used = [c for c in curves if params is None or c.params == params] or list(curves)
    logs = [logged(c.run, c.params, c.tokens, c.lr) for c in used if c.lr is not None]
    if not logs:
        raise InputError("plan_cooldown needs calibration runs with learning rates; got none. Add the column `lr`.")
    highest = max(logs, key=lambda log: float(log.eta.max()))
    peak = float(highest.eta.max())
    return Recipe(
        params=used[0].params if params is None else params,
        peak=peak,
        run=highest.run,
        warmup=float(np.median([_warmup(log, peak) for log in logs])),
        longest=max(float(log.t[-1]) for log in logs),
        clock=used[0].clock,
    )


def _warmup(log: Logged, peak: float) -> float:
    """Where the warm-up of a run ends; 0 where it was not logged."""
    rates = log.rates(Units(peak, 1.0))
    return float(rates.tokens[rates.warm]) if rates.first == 0 or rates.warm > 1 else 0.0


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PlannedSchedule(Framed, Result):
    """The learning rates of a plan, straight lines between its rows.

    Parameters
    ----------
    recipe
        What was taken over from the calibration runs.
    shape, fraction
        Of the cooldown.
    tokens, lr
        `t` and `eta` of the rows, shape (n,), from 0.
    """

    recipe: Recipe
    shape: str
    fraction: float
    tokens: Array
    lr: Array

    @property
    def column(self) -> str:
        """Name of the first column: what it counts."""
        return "step" if self.recipe.clock == "steps" else "tokens"

    def headline(self) -> str:
        """How the run ends."""
        return f"PlannedSchedule: {self.shape} over the last {self.fraction:.0%}, to {self.lr[-1]:.4g}"

    def lines(self) -> list[tuple[str, str]]:
        """What is assumed."""
        return [("assumes", self.recipe.words()), ("rows", str(self.tokens.size))]

    def to_columns(self) -> dict[str, Any]:
        """One row per knot."""
        return {self.column: self.tokens, "lr": self.lr}

    def to_json(self) -> dict[str, Any]:
        """Rows and what was assumed."""
        told = {
            "unit": self.recipe.clock,
            "params": self.recipe.params,
            "peak": self.recipe.peak,
            "peak_of_run": self.recipe.run,
            "warmup": self.recipe.warmup,
            "final": self.lr[-1],
            "budget": self.tokens[-1],
            "shape": self.shape,
            "fraction": self.fraction,
        }
        return plain(told | self.to_columns())

    def csv(self) -> bytes:
        """The rows as a CSV file with a head."""
        rows = [f"{t:.17g},{eta:.17g}" for t, eta in zip(self.tokens, self.lr, strict=True)]
        return ("\n".join([f"{self.column},lr", *rows]) + "\n").encode()

    def json(self) -> bytes:
        """`to_json` as a file."""
        return (json.dumps(self.to_json(), indent=1) + "\n").encode()
