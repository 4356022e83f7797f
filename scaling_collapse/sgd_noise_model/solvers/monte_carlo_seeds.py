r"""What single runs do: one-pass SGD with real noise, many seeds in parallel.

A minibatch gradient of Gaussian data needs no minibatch. With `w_k = z_k . r + noise_k ~ N(0, P)`, `P = |r|^2 + s2`,
the sum over the batch is, in distribution and exactly,

.. math:: u = \frac1B \sum_k z_k w_k = r \frac{X}{B} + \frac{\sqrt{P X}}{B} \zeta, \qquad X \sim \chi^2_B, \quad
    \zeta \sim N\Big(0, I - \frac{r r^T}{P}\Big),

because given `w_k` the rest of `z_k` is normal and independent of it. In the eigenbasis of H the step is
`r_j <- r_j - eta lambda_j u_j`: n + 1 normal numbers a step whatever B is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError, Result, njit
from ...theory import LossCurve
from ..problems import Problem
from ..schedules import Schedule
from .normals import normal, seeded, uniform
from .simulate_runs import Unstable, checked_run, simulate
from .simulation import Simulation, loss_curve

__all__ = ["SeedRuns", "Start", "monte_carlo", "require_single_rows"]


Start = Literal["fixed", "random"]
"""Where single runs start: at `r_j = sqrt(rho_j)`, or at `N(0, rho_j)`."""


@njit()
def _chi_square(degrees, state):
    """Chi-square by Marsaglia and Tsang's gamma sampler (2000); a square for one degree."""
    if degrees == 1:
        return normal(state) ** 2
    d = 0.5 * degrees - 1.0 / 3.0
    c = 1.0 / np.sqrt(9.0 * d)
    while True:
        x = normal(state)
        v = (1.0 + c * x) ** 3
        if v > 0.0 and np.log(uniform(state)) < 0.5 * x * x + d - d * v + d * np.log(v):
            return 2.0 * d * v


@njit(parallel=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _run(lam, start, random_start, frozen, s2, batch, eta, record, seeds, out):
    n = lam.size
    for i in numba.prange(seeds.size):
        state = seeded(seeds[i], 1)
        r = start.copy()
        if random_start:
            for j in range(n):
                r[j] *= normal(state)
        xi = np.empty(n)
        square = 0.0
        for j in range(n):
            square += r[j] * r[j]
        at = 0
        for k in range(eta.size + 1):
            total = square + frozen
            if at < record.size and record[at] == k:
                out[i, at] = 0.5 * total
                at += 1
            if k == eta.size:
                break
            power = total + s2
            if power == 0.0:
                continue
            x = _chi_square(batch, state)
            along = np.sqrt(frozen) * normal(state)
            for j in range(n):
                xi[j] = normal(state)
            for j in range(n):
                along += xi[j] * r[j]
            # (1 - kappa r r^T)^2 = 1 - r r^T / P
            kappa = (1.0 - np.sqrt(s2 / power)) / total if total > 0.0 else 0.0
            noise = eta[k] * np.sqrt(power * x) / batch
            drift = eta[k] * x / batch - noise * kappa * along
            square = 0.0
            for j in range(n):
                r[j] -= lam[j] * (drift * r[j] + noise * xi[j])
                square += r[j] * r[j]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SeedRuns(Result):
    """Reducible losses of single runs.

    Parameters
    ----------
    loss
        `R_i(k) = sum_j r_j^2 / 2` of seed i, shape (seeds, n).
    seeds
        Shape (seeds,).
    expected
        The exact expectation at the same steps, with everything about the run.
    """

    loss: Array
    seeds: NDArray[np.int64]
    expected: Simulation

    def headline(self) -> str:
        """How many seeds of what."""
        return f"SeedRuns: {self.seeds.size} seeds of {self.expected.problem.name} under {self.expected.schedule.name}"

    def lines(self) -> list[tuple[str, str]]:
        """Final losses, and what the expectation was computed with."""
        final = self.loss[:, -1]
        return [("mean final loss", f"{final.mean():.6g}"), ("its range", f"{final.min():.6g} to {final.max():.6g}"),
                *[("expected", self.expected.lines()[0][1]), *self.expected.lines()[1:]]]  # fmt: skip

    @property
    def steps(self) -> NDArray[np.int64]:
        """k, shape (n,)."""
        return self.expected.steps

    def curves(self, prefix: str | None = None) -> list[LossCurve]:
        """One ordinary `LossCurve` per seed; `noise_trace` is the expected one."""
        prefix = prefix or f"{self.expected.problem.name} {self.expected.schedule.name}"
        return [
            loss_curve(self.expected, self.loss[i], f"{prefix} seed={seed}", int(seed))
            for i, seed in enumerate(self.seeds)
        ]


def monte_carlo(
    problem: Problem,
    schedule: Schedule | str | Mapping[str, Any],
    *,
    seeds: int | ArrayLike,
    steps: int | None = None,
    peak: float | None = None,
    batch: int = 1,
    record: ArrayLike | None = None,
    start: Start = "fixed",
    unstable: Unstable = "refuse",
) -> SeedRuns:
    """Single runs of one-pass SGD, exact in distribution, parallel over seeds.

    Parameters
    ----------
    problem
        Of unmerged eigenvalues (every count 1): a draw, or `from_eigenvalues`.
    schedule, steps, peak, batch, record, unstable
        As for `simulate`.
    seeds
        Their number (0, 1, ...), or whole numbers >= 0. A seed gives the same run whatever the number of threads.
    start
        `"fixed"`: every seed starts at `r_j = sqrt(rho_j)`. `"random"`: at `N(0, rho_j)`, differences between seeds
        that persist as long as the slow modes remember.

    Raises
    ------
    InputError
        If a value lies outside its domain, or the problem is of merged eigenvalues.

    Examples
    --------
    >>> from scaling_collapse.sgd_noise_model import from_eigenvalues
    >>> runs = monte_carlo(from_eigenvalues([1.0, 0.1], [1.0, 1.0]), "linear", steps=50, peak=0.2, batch=8, seeds=4)
    >>> runs.loss[:, -1].round(3)
    array([0.217, 0.157, 0.185, 0.165])
    """
    bound, marks = checked_run(
        "monte_carlo", problem, schedule, steps=steps, peak=peak, batch=batch, record=record, unstable=unstable
    )
    require_single_rows("monte_carlo", problem)
    if start not in get_args(Start):
        raise InputError(f"monte_carlo needs `start` one of {', '.join(get_args(Start))}; got {start!r}.")
    which = _seeds(seeds)
    loss = np.empty((which.size, marks.size))
    _run(
        lam=problem.eigenvalues,
        start=np.sqrt(problem.initial),
        random_start=start == "random",
        frozen=problem.frozen,
        s2=problem.label_noise,
        batch=batch,
        eta=bound.eta(),
        record=marks,
        seeds=which,
        out=loss,
    )
    expected = simulate(problem, bound, batch=batch, record=marks, unstable=unstable)
    return SeedRuns(loss=loss, seeds=which, expected=expected)


def _seeds(seeds: int | ArrayLike) -> NDArray[np.int64]:
    which = np.arange(seeds) if isinstance(seeds, int | np.integer) else np.asarray(seeds)
    if not which.size or which.ndim != 1 or not np.issubdtype(which.dtype, np.integer) or which.min() < 0:
        raise InputError(f"monte_carlo needs `seeds` as a number >= 1 or whole numbers >= 0; got {seeds!r}.")
    return which.astype(np.int64)


def require_single_rows(who: str, problem: Problem) -> None:
    """Refuse problems whose rows stand for other than one eigenvalue."""
    if not np.all(problem.counts == 1.0):
        raise InputError(
            f"{who} needs a problem of single eigenvalues; got {problem.name!r} with merged ones. "
            "Take power_law(..., features='draw')."
        )
