"""Fitting a schedule law to calibration runs: the same way for every law.

Minimized over the fitted coordinates (logarithms where a number is positive), by Levenberg-Marquardt with analytic
gradients from several starts:

    F = sum_i w_i h(ln L_i - ln P_i) + delta^2 / 2 sum_j ((theta_j - mean_j) / sd_j)^2

with Huber's `h` at `delta = 1e-3`, as the published fits have it, priors only where a law states them, and weights
`w` only where a law asks for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import HUBER_DELTA, Array, Result
from .schedule_law import POWER_LAW_NUMBERS, ScheduleLaw

__all__ = ["LawSolution", "solve_law"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class LawSolution(Result):
    """A fitted law.

    Parameters
    ----------
    law
        The law, bound to its units.
    theta
        Fitted coordinates, shape (k,).
    objective
        `F` at the minimum; NaN where nothing was found.
    converged
        Whether the best start met the solver's tolerance and at least one other start agrees (or there is one only).
    curvature
        `sum of w g g' + priors` in the fitted coordinates, shape (k, k): the information of the data, points taken as
        independent, in units of `delta^2`.
    starts
        Objective from every start.
    """

    law: ScheduleLaw
    theta: Array
    objective: float
    converged: bool
    curvature: Array
    starts: tuple[float, ...]

    @property
    def values(self) -> dict[str, float]:
        """The law's numbers by name."""
        return {p.name: p.value(t) for p, t in zip(self.law.parameters, self.theta, strict=True)}


def solve_law(
    law: ScheduleLaw, prepared: Sequence[Any], ln_losses: Sequence[Array], masks: Sequence[NDArray[np.bool_]],
    start: Array | None = None, held: LawSolution | None = None, weights: Sequence[Array] | None = None,
) -> LawSolution:  # fmt: skip
    """The minimum of the objective over the runs' masked points.

    Parameters
    ----------
    law
        With its parameters.
    prepared
        `law.prepare(rates)` of each run.
    ln_losses, masks
        `ln L` at the logged points of each run and which of them count.
    start
        One starting point instead of the law's own (for refits).
    held
        A fit of the same law to other runs: all numbers but those of the power law are held at its values, and their
        uncertainty is taken over from it.
    weights
        How much each logged point of each run counts; default the same.
    """
    objective = _Objective(law, prepared, ln_losses, masks, weights)
    starts = law.starts(math.exp(float(objective.target.min()))) if start is None else [start]
    best, found = _descend(objective, starts, held)
    if best is None:
        k = len(law.parameters)
        nothing, unknown = np.full(k, np.nan), np.zeros((k, k))
        return LawSolution(law=law, theta=nothing, objective=math.nan, converged=False, curvature=unknown, starts=())
    theta = _whole(best.x, law, held)
    _, gradient = objective(theta)
    curvature = gradient.T @ gradient
    if held is not None:
        k = POWER_LAW_NUMBERS
        curvature[:, k:] = curvature[k:] = 0.0
        curvature[k:, k:] = _marginal(held.curvature)
    agree = sum(min(found) * 1.02 + 1e-12 >= F for F in found)
    return LawSolution(
        law=law,
        theta=theta,
        objective=min(found),
        converged=bool(best.status > 0 and (agree > 1 or len(found) == 1)),
        curvature=curvature,
        starts=tuple(found),
    )


class _Objective:
    """`F` as a sum of squares and its Jacobian; the last ones are kept, as the solver asks for both in turn."""

    def __init__(
        self, law: ScheduleLaw, prepared: Sequence[Any], ln_losses: Sequence[Array], masks: Sequence[NDArray[np.bool_]],
        weights: Sequence[Array] | None,
    ) -> None:  # fmt: skip
        self.law, self.prepared, self.masks = law, prepared, masks
        even = [np.ones(m.size) for m in masks] if weights is None else weights
        self.root = np.sqrt(np.concatenate([w[m] for w, m in zip(even, masks, strict=True)]))
        self.target = np.concatenate([y[m] for y, m in zip(ln_losses, masks, strict=True)])
        priors = [(j, p.prior) for j, p in enumerate(law.parameters) if p.prior is not None]
        self.index = np.array([j for j, _ in priors], dtype=int)
        self.mean, self.sd = np.array([p.mean for _, p in priors]), np.array([p.sd for _, p in priors])
        self.rows = self.target.size + self.index.size
        self.prior_rows = np.zeros((self.index.size, len(law.parameters)))
        self.prior_rows[np.arange(self.index.size), self.index] = 1.0 / self.sd
        self.last: tuple[bytes, tuple[Array, Array]] | None = None

    def __call__(self, theta: Array) -> tuple[Array, Array]:
        """Residuals, shape (rows,), and their gradient, shape (rows, k): first the points, then the priors."""
        key = theta.tobytes()
        if self.last is not None and self.last[0] == key:
            return self.last[1]
        residual, gradient = np.empty(self.rows), np.empty((self.rows, theta.size))
        at = 0
        for run, mask in zip(self.prepared, self.masks, strict=True):
            loss, slope = self.law.losses(theta, run)
            loss, slope = loss[mask], slope[mask]
            floor = np.maximum(loss, 1e-12)
            n = loss.size
            residual[at : at + n] = np.log(floor) - self.target[at : at + n]
            gradient[at : at + n] = slope / floor[:, None]
            at += n
        _rooted_huber(residual[:at], gradient[:at])
        residual[:at] *= self.root
        gradient[:at] *= self.root[:, None]
        residual[at:] = (theta[self.index] - self.mean) / self.sd
        gradient[at:] = self.prior_rows
        np.nan_to_num(residual, copy=False, nan=1e6, posinf=1e6, neginf=-1e6)
        np.nan_to_num(gradient, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        self.last = key, (residual, gradient)
        return residual, gradient


def _rooted_huber(residual: Array, gradient: Array) -> None:
    """In place: the square root of twice Huber's function, so that least squares minimizes it."""
    r = residual / HUBER_DELTA
    far = np.abs(r) > 1.0
    h = np.where(far, np.sign(r) * np.sqrt(np.maximum(2 * np.abs(r) - 1.0, 1e-300)), r)
    residual[:] = h
    gradient *= (np.where(far, 1.0 / np.maximum(np.abs(h), 1.0), 1.0) / HUBER_DELTA)[:, None]


def _descend(objective: _Objective, starts: Sequence[Array], held: LawSolution | None) -> tuple[Any, list[float]]:
    """The solver's result at the lowest minimum (None where the points are too few), and `F` from every start."""
    from scipy.optimize import least_squares

    free = slice(None if held is None else POWER_LAW_NUMBERS)

    def residuals(v: Array) -> Array:
        return objective(_whole(v, objective.law, held))[0]

    def jacobian(v: Array) -> Array:
        return objective(_whole(v, objective.law, held))[1][:, free]

    scipys: Any = jacobian  # its stub asks for the name of a method
    best, found = None, []
    for x in starts:
        if objective.rows < x.size:
            break
        result = least_squares(
            residuals, x[free], jac=scipys, method="lm", xtol=1e-8, ftol=1e-8, gtol=1e-8, max_nfev=200
        )
        found.append(float(result.cost) * HUBER_DELTA**2)
        if best is None or result.cost < best.cost:
            best = result
    return best, found


def _whole(free: Array, law: ScheduleLaw, held: LawSolution | None) -> Array:
    """All coordinates from those that are fitted."""
    theta = np.zeros(len(law.parameters)) if held is None else held.theta.copy()
    theta[: free.size] = free
    return theta


def _marginal(information: Array) -> Array:
    """The information on all numbers but the power law's, these being unknown: a Schur complement."""
    k = POWER_LAW_NUMBERS
    inner = np.linalg.pinv(information[:k, :k], hermitian=True)
    return information[k:, k:] - information[k:, :k] @ inner @ information[:k, k:]
