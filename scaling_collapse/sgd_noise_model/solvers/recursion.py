"""What every solver of the expected loss is given, and what it returns.

In the eigenbasis, one step of SGD takes

    rho_j <- rho_j (1 - 2 eta lambda_j + eta^2 lambda_j^2 (1 + 1/B)) + c_j eta^2 lambda_j^2 (sum_i rho_i + s2) / B.
"""

from __future__ import annotations

from typing import NamedTuple

from ...common import Array
from ..problems import Problem

__all__ = ["Recursion", "Totals"]


class Recursion(NamedTuple):
    """The numbers of the recursion; a tuple, which numba and jax take as it is.

    Parameters
    ----------
    lam, counts, rho
        `lambda_j`, `c_j` and `rho_j` at step 0, shape (n,) each.
    frozen
        The part of `sum_i rho_i` that never changes.
    s2
        Variance of the labels' noise.
    batch
        B.
    """

    lam: Array
    counts: Array
    rho: Array
    frozen: float
    s2: float
    batch: int

    @classmethod
    def of(cls, problem: Problem, batch: int) -> Recursion:
        """That of a problem, row by row."""
        return cls(
            lam=problem.eigenvalues,
            counts=problem.counts,
            rho=problem.initial,
            frozen=problem.frozen,
            s2=problem.label_noise,
            batch=batch,
        )


class Totals(NamedTuple):
    """A solved run at its recorded steps.

    Parameters
    ----------
    total, weighted, tau
        `sum_j rho_j` (frozen included), `sum_j lambda_j rho_j` and the sum of eta so far, shape (n,) each.
    error
        Estimate of the largest relative error of `total`; 0 where it is of rounding.
    work
        Steps taken.
    """

    total: Array
    weighted: Array
    tau: Array
    error: float
    work: int
