"""Simulated ladders: the curves of a family of problems, in the form in which measured ones come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..common import InputError
from ..theory import Ladder
from .problems import Problem
from .schedules import Schedule, parse
from .solvers.monte_carlo_seeds import Start, monte_carlo
from .solvers.simulate_runs import simulate
from .solvers.simulation import Solver

__all__ = ["simulate_ladder"]

T = TypeVar("T", int, float)


def simulate_ladder(
    problems: Sequence[Problem],
    schedule: Schedule | str | Mapping[str, Any],
    *,
    steps: Sequence[int] | Callable[[Problem], float],
    peak: float | Sequence[float] | Callable[[Problem], float],
    batch: int = 1,
    seeds: int = 0,
    start: Start = "fixed",
    solver: Solver = "numba",
) -> Ladder:
    """Loss curves of several sizes as an ordinary `Ladder`: parameters d, tokens B k, horizon the run's end.

    Parameters
    ----------
    problems
        One per size, of distinct `params`.
    schedule
        As for `simulate`.
    steps
        K of each problem, or a function of the problem (rounded), for example `lambda p: 10 * p.params**1.2 / batch`.
    peak
        eta_peak: one for all, one each, or a function of the problem.
    batch
        B.
    seeds
        0: one expected curve per size. Otherwise single runs of so many seeds per size, no seed shared by two sizes.
    start
        As for `monte_carlo`.
    solver
        Of the expected curves, as for `simulate`.

    Returns
    -------
    Ladder

    Raises
    ------
    InputError
        If two problems share `params`, if numbers of steps or rates do not match the problems, or as `simulate`.

    Examples
    --------
    >>> from scaling_collapse.sgd_noise_model import power_law
    >>> problems = [power_law(d, alpha=1.0, beta=0.3) for d in (16, 32)]
    >>> simulate_ladder(problems, "linear", steps=lambda p: 10 * p.params**1.5, peak=0.5, batch=4, seeds=3)
    Ladder: 2 sizes, 6 runs, 1350 points...
    """
    _check_sizes([p.params for p in problems])
    lengths = _one_each("steps", (lambda p: round(steps(p))) if callable(steps) else steps, problems)
    rates = _one_each("peak", peak, problems)
    curves = []
    for i, (problem, length, rate) in enumerate(zip(problems, lengths, rates, strict=True)):
        bound = parse(schedule).at(steps=length, peak=rate)
        prefix, own = f"d={problem.params:g} {bound.name}", i * seeds + np.arange(seeds)
        if seeds:
            curves += monte_carlo(problem, bound, seeds=own, batch=batch, start=start).curves(prefix)
        else:
            curves.append(simulate(problem, bound, batch=batch, solver=solver).curve(prefix))
    return Ladder(curves)


def _check_sizes(sizes: Sequence[float]) -> None:
    if not sizes or len(set(sizes)) != len(sizes):
        raise InputError(f"simulate_ladder needs at least 1 problem, of distinct `params`; got {sizes}.")


def _one_each(name: str, values: T | Sequence[T] | Callable[[Problem], T], problems: Sequence[Problem]) -> list[T]:
    """A value for each problem: a function is called, one for all is repeated."""
    if callable(values):
        return [values(p) for p in problems]
    each = [values] * len(problems) if isinstance(values, int | float) else list(values)
    if len(each) != len(problems):
        raise InputError(f"simulate_ladder needs {len(problems)} values of `{name}`; got {len(each)}.")
    return each
