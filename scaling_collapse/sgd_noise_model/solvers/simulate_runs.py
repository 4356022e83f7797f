"""`simulate`: the one entrance to every solver of the expected loss, where input is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError
from ..problems import Problem
from ..schedules import Schedule, parse
from . import exact_jax, exact_numba, exact_numpy
from .fast import run_fast
from .recursion import Recursion, Totals
from .simulation import Simulation, Solver
from .stability import stability_limit

__all__ = ["SOLVERS", "Unstable", "checked_run", "default_record", "simulate", "simulate_many"]

Steps = NDArray[np.int64]
Exact = Callable[[Recursion, Array, Steps], tuple[Array, Array]]
Unstable = Literal["refuse", "run"]
"""What becomes of a peak rate beyond the stability limit."""

EXACT: Mapping[Solver, Exact] = {"numpy": exact_numpy.run, "numba": exact_numba.run, "jax": exact_jax.run}
SOLVERS: tuple[Solver, ...] = (*EXACT, "fast")


def simulate(
    problem: Problem,
    schedule: Schedule | str | Mapping[str, Any],
    *,
    steps: int | None = None,
    peak: float | None = None,
    batch: int = 1,
    solver: Solver = "numba",
    record: ArrayLike | None = None,
    unstable: Unstable = "refuse",
    rtol: float = 1e-4,
) -> Simulation:
    """The expected loss of one-pass SGD under a learning-rate schedule.

    Parameters
    ----------
    problem
        From `power_law` or `from_eigenvalues`.
    schedule
        A schedule, or what `schedules.parse` takes.
    steps, peak
        K and eta_peak; default the schedule's own.
    batch
        B, >= 1, fresh examples per step.
    solver
        `"numba"`, `"numpy"` or `"jax"`: step by step, equal up to rounding. `"fast"`: macro steps adaptive in log time.
    record
        Steps to return, in [0, K]; default `default_record(K)`.
    unstable
        `"refuse"` a peak rate beyond `stability_limit`, or `"run"` it (exact solvers only).
    rtol
        Relative error asked of `"fast"`; what it estimates to have reached is in the result.

    Returns
    -------
    Simulation

    Raises
    ------
    InputError
        If a value lies outside its domain, or the peak rate is beyond the limit.

    Examples
    --------
    >>> from scaling_collapse.sgd_noise_model import power_law
    >>> problem = power_law(64, alpha=1.0, beta=0.3)
    >>> simulate(problem, "cosine", steps=10_000, peak=0.5, batch=4).final_loss
    0.00314
    >>> simulate(problem, "cosine", steps=10_000, peak=0.5, batch=4, solver="fast").final_loss
    0.00314
    """
    if solver not in SOLVERS:
        raise InputError(f"simulate needs `solver` one of {', '.join(SOLVERS)}; got {solver!r}.")
    fast = solver == "fast"
    bound, marks = checked_run(
        "simulate", problem, schedule, steps=steps, peak=peak, batch=batch, record=record, unstable=unstable, fast=fast
    )
    start = Recursion.of(problem, batch)
    totals = run_fast(start, bound, marks, rtol) if fast else _run_exact(solver, start, bound, marks)
    return _result(problem, bound, batch, marks, solver, totals)


def _run_exact(solver: Solver, recursion: Recursion, bound: Schedule, marks: Steps) -> Totals:
    eta = bound.eta()
    total, weighted = EXACT[solver](recursion, eta, marks)
    tau = np.concatenate([[0.0], np.cumsum(eta)])[marks]
    return Totals(total=total, weighted=weighted, tau=tau, error=0.0, work=eta.size)


def simulate_many(
    problem: Problem,
    schedules: Sequence[Schedule | str | Mapping[str, Any]],
    *,
    steps: int | None = None,
    peak: float | None = None,
    batch: int = 1,
    record: ArrayLike | None = None,
    unstable: Unstable = "refuse",
) -> list[Simulation]:
    """`simulate` with the jax solver, vmapped over schedules of the same number of steps.

    Parameters
    ----------
    problem, steps, peak, batch, record, unstable
        As for `simulate`.
    schedules
        At least one.

    Raises
    ------
    InputError
        If there is no schedule, if their steps differ, or as for `simulate`.
    """
    runs = [
        checked_run("simulate_many", problem, s, steps=steps, peak=peak, batch=batch, record=record, unstable=unstable)
        for s in schedules
    ]
    lengths = {bound.steps for bound, _ in runs}
    if len(lengths) != 1:
        raise InputError(f"simulate_many needs schedules of one number of steps; got {sorted(map(str, lengths))}.")
    marks = runs[0][1]
    eta = np.stack([bound.eta() for bound, _ in runs])
    total, weighted = exact_jax.run_many(Recursion.of(problem, batch), eta, marks)
    tau = np.concatenate([np.zeros((len(runs), 1)), np.cumsum(eta, axis=1)], axis=1)[:, marks]
    totals = [
        Totals(total=a, weighted=b, tau=c, error=0.0, work=eta.shape[1])
        for a, b, c in zip(total, weighted, tau, strict=True)
    ]
    return [_result(problem, bound, batch, marks, "jax", one) for (bound, _), one in zip(runs, totals, strict=True)]


def default_record(steps: int) -> Steps:
    """Step 0, 40 geometric and 200 even ones up to the last, as whole numbers."""
    even = np.linspace(0, steps, 201)
    return np.unique(np.round(np.concatenate([even, np.geomspace(1, steps, 41)])).astype(np.int64))


def checked_run(
    who: str,
    problem: Problem,
    schedule: Schedule | str | Mapping[str, Any],
    *,
    steps: int | None,
    peak: float | None,
    batch: int,
    record: ArrayLike | None,
    unstable: Unstable,
    fast: bool = False,
) -> tuple[Schedule, Steps]:
    """The bound schedule and the steps to record, or an `InputError`."""
    bound = parse(schedule).at(peak=peak, steps=steps)
    if bound.steps is None:
        raise InputError(f"{who} needs `steps`, the number of steps of the run; got None.")
    if not (batch >= 1 and batch == int(batch)):
        raise InputError(f"{who} needs `batch` a whole number >= 1; got {batch}.")
    if unstable not in get_args(Unstable):
        raise InputError(f"{who} needs `unstable` 'refuse' or 'run'; got {unstable!r}.")
    highest = _highest_rate(bound)
    limit = stability_limit(problem, batch)
    if highest >= limit and unstable == "refuse":
        raise InputError(
            f"{who} needs a peak learning rate below the stability limit {limit:.6g} (batch {batch}); got "
            f"{highest:.6g}. Lower `peak`, or pass unstable='run' to see it diverge."
        )
    if highest >= limit and fast:
        raise InputError(
            f"{who} with solver='fast' needs a peak learning rate below the stability limit {limit:.6g}; got "
            f"{highest:.6g}. Take solver='numba'."
        )
    if record is None:
        return bound, default_record(bound.steps)
    marks = np.unique(np.asarray(record))
    whole = marks.size > 0 and np.array_equal(marks, np.round(marks))
    if not whole or marks[0] < 0 or marks[-1] > bound.steps:
        raise InputError(f"{who} needs `record` as whole steps in [0, {bound.steps}]; got {record!r}.")
    return bound, marks.astype(np.int64)


def _highest_rate(bound: Schedule) -> float:
    """The largest rate of the run, looked for at 4,097 points and beside every breakpoint."""
    x = np.concatenate([np.linspace(0.0, 1.0, 4097), bound.breakpoints(), bound.breakpoints() - 1e-9])
    return bound.peak * float(bound.s(x).max())


def _result(problem: Problem, bound: Schedule, batch: int, marks: Steps, solver: Solver, totals: Totals) -> Simulation:
    total = totals.total
    trace = bound.peak * (totals.weighted + problem.trace * (total + problem.label_noise)) / batch
    if not math.isfinite(float(total[-1])):
        total = np.where(np.isfinite(total), total, np.inf)
    return Simulation(
        steps=marks,
        loss=0.5 * total,
        noise_trace=trace,
        eta=bound.eta(marks),
        tau=totals.tau,
        problem=problem,
        schedule=bound,
        batch=batch,
        solver=solver,
        error=totals.error,
        work=totals.work,
    )
