r"""The seed-to-seed variance of the loss, in closed form: the fourth moments of SGD on Gaussian data close too.

With `s_i = r_i^2`, `x_i = eta lambda_i`, `P = sum_i s_i + s2` and the law of the gradient
`u = r X / B + sqrt(P X) zeta / B` (monte_carlo.py), expanding `E[(r_i - x_i u_i)^2 (r_j - x_j u_j)^2]` with the moments
`m_k` of `X ~ chi^2_B` gives terms in `s_i s_j`, `P s_i`, `P s_j` and `P^2` alone, hence a linear recursion for
`C_ij = E[s_i s_j]`. The covariance with the end of training needs, besides, the adjoint of the mean recursion,
`E[sum_i s_i(K) | s(k)] = h(k) . s(k) + const`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from ...common import Array, InputError, Result, njit
from ..problems import Problem
from ..schedules import Schedule
from .monte_carlo_seeds import Start, require_single_rows
from .simulate_runs import Unstable, checked_run, simulate
from .simulation import Simulation

__all__ = ["SeedVariance", "seed_variance"]


@njit()
def _adjoint(lam, batch, eta, record, out):
    """`h(k)` at the recorded steps, backwards from `h(K) = 1`."""
    h = np.ones(lam.size)
    at = record.size - 1
    for k in range(eta.size, -1, -1):
        if at >= 0 and record[at] == k:
            out[at] = h
            at -= 1
        if k > 0:
            x = eta[k - 1] * lam
            h = h * (1.0 - 2.0 * x + x * x * (1.0 + 1.0 / batch)) + (h * x * x).sum() / batch


@njit(error_model="numpy")
def _fourth_moments(lam, rho, c, s2, batch, eta, record, adjoint, variance, covariance):
    n = lam.size
    b = float(batch)
    m2 = b * (b + 2.0)
    m3 = m2 * (b + 4.0)
    m4 = m3 * (b + 6.0)
    k2, k3, k4 = (m2 - b) / b**2, (m3 - 3.0 * m2) / b**3, (m4 - 6.0 * m3 + 3.0 * m2) / b**4
    p2, p3, pp = m2 / b**3, (m3 - m2) / b**4, m2 / b**4
    ps = np.empty(n)
    at = 0
    for k in range(eta.size + 1):
        if at < record.size and record[at] == k:
            v = 0.0
            w = 0.0
            for i in range(n):
                for j in range(n):
                    cov = c[i, j] - rho[i] * rho[j]
                    v += cov
                    w += adjoint[at, i] * cov
            variance[at] = 0.25 * v
            covariance[at] = 0.25 * w
            at += 1
        if k == eta.size:
            break
        total = rho.sum()
        square = s2 * s2 + 2.0 * s2 * total
        for i in range(n):
            ps[i] = c[i].sum()
            square += ps[i]
            ps[i] += s2 * rho[i]
        x = eta[k] * lam
        for i in range(n):
            xi = x[i]
            for j in range(n):
                xj = x[j]
                keep = (
                    1.0 - 2.0 * (xi + xj) + k2 * (xi * xi + 4.0 * xi * xj + xj * xj)
                    - 2.0 * k3 * xi * xj * (xi + xj) + k4 * xi * xi * xj * xj
                )  # fmt: skip
                feed_i = xj * xj * (1.0 / b - 2.0 * p2 * xi + p3 * xi * xi)
                feed_j = xi * xi * (1.0 / b - 2.0 * p2 * xj + p3 * xj * xj)
                c[i, j] = keep * c[i, j] + feed_i * ps[i] + feed_j * ps[j] + pp * xi * xi * xj * xj * square
            c[i, i] += xi * xi * (4.0 / b - 8.0 * p2 * xi + 4.0 * p3 * xi * xi) * ps[i] + 2.0 * pp * xi**4 * square
        rho = rho * (1.0 - 2.0 * x + x * x * (1.0 + 1.0 / b)) + x * x * (total + s2) / b


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SeedVariance(Result):
    """Second moments of single runs' reducible loss over seeds.

    Parameters
    ----------
    variance
        `var[R(k)]`, shape (n,).
    covariance_with_end
        `cov[R(k), R(K)]`, shape (n,).
    end_variance
        `var[R(K)]`.
    expected
        The mean, with everything about the run.
    """

    variance: Array
    covariance_with_end: Array
    end_variance: float
    expected: Simulation

    def headline(self) -> str:
        """Of what."""
        return f"SeedVariance of {self.expected.problem.name} under {self.expected.schedule.name}"

    def lines(self) -> list[tuple[str, str]]:
        """The final loss and its standard deviation over seeds."""
        return [
            ("final loss, mean over seeds", f"{self.expected.final_loss:.6g}"),
            ("its standard deviation", f"{np.sqrt(self.end_variance):.6g}"),
            *self.expected.lines()[1:],
        ]

    @property
    def sigma(self) -> Array:
        """`sd[R] / E[R]`, shape (n,)."""
        return np.sqrt(self.variance) / self.expected.loss

    @property
    def log_ratio_variance(self) -> Array:
        """`var[ln R(k) - ln R(K)]` to first order, shape (n,): `sigma(x)^2 + sigma(1)^2 - 2 rho sigma(x) sigma(1)`."""
        mean, end = self.expected.loss, self.expected.final_loss
        return self.variance / mean**2 + self.end_variance / end**2 - 2 * self.covariance_with_end / (mean * end)


def seed_variance(
    problem: Problem,
    schedule: Schedule | str | Mapping[str, Any],
    *,
    steps: int | None = None,
    peak: float | None = None,
    batch: int = 1,
    record: ArrayLike | None = None,
    start: Start = "fixed",
    unstable: Unstable = "refuse",
) -> SeedVariance:
    """The variance over seeds, and its covariance with the end of training, exactly; cost K n^2.

    Parameters
    ----------
    problem, schedule, steps, peak, batch, record, start, unstable
        As for `monte_carlo`, whose scatter this is.

    Raises
    ------
    InputError
        As `monte_carlo`.

    Examples
    --------
    >>> from scaling_collapse.sgd_noise_model import from_eigenvalues
    >>> one = seed_variance(from_eigenvalues([1.0], [1.0]), "constant", steps=1, peak=0.5, batch=2)
    >>> one.variance  # (1 - X / 4)^2 / 2, X chi-square of 2 degrees
    array([0.   , 0.0625])
    """
    bound, marks = checked_run(
        "seed_variance", problem, schedule, steps=steps, peak=peak, batch=batch, record=record, unstable=unstable
    )
    require_single_rows("seed_variance", problem)
    if start not in get_args(Start):
        raise InputError(f"seed_variance needs `start` one of {', '.join(get_args(Start))}; got {start!r}.")
    expected = simulate(problem, bound, batch=batch, record=marks, unstable=unstable)
    whole = np.append(marks, bound.steps or 0) if marks[-1] != bound.steps else marks
    lam = np.append(problem.eigenvalues, 0.0)  # the frozen mass is one more row
    rho = np.append(problem.initial, problem.frozen)
    moments = np.outer(rho, rho)
    if start == "random":
        moments[np.diag_indices(lam.size - 1)] *= 3.0
    adjoint = np.empty((whole.size, lam.size))
    variance, covariance = np.empty(whole.size), np.empty(whole.size)
    eta = bound.eta()
    _adjoint(lam, batch, eta, whole, adjoint)
    _fourth_moments(
        lam=lam, rho=rho, c=moments, s2=problem.label_noise, batch=batch, eta=eta, record=whole, adjoint=adjoint,
        variance=variance, covariance=covariance,
    )  # fmt: skip
    return SeedVariance(
        variance=variance[: marks.size],
        covariance_with_end=covariance[: marks.size],
        end_variance=float(variance[-1]),
        expected=expected,
    )
