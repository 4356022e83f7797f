r"""Fit a surface `L(N, D)` to final losses: variable projection on a grid of exponents, then damped Newton steps.

Minimized, as published fits do (Hoffmann et al. 2022, section D.2):

    F = sum_i h(ln L(N_i, D_i) - ln L_i),   h Huber's loss with delta 1e-3.

For given `(L0, a, b, k)` the law is linear in `A^(1/k)` and `B^(1/k)`, which may not be negative: the projection, two
unknowns solved at once for thousands of cells. The best cell of every `(L0, k)` starts a search over all numbers
together (Levenberg-Marquardt on the reweighted problem, which turns into Newton's method near the solution). Everything
is vectorized over a batch of problems, which makes a bootstrap as cheap as a few fits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import HUBER_DELTA, Array, huber
from .surface_law import Centre, Form, SurfaceLaw, log_surface

__all__ = ["EXPONENTS", "LEVELS", "Solution", "Task", "as_law", "best_of", "free_numbers", "refine", "search"]

EXPONENTS = np.geomspace(0.04, 1.5, 10)
COUPLINGS = {"sum": np.ones(1), "coupled": np.geomspace(0.1, 3.0, 4)}
LEVELS = np.array([0.0, 0.25, 0.5, 0.7, 0.85, 0.95])
"""L0 on the grid, as shares of the smallest loss."""
LOWEST = np.array([0.0, -40.0, np.log(0.01), -40.0, np.log(0.01), np.log(0.03)])
HIGHEST = np.array([np.inf, 40.0, np.log(3.0), 40.0, np.log(3.0), np.log(8.0)])
"""The search, in the coordinates of `log_surface`."""


class Task(NamedTuple):
    """What is fitted: centred `ln N` and `ln D`, shape (points,), and `ln L`, shape (batch, points) or (points,)."""

    n: Array
    d: Array
    y: Array
    centre: Centre


class Solution(NamedTuple):
    """Coordinates of the minimizers, shape (batch, 6), and the objective there, (batch,)."""

    q: Array
    objective: Array


def as_law(q: Array, centre: Centre) -> SurfaceLaw:
    """The law whose coordinates these are, shape (..., 6)."""
    L0, U, ln_a, V, ln_b, ln_k = np.moveaxis(q, -1, 0)
    a, b = np.exp(ln_a), np.exp(ln_b)
    return SurfaceLaw(L0, np.exp(U + a * centre.n), a, np.exp(V + b * centre.d), b, np.exp(ln_k))


def free_numbers(form: Form) -> NDArray[np.intp]:
    """Which of the coordinates a form fits."""
    return np.arange(5 if form == "sum" else 6)


def search(task: Task, form: Form) -> Solution:
    """The best law of one set of losses, `task.y` of shape (points,).

    >>> N, D = (v.ravel() for v in np.meshgrid([1e6, 4e6, 2e7, 9e7], [1e8, 1e9, 1e10]))
    >>> law = SurfaceLaw(*np.array([1.7, 400.0, 0.34, 410.0, 0.28, 1.0]))
    >>> centre = Centre(float(np.log(N).mean()), float(np.log(D).mean()))
    >>> task = Task(np.log(N) - centre.n, np.log(D) - centre.d, np.log(law.loss(N, D)), centre)
    >>> found = as_law(search(task, "sum").q, centre)
    >>> print(f"{found.L0[0]:.4f} {found.A[0]:.2f} {found.a[0]:.4f} {found.B[0]:.2f} {found.b[0]:.4f}")
    1.7000 400.00 0.3400 410.00 0.2800
    """
    starts = _projected(task, form)
    free = free_numbers(form)
    rough = refine(task, starts, free, steps=15)
    best = rough.q[np.argsort(rough.objective)[:6]]
    return best_of(refine(task, best, free))


def best_of(found: Solution) -> Solution:
    """The lowest of several minimizers, alone in its batch."""
    i = int(found.objective.argmin())
    return Solution(found.q[i : i + 1], found.objective[i : i + 1])


def _projected(task: Task, form: Form) -> Array:
    """For each level L0 and coupling of the grid the best exponents and their coefficients, shape (starts, 6)."""
    losses = np.exp(task.y)
    levels, couplings = LEVELS * losses.min(), COUPLINGS[form]
    L0, k, a, b = (v.ravel()[:, None] for v in np.meshgrid(levels, couplings, EXPONENTS, EXPONENTS, indexing="ij"))
    R = losses - L0
    weight = k * R / losses / R ** (1.0 / k)  # so that the residuals are, to first order, those of ln L
    u, v = np.exp(-a * task.n / k) * weight, np.exp(-b * task.d / k) * weight
    target = k * R / losses
    uu, uv, vv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(1)
    ut, vt = (u * target).sum(1), (v * target).sum(1)
    det = np.maximum(uu * vv - uv**2, 1e-12 * uu * vv)
    A, B = (vv * ut - uv * vt) / det, (uu * vt - uv * ut) / det
    # A coefficient that wants to be negative is next to nothing, and the other fits alone.
    little = 1e-6
    A, B = np.where(B <= 0, ut / uu, A), np.where(A <= 0, vt / vv, B)
    A, B = np.maximum(A, little * ut / uu), np.maximum(B, little * vt / vv)
    ln_a, ln_b, ln_k = np.log(a[:, 0]), np.log(b[:, 0]), np.log(k[:, 0])
    q = np.stack([L0[:, 0], k[:, 0] * np.log(A), ln_a, k[:, 0] * np.log(B), ln_b, ln_k], axis=1)
    F = huber(A[:, None] * u + B[:, None] * v - target).sum(axis=1)
    cells = F.reshape(levels.size * couplings.size, -1)
    return q[np.arange(len(cells)) * cells.shape[1] + cells.argmin(axis=1)]


def refine(
    task: Task,
    q: Array,
    free: NDArray[np.intp],
    *,
    steps: int = 200,
    whiten: Array | None = None,
    delta: float = HUBER_DELTA,
) -> Solution:
    """Damped Newton steps from every start, shape (batch, 6), on the losses of the same row (or on the only ones).

    Parameters
    ----------
    free
        Coordinates that move; the others stay.
    whiten
        Residuals are multiplied by this matrix, shape (points, points): generalized least squares with `delta=inf`.
    """
    y = np.broadcast_to(task.y, (len(q), task.n.size))
    result, objective = q.copy(), np.empty(len(q))
    todo, damping = np.arange(len(q)), np.full(len(q), 1e-2)
    value, slopes = _residuals(task, q, y, whiten)
    F = huber(value, delta).sum(axis=1)
    objective[:] = F
    for _ in range(steps):
        step, promised = _step(value, slopes[..., free], q[:, free], free, damping, delta)
        moved = q.copy()
        moved[:, free] = np.clip(q[:, free] + step, LOWEST[free], HIGHEST[free])
        new_value, new_slopes = _residuals(task, moved, y, whiten)
        new_F = huber(new_value, delta).sum(axis=1)
        better = new_F < F
        going = (promised > 1e-13 * F) & (better | (damping < 1e8))
        q, F = np.where(better[:, None], moved, q), np.where(better, new_F, F)
        value = np.where(better[:, None], new_value, value)
        slopes = np.where(better[:, None, None], new_slopes, slopes)
        damping = np.where(better, np.maximum(damping * 0.1, 1e-9), damping * 10.0)
        result[todo], objective[todo] = q, F
        if not going.any():
            break
        todo, q, F, y, damping = todo[going], q[going], F[going], y[going], damping[going]
        value, slopes = value[going], slopes[going]
    return Solution(result, objective)


def _residuals(task: Task, q: Array, y: Array, whiten: Array | None) -> tuple[Array, Array]:
    value, slopes = log_surface(q, task.n, task.d)
    if whiten is None:
        return value - y, slopes
    return (value - y) @ whiten.T, np.einsum("ij,bjk->bik", whiten, slopes)


def _step(
    r: Array, slopes: Array, q: Array, free: NDArray[np.intp], damping: Array, delta: float
) -> tuple[Array, Array]:
    """The damped step of each problem, and the decrease of F that its slope promises."""
    size = np.abs(r)
    reweighted = np.minimum(1.0, delta / np.maximum(size, 1e-300))
    # Newton's Hessian knows no curvature beyond delta; a little of the reweighted one keeps it from vanishing.
    curvature = np.maximum(size <= delta, np.minimum(1.0, damping)[:, None] * reweighted)
    g = np.einsum("bi,bij->bj", reweighted * r, slopes)
    H = np.einsum("bi,bij,bik->bjk", curvature, slopes, slopes)
    scale = np.einsum("bi,bij,bij->bj", reweighted, slopes, slopes)
    diagonal = np.arange(H.shape[1])
    H[:, diagonal, diagonal] += damping[:, None] * scale + 1e-12 * (scale + scale.max(axis=1, keepdims=True)) + 1e-300
    # What lies on a bound and wants to leave the search stays there.
    held = ((q <= LOWEST[free]) & (g > 0)) | ((q >= HIGHEST[free]) & (g < 0))
    g = np.where(held, 0.0, g)
    H = np.where(held[:, :, None] | held[:, None, :], 0.0, H)
    H[:, diagonal, diagonal] += held
    step = -np.linalg.solve(H, g[..., None])[..., 0]
    return step, -(g * step).sum(axis=1)
