"""What further runs would do to a measured ladder: single ones, and as many as a wanted power needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, get_args

import numpy as np

from ...common import Array, count, plain
from .ladder_model import LadderModel

__all__ = ["AIMS", "Aim", "BestRuns", "FurtherRuns", "as_it_is", "best_runs", "reaching", "single_runs"]

Aim = Literal["L0", "gamma", "verdict"]
AIMS: tuple[Aim, ...] = get_args(Aim)
ABOVE = (2.0, 4.0)
"""Sizes above the largest that are tried, as multiples of it."""
MOST_SEEDS, MOST_SIZES = 50, 4


@dataclass(frozen=True, kw_only=True)
class FurtherRuns:
    """Runs that could be added, and what the ladder would be then.

    Parameters
    ----------
    action
        In words.
    runs, compute
        How many to add, and what they cost, FLOPs.
    L0_half, gamma_half, deviation_half
        Predicted half-widths of the 90 % intervals of L0 (loss; NaN: known), of the relative error of gamma, and of
        the deviation between sizes, on which the verdict stands.
    power
        Probability that the ladder then shows the effect.
    """

    action: str
    runs: int
    compute: float
    L0_half: float
    gamma_half: float
    deviation_half: float
    power: float

    def half(self, aim: Aim) -> float:
        """The half-width that this aim wants small."""
        return {"L0": self.L0_half, "gamma": self.gamma_half, "verdict": self.deviation_half}[aim]


@dataclass(frozen=True, kw_only=True)
class BestRuns:
    """The single run that narrows one interval most, and the one that does so most per FLOP; None: none narrows it."""

    aim: Aim
    most: FurtherRuns | None
    per_flop: FurtherRuns | None

    def to_json(self) -> dict[str, Any]:
        """The runs by what they do."""
        names = {"most": self.most, "per_flop": self.per_flop}
        return plain({"aim": self.aim} | {name: None if run is None else vars(run) for name, run in names.items()})


def as_it_is(model: LadderModel, effect: float) -> FurtherRuns:
    """The ladder without further runs."""
    return _with(model, effect, "the ladder as it is", model.log_p, model.seeds)


def single_runs(model: LadderModel, effect: float) -> tuple[FurtherRuns, ...]:
    """One more seed of each size, or one run of a size below, between and above those there are."""
    p, n = model.log_p, model.seeds
    seeds = [
        _with(model, effect, f"one more seed of size {count(math.exp(p[i]))}", p, n + (np.arange(p.size) == i))
        for i in range(p.size)
    ]
    step = float(p[-1] - p[0]) / (p.size - 1)
    new = [float(p[0]) - step, *((p[1:] + p[:-1]) / 2).tolist(), *(p[-1] + np.log(ABOVE)).tolist()]
    return (*seeds, *(_with_sizes(model, effect, [z], 1) for z in new))


def reaching(model: LadderModel, effect: float, probability: float) -> tuple[FurtherRuns, ...]:
    """What it takes to show the effect with `probability`: seeds alone, larger sizes alone, and the cheapest of both.

    None of those that 50 seeds, 4 larger sizes, or both, do not suffice for; the cheapest first.
    """
    p, n = model.log_p, model.seeds
    usual = max(round(float(np.median(n))), 2)
    step = min(float(p[-1] - p[0]) / (p.size - 1), math.log(ABOVE[-1]))

    def enough(choices: Iterable[FurtherRuns]) -> list[FurtherRuns]:
        return list(islice((choice for choice in choices if choice.power >= probability), 1))

    def larger(k: int) -> list[float]:
        return [float(p[-1]) + step * (i + 1) for i in range(k)]

    def both(k: int, seeds: int) -> FurtherRuns:
        new = larger(k)
        named = f"{_sizes(new)}, {seeds} seeds of every size"
        every = np.append(np.maximum(n, seeds), np.full(k, float(seeds)))
        return _with(model, effect, named, np.append(p, new), every)

    ks = range(1, MOST_SIZES + 1)
    more = range(int(n.min()) + 1, MOST_SEEDS + 1)
    found = enough(_with(model, effect, f"{k} seeds of every size", p, np.maximum(n, k)) for k in more)
    found += enough(_with_sizes(model, effect, larger(k), usual) for k in ks)
    mixed = [runs for k in ks for runs in enough(both(k, seeds) for seeds in range(usual + 1, MOST_SEEDS + 1))]
    cheapest = min(mixed, key=lambda runs: runs.compute, default=None)
    if cheapest is not None and all(cheapest.compute < runs.compute for runs in found):
        found.append(cheapest)
    return tuple(sorted(found, key=lambda runs: runs.compute))


def best_runs(now: FurtherRuns, runs: Sequence[FurtherRuns]) -> tuple[BestRuns, ...]:
    """The best single run for each aim that the ladder has."""
    found = []
    for aim in AIMS:
        if math.isnan(now.half(aim)):
            continue
        gains = [(now.half(aim) - run.half(aim), run) for run in runs]
        helping = [(gain, run) for gain, run in gains if gain > 1e-3 * now.half(aim)]
        most = max(helping, key=lambda pair: pair[0], default=(0.0, None))[1]
        per_flop = max(helping, key=lambda pair: pair[0] / pair[1].compute, default=(0.0, None))[1]
        found.append(BestRuns(aim=aim, most=most, per_flop=per_flop))
    return tuple(found)


def _with_sizes(model: LadderModel, effect: float, new: Sequence[float], seeds: int) -> FurtherRuns:
    """The ladder with sizes added, `seeds` runs each."""
    p, n = np.append(model.log_p, new), np.append(model.seeds, np.full(len(new), float(seeds)))
    order = np.argsort(p)
    each = "one run" if seeds == 1 and len(new) == 1 else f"{seeds} seeds each"
    return _with(model, effect, f"{_sizes(new)}, {each}", p[order], n[order])


def _sizes(new: Sequence[float]) -> str:
    names = ", ".join(count(math.exp(z)) for z in new)
    return f"a new size {names}" if len(new) == 1 else f"new sizes {names}"


def _with(model: LadderModel, effect: float, action: str, log_p: Array, seeds: Array) -> FurtherRuns:
    halves = model.half_widths(log_p, seeds)
    return FurtherRuns(
        action=action,
        runs=round(float(seeds.sum() - model.seeds.sum())),
        compute=model.cost(log_p, seeds) - model.cost(model.log_p, model.seeds),
        L0_half=halves.L0,
        gamma_half=halves.gamma_error,
        deviation_half=halves.deviation,
        power=model.power(effect, log_p, seeds),
    )
