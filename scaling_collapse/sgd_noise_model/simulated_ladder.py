"""Simulated ladders: the curves of a family of problems, in the form in which measured ones come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..common import InputError
from ..theory import Ladder
from .problems import Problem
from .schedules import Schedule, parse
from .solvers.monte_carlo_seeds import monte_carlo
from .solvers.simulate_runs import simulate

__all__ = ["simulate_ladder"]


def simulate_ladder(
    problems: Sequence[Problem],
    schedule: Schedule | str | Mapping[str, Any],
    *,
    steps: Sequence[int] | Callable[[Problem], float],
    peak: float | Sequence[float] | Callable[[Problem], float],
    batch: int = 1,
    seeds: int = 0,
    start: str = "fixed",
    solver: str = "numba",
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
    Ladder(2 sizes, 6 runs, 1350 points)
    """
    if len({p.params for p in problems}) != len(problems) or not problems:
        sizes = [p.params for p in problems]
        raise InputError(f"simulate_ladder needs at least 1 problem, of distinct `params`; got {sizes}.")
    lengths = [round(steps(p)) for p in problems] if callable(steps) else list(steps)
    if callable(peak):
        rates = [peak(p) for p in problems]
    else:
        rates = [peak] * len(problems) if isinstance(peak, int | float) else list(peak)
    for name, values in (("steps", lengths), ("peak", rates)):
        if len(values) != len(problems):
            raise InputError(f"simulate_ladder needs {len(problems)} values of `{name}`; got {len(values)}.")
    curves = []
    for i, (problem, length, rate) in enumerate(zip(problems, lengths, rates, strict=True)):
        prefix = f"d={problem.params:g} {parse(schedule).name}"
        if seeds:
            own = [i * seeds + s for s in range(seeds)]
            runs = monte_carlo(problem, schedule, seeds=own, steps=length, peak=rate, batch=batch, start=start)
            curves += runs.curves(prefix)
        else:
            curves.append(
                simulate(problem, schedule, steps=length, peak=rate, batch=batch, solver=solver).curve(prefix)
            )
    return Ladder(curves)
