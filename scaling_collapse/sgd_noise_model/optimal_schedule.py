"""Which schedule ends lowest? Gradient descent on the schedule itself, through the exact recursion in jax.

The final expected loss is a smooth function of the rates `eta_0 ... eta_{K-1}`. They are interpolated linearly between
knots, dense towards both ends of the run, and the knots are found by L-BFGS-B with the exact gradient, from the best
peak of a WSD schedule. The eigenvalues are merged first (`solvers.nodes`); the loss returned is that of the whole
problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ..common import Array, InputError, Result, plain, require
from .problems import Problem
from .schedules import Schedule, parse
from .schedules.composed import FromArray
from .solvers.exact_jax import final_loss_function
from .solvers.nodes import merged_rows
from .solvers.recursion import Recursion
from .solvers.simulate_runs import simulate
from .solvers.stability import stability_limit

__all__ = ["OptimalSchedule", "best_peak", "optimal_schedule"]


MARGIN = 0.98  # highest rate allowed, as a share of the stability limit


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class OptimalSchedule(Result):
    """The schedule found, and how.

    Parameters
    ----------
    schedule
        Held rates, one per step, bound to peak and steps.
    final_loss
        `R(K)` by the exact numba solver.
    knots, rates
        Progress x and eta at the knots, shape (n,) each.
    start
        The schedule descended from, at its best peak, and the loss that it ends at: `start_loss`.
    start_loss
        See `start`.
    converged
        Whether the optimizer met its tolerance.
    message
        What it says of that.
    evaluations
        Of loss and gradient.
    """

    schedule: Schedule
    final_loss: float
    knots: Array
    rates: Array
    start: Schedule
    start_loss: float
    converged: bool
    message: str
    evaluations: int

    @property
    def status(self) -> str:
        """`"converged"`, or the optimizer's own message."""
        return "converged" if self.converged else self.message

    def headline(self) -> str:
        """The loss, and how it was found."""
        return f"OptimalSchedule: final loss {self.final_loss:.6g} ({self.status})"

    def lines(self) -> list[tuple[str, str]]:
        """Where it came from, and its rates."""
        return [
            ("before", f"{self.start_loss:.6g} by {self.start.name}"),
            ("gain", f"{self.start_loss - self.final_loss:.4g}"),
            ("highest rate", f"{self.rates.max():.4g} at {self.knots[self.rates.argmax()]:.0%} of the run"),
            ("last rate", f"{self.rates[-1]:.4g}"),
            ("evaluations", str(self.evaluations)),
        ]

    def to_json(self) -> dict[str, Any]:
        """Losses, status and rates at the knots."""
        names = ("final_loss", "start_loss", "status", "evaluations", "knots", "rates")
        return plain({name: getattr(self, name) for name in names} | {"start": self.start.name})


def best_peak(
    problem: Problem,
    schedule: Schedule | str | Mapping[str, Any],
    *,
    steps: int,
    batch: int = 1,
    highest: float | None = None,
) -> tuple[Schedule, float]:
    """The schedule at the peak rate that ends lowest, and the final reducible loss there.

    Parameters
    ----------
    problem, schedule, steps, batch
        As for `simulate`.
    highest
        Upper limit of the peak; default and at most 0.98 of the stability limit.

    Examples
    --------
    >>> from scaling_collapse.sgd_noise_model import power_law
    >>> best_peak(power_law(32, alpha=1.0, beta=0.3), "linear", steps=1000, batch=4)
    (linear(peak=1.84..., steps=1000), 0.00788...)
    """
    shape = parse(schedule).at(steps=steps, peak=1.0)
    top = float(shape.s(np.linspace(0, 1, 1025)).max())
    cap = min(MARGIN * stability_limit(problem, batch), np.inf if highest is None else highest) / top

    def final(log_peak: float) -> float:
        return np.log(simulate(problem, shape.at(peak=float(np.exp(log_peak))), batch=batch, record=[steps]).final_loss)

    grid = np.log(cap) - np.linspace(0.0, np.log(1e4), 15)
    losses = [final(g) for g in grid]
    i = int(np.argmin(losses))
    low, high = grid[min(i + 1, 14)], grid[max(i - 1, 0)]
    found: Any = optimize.minimize_scalar(final, bounds=(low, high), method="bounded", options={"xatol": 1e-4})
    best = float(found.x) if found.fun < losses[i] else float(grid[i])
    return shape.at(peak=float(np.exp(best))), float(np.exp(min(found.fun, losses[i])))


def optimal_schedule(
    problem: Problem,
    *,
    steps: int,
    batch: int = 1,
    peak: float | None = None,
    monotone: bool = False,
    knots: int = 96,
    start: Schedule | str | Mapping[str, Any] = "wsd(decay=0.5)",
    iterations: int = 500,
) -> OptimalSchedule:
    """The schedule with the lowest expected final loss at a fixed number of steps.

    Parameters
    ----------
    problem, steps, batch
        As for `simulate`.
    peak
        Highest rate allowed; default and at most 0.98 of the stability limit of a constant rate.
    monotone
        Allow no increase.
    knots
        Points of the piecewise linear schedule, >= 4.
    start
        Descend from this shape at its best peak.
    iterations
        Of L-BFGS-B at most.

    Raises
    ------
    InputError
        If jax is not installed, or a value lies outside its domain.
    """
    require("jax", "optimal_schedule", extra="jax")
    if knots < 4:
        raise InputError(f"optimal_schedule needs `knots` >= 4; got {knots}.")
    if peak is not None and not peak > 0:
        raise InputError(f"optimal_schedule needs `peak` > 0; got {peak}.")
    cap = min(MARGIN * stability_limit(problem, batch), np.inf if peak is None else peak)
    begin, begin_loss = best_peak(problem, start, steps=steps, batch=batch, highest=cap)
    x = _knots(knots, steps)
    path = _Path(*_interpolation(x, steps), highest=cap, monotone=monotone)
    found = _descend(merged_rows(Recursion.of(problem, batch), 4), path, begin.eta(x * steps), iterations)
    eta = path.rates(found.x)
    schedule = FromArray(tuple((eta / eta.max()).tolist()), interpolate=False, peak=float(eta.max()), steps=steps)
    return OptimalSchedule(
        schedule=schedule,
        final_loss=simulate(problem, schedule, batch=batch, record=[steps]).final_loss,
        knots=x,
        rates=path.at_knots(found.x),
        start=begin,
        start_loss=begin_loss,
        converged=bool(found.success),
        message=str(found.message),
        evaluations=int(found.nfev),
    )


class _Path(NamedTuple):
    """Rates of all steps from coordinates u in [0, 1], one for each knot: the rate there as a share of the highest.

    Where the rate may not rise, u is the share of the rate at the knot before. `below` and `share` say for every step
    which knot lies below it and how much the one above counts.
    """

    below: NDArray[np.intp]
    share: Array
    highest: float
    monotone: bool

    def at_knots(self, u: Any, xp: Any = np) -> Any:
        """The rates at the knots, by numpy or `jax.numpy`."""
        return self.highest * (xp.cumprod(u) if self.monotone else u)

    def rates(self, u: Any, xp: Any = np) -> Any:
        """The rates of all steps."""
        knots = self.at_knots(u, xp)
        return knots[self.below] * (1.0 - self.share) + knots[self.below + 1] * self.share

    def coordinates(self, eta: Array) -> Array:
        """The coordinates nearest to these rates at the knots."""
        u = np.clip(eta / self.highest, 0.0, 1.0)
        if self.monotone:
            u = np.append(u[0], u[1:] / np.maximum(u[:-1], 1e-12)).clip(0.0, 1.0)
        return np.minimum(u, 1.0)


def _descend(recursion: Recursion, path: _Path, eta: Array, iterations: int) -> optimize.OptimizeResult:
    """Scipy's result of L-BFGS-B on the log of the final loss, from these rates at the knots."""
    jax = require("jax", "optimal_schedule", extra="jax")
    final = final_loss_function(recursion)
    first = path.coordinates(eta)
    with jax.enable_x64(True):
        gradient = jax.jit(jax.value_and_grad(lambda u: jax.numpy.log(final(path.rates(u, jax.numpy)))))

        def value_and_slope(u: Array) -> tuple[float, Array]:
            value, slope = gradient(u)
            return float(value), np.asarray(slope, dtype=np.float64)

        return optimize.minimize(
            value_and_slope,
            first,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, 1.0)] * first.size,
            options={"maxiter": iterations, "maxcor": 40, "ftol": 1e-13, "gtol": 1e-9},
        )


def _knots(count: int, steps: int) -> Array:
    """Progress from 0 to that of the last step, spaced as sin^2: dense towards both ends."""
    return np.sin(0.5 * np.pi * np.linspace(0.0, 1.0, count)) ** 2 * (1.0 - 1.0 / steps)


def _interpolation(x: Array, steps: int) -> tuple[NDArray[np.intp], Array]:
    """For every step the knot below and the share of the one above."""
    at = np.arange(steps) / steps
    index = np.clip(np.searchsorted(x, at, side="right") - 1, 0, x.size - 2)
    return index, np.clip((at - x[index]) / (x[index + 1] - x[index]), 0.0, 1.0)
