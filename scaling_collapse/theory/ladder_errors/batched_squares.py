"""Many small problems of least squares at once: Levenberg and Marquardt's steps within bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...common import Array

__all__ = ["batched_least_squares"]

FAILURES = 9
"""Steps in a row that find nothing better before a problem counts as solved."""


def batched_least_squares(
    evaluate: Callable[[Array, NDArray[np.intp]], tuple[Array, Array]],
    start: Array,
    lower: Array,
    upper: Array,
    steps: int = 60,
) -> Array:
    """The minimizers of sums of squares, shape (batch, k).

    Parameters
    ----------
    evaluate
        Residuals, shape (some, n), and their derivatives, shape (some, k, n), at parameters of shape (some, k); the
        second argument holds the numbers of these problems in the batch, shape (some,).
    start
        Shape (batch, k).
    lower, upper
        Bounds, shape (k,).
    steps
        At most.
    """
    q = np.clip(start, lower, upper)
    todo = np.arange(q.shape[0])
    residual, slope = evaluate(q, todo)
    now, squares = q, (residual**2).sum(-1)
    damping, failures = np.full(todo.size, 1e-3), np.zeros(todo.size, dtype=np.intp)
    q = q.copy()
    for _ in range(steps):
        step, promised = _step(now, residual, slope, damping, lower, upper)
        tried = now + step
        new_residual, new_slope = evaluate(tried, todo)
        new_squares = (new_residual**2).sum(-1)
        better = new_squares < squares
        now = np.where(better[:, None], tried, now)
        squares = np.where(better, new_squares, squares)
        residual = np.where(better[:, None], new_residual, residual)
        slope = np.where(better[:, None, None], new_slope, slope)
        damping = np.where(better, np.maximum(0.1 * damping, 1e-12), np.maximum(10 * damping, 1e-3))
        failures = np.where(better, 0, failures + 1)
        q[todo] = now
        going = (promised > 1e-9 * squares) & (failures < FAILURES)
        if not going.any():
            break
        if going.mean() < 0.8:
            todo, now, squares, residual, slope = todo[going], now[going], squares[going], residual[going], slope[going]
            damping, failures = damping[going], failures[going]
    return q


def _step(q: Array, residual: Array, slope: Array, damping: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """A damped step that stays within the bounds, and the fall of the squares that it promises to first order."""
    gradient = (slope @ residual[..., None])[..., 0]
    held = ((q <= lower) & (gradient > 0)) | ((q >= upper) & (gradient < 0))
    slope = np.where(held[..., None], 0.0, slope)
    gradient = np.where(held, 0.0, gradient)
    size = np.sqrt(np.maximum((slope**2).sum(-1), 1e-300))
    unit = slope / size[..., None]
    normal = unit @ np.swapaxes(unit, -1, -2)
    k = np.arange(q.shape[1])
    normal[:, k, k] = 1.0 + damping[:, None]
    step = -np.linalg.solve(normal, (gradient / size)[..., None])[..., 0] / size
    step = np.clip(q + np.clip(step, -2.0, 2.0), lower, upper) - q
    return step, -2.0 * (gradient * step).sum(-1)
