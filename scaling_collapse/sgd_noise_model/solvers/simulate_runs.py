"""`simulate`: the one entrance to every solver of the expected loss, where input is checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError
from ..problems import Problem
from ..schedules import Schedule, parse
from . import exact_jax, exact_numba, exact_numpy
from .fast import run_fast
from .simulation import Simulation
from .stability import stability_limit

__all__ = ["SOLVERS", "checked_run", "default_record", "simulate", "simulate_many"]

Steps = NDArray[np.int64]

EXACT = {"numpy": exact_numpy.run, "numba": exact_numba.run, "jax": exact_jax.run}
SOLVERS = (*EXACT, "fast")


def simulate(
    problem: Problem,
    schedule: Schedule | str | Mapping[str, Any],
    *,
    steps: int | None = None,
    peak: float | None = None,
    batch: int = 1,
    solver: str = "numba",
    record: ArrayLike | None = None,
    unstable: str = "refuse",
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
    bound, marks = checked_run("simulate", problem, schedule, steps, peak, batch, record, unstable, solver)
    error, work = 0.0, bound.steps or 0
    if solver == "fast":
        total, weighted, tau, error, work = run_fast(problem, bound, batch, marks, rtol)
    else:
        eta = bound.eta()
        total, weighted = EXACT[solver](*_arrays(problem), batch, eta, marks)
        tau = np.concatenate([[0.0], np.cumsum(eta)])[marks]
    return _result(problem, bound, batch, marks, total, weighted, tau, solver, error, work)


def simulate_many(
    problem: Problem,
    schedules: Sequence[Schedule | str | Mapping[str, Any]],
    *,
    steps: int | None = None,
    peak: float | None = None,
    batch: int = 1,
    record: ArrayLike | None = None,
    unstable: str = "refuse",
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
    runs = [checked_run("simulate_many", problem, s, steps, peak, batch, record, unstable, "jax") for s in schedules]
    lengths = {bound.steps for bound, _ in runs}
    if len(lengths) != 1:
        raise InputError(f"simulate_many needs schedules of one number of steps; got {sorted(map(str, lengths))}.")
    marks = runs[0][1]
    eta = np.stack([bound.eta() for bound, _ in runs])
    total, weighted = exact_jax.run_many(*_arrays(problem), batch, eta, marks)
    tau = np.concatenate([np.zeros((len(runs), 1)), np.cumsum(eta, axis=1)], axis=1)[:, marks]
    return [
        _result(problem, bound, batch, marks, total[i], weighted[i], tau[i], "jax", 0.0, eta.shape[1])
        for i, (bound, _) in enumerate(runs)
    ]


def default_record(steps: int) -> Steps:
    """Step 0, 40 geometric and 200 even ones up to the last, as whole numbers."""
    even = np.linspace(0, steps, 201)
    return np.unique(np.round(np.concatenate([even, np.geomspace(1, steps, 41)])).astype(np.int64))


def checked_run(
    who: str,
    problem: Problem,
    schedule: Schedule | str | Mapping[str, Any],
    steps: int | None,
    peak: float | None,
    batch: int,
    record: ArrayLike | None,
    unstable: str,
    solver: str,
) -> tuple[Schedule, Steps]:
    """The bound schedule and the steps to record, or an `InputError`."""
    bound = parse(schedule).at(peak=peak, steps=steps)
    if bound.steps is None:
        raise InputError(f"{who} needs `steps`, the number of steps of the run; got None.")
    if not (batch >= 1 and batch == int(batch)):
        raise InputError(f"{who} needs `batch` a whole number >= 1; got {batch}.")
    if unstable not in ("refuse", "run"):
        raise InputError(f"{who} needs `unstable` 'refuse' or 'run'; got {unstable!r}.")
    highest = _highest_rate(bound)
    limit = stability_limit(problem, batch)
    if highest >= limit and unstable == "refuse":
        raise InputError(
            f"{who} needs a peak learning rate below the stability limit {limit:.6g} (batch {batch}); got "
            f"{highest:.6g}. Lower `peak`, or pass unstable='run' to see it diverge."
        )
    if highest >= limit and solver == "fast":
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


def _arrays(problem: Problem) -> tuple[Array, Array, Array, float, float]:
    return problem.eigenvalues, problem.counts, problem.initial, problem.frozen, problem.label_noise


def _result(
    problem: Problem,
    bound: Schedule,
    batch: int,
    marks: Steps,
    total: Array,
    weighted: Array,
    tau: Array,
    solver: str,
    error: float,
    work: int,
) -> Simulation:
    trace = bound.peak * (weighted + problem.trace * (total + problem.label_noise)) / batch
    if not math.isfinite(float(total[-1])):
        total = np.where(np.isfinite(total), total, np.inf)
    return Simulation(
        steps=marks,
        loss=0.5 * total,
        noise_trace=trace,
        eta=bound.eta(marks),
        tau=tau,
        problem=problem,
        schedule=bound,
        batch=batch,
        solver=solver,
        error=error,
        work=work,
    )
