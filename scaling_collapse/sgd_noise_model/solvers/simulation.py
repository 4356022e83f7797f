"""`Simulation`: what every solver returns, an expected loss curve with what it was computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...common import Array, Framed, Painted, plain
from ...theory import LossCurve
from ..problems import Problem
from ..schedules import Schedule

__all__ = ["Simulation", "Solver", "loss_curve"]

Solver = Literal["numba", "numpy", "jax", "fast"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Simulation(Framed, Painted):
    """The expected reducible loss `R` of one-pass SGD at recorded steps.

    Parameters
    ----------
    steps
        k, shape (n,), increasing, from 0 (before the first step) to the run's length.
    loss
        `R(k) = E[sum_j rho_j] / 2`, shape (n,); the loss itself is `R + s2 / 2`.
    noise_trace
        `Tr Sigma(k)`, shape (n,), of the minibatch gradient with the peak rate absorbed:
        `eta_peak (sum_j lambda_j rho_j + Tr H (sum_j rho_j + s2)) / B`.
    eta
        Learning rate at `steps`, shape (n,); the last is `eta(K)`, which no step uses.
    tau
        Sum of eta over the steps before, shape (n,), gradient-flow time.
    problem, schedule, batch
        The run: problem, bound schedule, batch size B.
    solver
        Name of the solver.
    error
        Estimate of the largest relative error of `loss`, never below the error made in any case tried;
        0 for the exact solvers, whose errors are of rounding.
    work
        Steps of the recursion, or grid steps of the fast solver (both of its runs).
    """

    steps: NDArray[np.int64]
    loss: Array
    noise_trace: Array
    eta: Array
    tau: Array
    problem: Problem
    schedule: Schedule
    batch: int
    solver: Solver
    error: float = 0.0
    work: int = 0

    def headline(self) -> str:
        """The problem and the schedule."""
        return f"Simulation of {self.problem.name} under {self.schedule.name}"

    def lines(self) -> list[tuple[str, str]]:
        """Length and final loss, and how they were computed."""
        return [
            ("final reducible loss", f"{self.final_loss:.6g}"),
            ("steps, batch", f"{self.steps[-1]}, {self.batch}"),
            ("peak learning rate", f"{self.schedule.peak:.4g}"),
            ("points", str(self.steps.size)),
            ("solver", f"{self.solver}, {f'relative error about {self.error:.1g}' if self.error else 'exact'}"),
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row per recorded step."""
        return {
            "step": self.steps,
            "tokens": self.batch * self.steps,
            "reducible_loss": self.loss,
            "noise_trace": self.noise_trace,
            "lr": self.eta,
            "tau": self.tau,
        }

    def to_json(self) -> dict[str, Any]:
        """The run in plain names, and its columns."""
        about = {
            "problem": self.problem.name,
            "params": self.problem.params,
            "schedule": self.schedule.name,
            "peak": self.schedule.peak,
            "batch": self.batch,
            "solver": self.solver,
            "error": self.error,
        }
        return plain(about | self.to_columns())

    @property
    def final_loss(self) -> float:
        """`R` after the last step."""
        return float(self.loss[-1])

    def curve(self, run: str | None = None, seed: int | None = None) -> LossCurve:
        """As an ordinary `LossCurve`: params d, tokens B k, loss `R + s2 / 2`, the point at step 0 left out."""
        return loss_curve(self, self.loss, run or f"{self.problem.name} {self.schedule.name}", seed)


def loss_curve(simulation: Simulation, loss: Array, run: str, seed: int | None) -> LossCurve:
    """A `LossCurve` of `loss` (shape (n,), reducible) at the simulation's steps."""
    keep = simulation.steps > 0
    return LossCurve(
        run=run,
        params=simulation.problem.params,
        tokens=simulation.batch * simulation.steps[keep].astype(np.float64),
        loss=loss[keep] + simulation.problem.label_noise / 2,
        seed=seed,
        lr=simulation.eta[keep],
        noise_trace=simulation.noise_trace[keep],
        schedule=simulation.schedule.name,
    )
