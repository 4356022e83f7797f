"""Fitting a schedule law to calibration runs: the same way for every law.

Minimized over the fitted coordinates (logarithms where a number is positive), by Levenberg-Marquardt with analytic
gradients from several starts:

    F = sum_i h(ln L_i - ln P_i) + delta^2 / 2 sum_j ((theta_j - mean_j) / sd_j)^2

with Huber's `h` at `delta = 1e-3`, as the published fits have it, and priors only where a law states them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from .schedule_law import ScheduleLaw

__all__ = ["HUBER_DELTA", "TRUNK_NUMBERS", "LawSolution", "solve_law"]

HUBER_DELTA = 1e-3
TRUNK_NUMBERS = 3
"""Every law of one size begins with the numbers of its power law."""


@dataclass(frozen=True, eq=False)
class LawSolution:
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
    start: Array | None = None, held: LawSolution | None = None,
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
        information is its information.
    """
    from scipy.optimize import least_squares

    target = np.concatenate([y[m] for y, m in zip(ln_losses, masks, strict=True)])
    prior = [(j, *p.prior) for j, p in enumerate(law.parameters) if p.prior is not None]
    index = np.array([j for j, _, _ in prior], dtype=int)
    mean, sd = (np.array([row[i] for row in prior]) for i in (1, 2))
    rows = target.size + index.size
    prior_rows = np.zeros((index.size, len(law.parameters)))
    prior_rows[np.arange(index.size), index] = 1.0 / sd
    cache: dict[bytes, tuple[Array, Array]] = {}

    def evaluate(theta: Array) -> tuple[Array, Array]:
        key = theta.tobytes()
        if key in cache:
            return cache[key]
        residual, gradient = np.empty(rows), np.empty((rows, theta.size))
        at = 0
        for run, mask in zip(prepared, masks, strict=True):
            loss, slope = law.losses(theta, run)
            loss, slope = loss[mask], slope[mask]
            floor = np.maximum(loss, 1e-12)
            n = loss.size
            residual[at : at + n] = np.log(floor) - target[at : at + n]
            gradient[at : at + n] = slope / floor[:, None]
            at += n
        r = residual[:at] / HUBER_DELTA
        far = np.abs(r) > 1.0
        # The square root of twice Huber's function, so that least squares minimizes it.
        h = np.where(far, np.sign(r) * np.sqrt(np.maximum(2 * np.abs(r) - 1.0, 1e-300)), r)
        residual[:at] = h
        gradient[:at] *= (np.where(far, 1.0 / np.maximum(np.abs(h), 1.0), 1.0) / HUBER_DELTA)[:, None]
        residual[at:] = (theta[index] - mean) / sd
        gradient[at:] = prior_rows
        np.nan_to_num(residual, copy=False, nan=1e6, posinf=1e6, neginf=-1e6)
        np.nan_to_num(gradient, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        cache.clear()
        cache[key] = residual, gradient
        return residual, gradient

    starts = law.starts(math.exp(float(target.min()))) if start is None else [start]
    free = slice(None) if held is None else slice(TRUNK_NUMBERS)
    whole = np.zeros(len(law.parameters)) if held is None else held.theta.copy()

    def full(v: Array) -> Array:
        theta = whole.copy()
        theta[free] = v
        return theta

    best, found = None, []
    for x in starts:
        if rows < x.size:
            break
        jacobian: Any = lambda v: evaluate(full(v))[1][:, free]  # noqa: E731  (scipy's stub asks for a name of a method)
        result = least_squares(
            lambda v: evaluate(full(v))[0], x[free], jac=jacobian, method="lm", xtol=1e-8, ftol=1e-8, gtol=1e-8,
            max_nfev=200,
        )  # fmt: skip
        found.append(float(result.cost) * HUBER_DELTA**2)
        if best is None or result.cost < best.cost:
            best = result
    if best is None:
        k = len(law.parameters)
        return LawSolution(law, np.full(k, np.nan), math.nan, False, np.zeros((k, k)), ())
    theta = full(best.x)
    _, gradient = evaluate(theta)
    curvature = gradient.T @ gradient
    if held is not None:
        curvature[:, TRUNK_NUMBERS:] = curvature[TRUNK_NUMBERS:] = 0.0
        curvature[TRUNK_NUMBERS:, TRUNK_NUMBERS:] = _marginal(held.curvature)
    agree = sum(min(found) * 1.02 + 1e-12 >= F for F in found)
    converged = bool(best.status > 0 and (agree > 1 or len(found) == 1))
    return LawSolution(law, theta, min(found), converged, curvature, tuple(found))


def _marginal(information: Array) -> Array:
    """The information on all numbers but the power law's, these being unknown: a Schur complement."""
    k = TRUNK_NUMBERS
    inner = np.linalg.pinv(information[:k, :k], hermitian=True)
    return information[k:, k:] - information[k:, :k] @ inner @ information[:k, k:]
