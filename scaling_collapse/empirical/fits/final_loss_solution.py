r"""Fit the scaling law of final losses, `L = L0 + a C^-b`, by variable projection with a robust objective.

Minimized over `L0 >= 0`, `a > 0`, `b > 0` (Huber in log-loss, as published fits do):

    F = sum_i h(ln(L0 + a C_i^-b) - ln L_i),   h(r) = r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2).

For a given `b` the model is linear in `(L0, A)`, `A = a C_ref^-b`, so a few damped Newton steps on two unknowns
solve it (the projection). Only `b` is searched: the projected objective's derivative is the partial derivative at the
projection (envelope theorem), and its root is bracketed on a grid and found by regula falsi (Illinois). Everything is
vectorized over a batch of problems, which makes a bootstrap as cheap as a few fits.

| symbol | unit | meaning |
|---|---|---|
| `C` | PFLOPs (1e15 FLOPs) | compute at the horizon |
| `L` | loss | mean final loss of a size over its seeds |
| `L0`, `a`, `b` | loss, loss, - | irreducible loss, coefficient, exponent |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...common import HUBER_DELTA, Array, huber

__all__ = ["B_GRID", "Solution", "objective", "solve"]


B_GRID = np.geomspace(0.01, 3.0, 32)
"""Exponents from which the search starts, and its range."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Minimizers of a batch of fits, each field of shape (batch,).

    Parameters
    ----------
    L0, a, b
        The law, `a` for C in PFLOPs.
    objective
        `F` at the minimum.
    """

    L0: Array
    a: Array
    b: Array
    objective: Array


def objective(L0: ArrayLike, a: ArrayLike, b: ArrayLike, C: ArrayLike, L: ArrayLike) -> Array:
    """`F` summed over the last axis; the parameters broadcast against `C[..., 0]`.

    Parameters
    ----------
    L0, a, b
        The law, shape (...).
    C
        Compute in PFLOPs, shape (n,), > 0.
    L
        Losses, shape (..., n), > 0.
    """
    L0, a, b = (np.asarray(v, dtype=np.float64)[..., None] for v in (L0, a, b))
    return huber(np.log(L0 + a * np.asarray(C) ** -b) - np.log(L)).sum(axis=-1)


def solve(C: ArrayLike, L: ArrayLike) -> Solution:
    """The law that minimizes the objective, for one or many sets of losses at the same computes.

    Parameters
    ----------
    C
        Compute at the horizon in PFLOPs, shape (n,), > 0, n >= 3 for a unique answer.
    L
        Losses, shape (n,) or (batch, n), > 0.

    Returns
    -------
    Solution
        Each field of shape (batch,), or (1,) for a single set.

    Examples
    --------
    >>> C = np.array([1.0, 4.0, 16.0, 64.0])
    >>> fit = solve(C, 2.0 + 0.5 * C**-0.25)
    >>> print(f"{fit.L0[0]:.6f} {fit.a[0]:.6f} {fit.b[0]:.6f}")
    2.000000 0.500000 0.250000
    """
    C = np.asarray(C, dtype=np.float64)
    L = np.atleast_2d(np.asarray(L, dtype=np.float64))
    ln_c = np.log(C) - np.log(C).mean()
    ln_l = np.ascontiguousarray(np.log(L).T)

    ln_b, F, (L0, A) = _root(ln_l, ln_c, *_bracket(ln_l, ln_c))
    b = np.exp(ln_b)
    return Solution(L0=L0, a=A * np.exp(b * np.log(C).mean()), b=b, objective=F)


def _bracket(ln_l: Array, ln_c: Array) -> tuple[Array, Array, Array]:
    """The neighbours in ln b of each problem's best grid point, shape (batch,), and its minimizers, (2, batch)."""
    batch, size = ln_l.shape[1], B_GRID.size
    # The projected objective on the grid: every problem with every b in one batch; a few steps tell which is the best.
    F, _, state = _project(np.repeat(ln_l, size, axis=1), ln_c, np.tile(B_GRID, batch), None, steps=12)
    best = F.reshape(batch, size).argmin(axis=1)
    ln_b = np.log(B_GRID)
    low, high = ln_b[np.maximum(best - 1, 0)], ln_b[np.minimum(best + 1, size - 1)]
    return low, high, state[:, np.arange(batch) * size + best]


def _root(ln_l: Array, ln_c: Array, low: Array, high: Array, state: Array) -> tuple[Array, Array, Array]:
    """The root of dF / d ln b in each bracket (at the ends of the grid there may be none): ln b, F and minimizers."""
    F_low, slope_low, state_low = _project(ln_l, ln_c, np.exp(low), state)
    F_high, slope_high, state_high = _project(ln_l, ln_c, np.exp(high), state)
    bracketed = (slope_low < 0) & (slope_high > 0)
    lower = F_low <= F_high
    middle, F = np.where(lower, low, high), np.where(lower, F_low, F_high)
    state = np.where(lower, state_low, state_high)
    side = np.zeros(low.size)
    for _ in range(60):
        todo = np.flatnonzero(bracketed)
        if todo.size == 0:
            break
        l, h, sl, sh = low[todo], high[todo], slope_low[todo], slope_high[todo]
        m = np.clip(h - sh * (h - l) / (sh - sl), l, h)
        F_m, slope, state_m = _project(ln_l[:, todo], ln_c, np.exp(m), state[:, todo])
        middle[todo], F[todo], state[:, todo] = m, F_m, state_m
        up = slope > 0  # the root lies below m
        # Illinois: the end that stays twice in a row loses half its weight.
        slope_low[todo] = np.where(up, np.where(side[todo] > 0, sl / 2, sl), slope)
        slope_high[todo] = np.where(up, slope, np.where(side[todo] < 0, sh / 2, sh))
        low[todo], high[todo] = np.where(up, l, m), np.where(up, m, h)
        side[todo] = np.where(up, 1.0, -1.0)
        # Done: what the slope still promises within the bracket is nothing.
        bracketed[todo] = np.abs(slope) * (high[todo] - low[todo]) > 1e-13 * F_m
    return middle, F, state


def _project(ln_l: Array, ln_c: Array, b: Array, start: Array | None, steps: int = 80) -> tuple[Array, Array, Array]:
    """Minimize over (L0, A) for given b: objective and its slope in ln b, shapes (batch,), minimizers, (2, batch).

    Arrays run over (points, batch), so that sums over the few points are fast. Newton steps on the Huber objective
    whose Hessian is blended with the majorizing one of reweighted least squares (`blend` 1 is reweighting: it always
    descends; 0 is Newton: it converges at once near the solution).
    """
    u = np.exp(-b * ln_c[:, None])
    l = np.exp(ln_l)
    blend = np.full(b.size, 0.01)
    if start is None:
        # Least squares on relative residuals, which is linear.
        v, w = 1.0 / l, u / l
        start = _solve_2x2((v * v).sum(0), (v * w).sum(0), (w * w).sum(0), v.sum(0), w.sum(0))
        blend[:] = 1.0
    result = np.stack(_feasible(start, u, l))
    objective = _loss(result[0], result[1], u, ln_l)
    slope = np.zeros(b.size)
    todo = np.arange(b.size)
    (L0, A), F = result, objective
    b_ln_c = b * ln_c[:, None]
    for _ in range(steps):
        m = L0 + A * u
        r = np.log(m) - ln_l
        size = np.abs(r)
        irls = HUBER_DELTA / np.maximum(size, HUBER_DELTA)
        v, w = 1.0 / m, u / m
        h = np.maximum(size <= HUBER_DELTA, blend * irls)
        g = irls * r
        hw, gw = h * w, g * w
        g0, g1 = (g * v).sum(0), gw.sum(0)
        slope[todo] = -A * (gw * b_ln_c).sum(0)
        h00, h01, h11 = (h * v * v).sum(0), (hw * v).sum(0), (hw * w).sum(0)
        d0, d1 = _solve_2x2(h00, h01, h11, -g0, -g1)
        # On the boundary L0 = 0 only A is free.
        bound = L0 + d0 < 0
        if bound.any():
            d0 = np.where(bound, -L0, d0)
            d1 = np.where(bound, -(g1 - h01 * L0) / np.maximum(h11, 1e-300), d1)
        d1 = np.maximum(d1, -0.999 * A)
        F_new = _loss(L0 + d0, A + d1, u, ln_l)
        better = F_new < F
        promised = -(g0 * d0 + g1 * d1)
        L0, A = np.where(better, L0 + d0, L0), np.where(better, A + d1, A)
        F = np.where(better, F_new, F)
        result[:, todo], objective[todo] = (L0, A), F
        # Done: the step promises nothing any more, or fails although fully damped. The others go on alone.
        going = (np.abs(promised) > 1e-15 * F) & (better | (blend < 1.0))
        if not going.any():
            break
        blend = np.where(better, np.maximum(blend * 0.1, 1e-6), np.minimum(blend * 10, 1.0))
        if going.mean() < 0.8:
            todo, L0, A, F, blend = todo[going], L0[going], A[going], F[going], blend[going]
            u, ln_l, b_ln_c = u[:, going], ln_l[:, going], b_ln_c[:, going]
    return objective, slope, result


def _loss(L0: Array, A: Array, u: Array, ln_l: Array) -> Array:
    return huber(np.log(L0 + A * u) - ln_l).sum(axis=0)


def _feasible(start: Array, u: Array, l: Array) -> tuple[Array, Array]:
    """The start moved into L0 >= 0, A > 0."""
    smallest = l.min(axis=0)
    L0 = np.clip(start[0], 0.0, 0.999 * smallest)
    A = np.maximum(np.median((l - L0) / u, axis=0), 1e-12 * smallest)
    ok = (start[0] >= 0) & (start[1] > 0)
    return np.where(ok, start[0], L0), np.where(ok, start[1], A)


def _solve_2x2(h00: Array, h01: Array, h11: Array, g0: Array, g1: Array) -> Array:
    """Solutions of symmetric 2x2 systems, a hair of damping keeping singular ones finite; shape (2, batch)."""
    h00, h11 = h00 * (1 + 1e-12), h11 * (1 + 1e-12)
    det = h00 * h11 - h01 * h01
    det = np.where(det > 1e-300, det, np.inf)
    return np.stack([(h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det])
