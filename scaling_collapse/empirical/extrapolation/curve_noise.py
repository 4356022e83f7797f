r"""How a run's curve scatters about its size's mean: noise of `ln(L - L0)` between seeds, as a covariance in `ln x`.

Curves are compared on a few cells of equal width in `v = ln x`. Between two runs of one size the deviations of
`ln(L(x) - L0)` have covariance

    Q = q0 + q1 (x x')^-1/2 exp(-|v - v'| / len) + q2 / x [same cell].

`q0` is what a seed keeps for life (most of it, in practice), `q1` what early training decides and later training
forgets, `q2` fast noise averaged over a cell, whose width grows with x. The four numbers maximize the Gaussian
likelihood of the seeds' deviations, with weak log-normal priors about `DEFAULT_SHARES` and `DEFAULT_LENGTH`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...common import Array

__all__ = ["CELLS", "CellGrid", "CurveNoise", "cell_grid", "relative_kernel", "relative_level", "seed_noise"]

CELLS = 10
"""Cells in ln x on which the likelihood looks at a curve; between 8 and 16 the answers hardly change."""
DEFAULT_SHARES = (0.7, 0.15, 0.03)
"""Shares of `q0, q1, q2` in the variance of a run before seeds have spoken."""
DEFAULT_LENGTH = 2.0
"""Length over which early deviations are forgotten before seeds have spoken, in ln x."""


@dataclass(frozen=True)
class CellGrid:
    """A fine grid of x and the coarse cells on it.

    Parameters
    ----------
    x
        Normalized compute, shape (n,), increasing to 1.
    v
        Mean of ln x in each cell, shape (m,).
    average
        Averages grid points over cells, shape (m, n).
    spread
        Interpolates cells to grid points, linear in ln x, shape (m, n).
    """

    x: Array
    v: Array
    average: Array
    spread: Array


def cell_grid(x: Array, count: int = CELLS) -> CellGrid:
    """At most `count` cells of equal width in ln x over the grid `x`; empty ones are left out.

    >>> grid = cell_grid(np.linspace(0.1, 1, 181), 4)
    >>> np.exp(grid.v).round(3).tolist()
    [0.136, 0.244, 0.434, 0.772]
    """
    ln_x = np.log(x)
    edges = np.linspace(ln_x[0], ln_x[-1], count + 1)
    cell = np.clip(np.searchsorted(edges, ln_x, side="right") - 1, 0, count - 1)
    average = np.zeros((count, x.size))
    average[cell, np.arange(x.size)] = 1.0
    average = average[average.any(axis=1)]
    average /= average.sum(axis=1, keepdims=True)
    v = average @ ln_x
    return CellGrid(x, v, average, np.stack([np.interp(ln_x, v, row) for row in np.eye(v.size)]))


@dataclass(frozen=True)
class CurveNoise:
    """Noise of one run about its size's expected curve, relative to its reducible loss.

    Parameters
    ----------
    Q
        Covariance on the cells, shape (m, m); with mean variance 1 where `dof` is 0.
    dof
        Degrees of freedom of the seeds behind it, `sum (seeds - 1)`; 0: only the shape of `Q` is meant.
    level
        Mean over x of the relative variance between seeds behind `Q`; NaN where `dof` is 0.
    fast
        Relative variance of single grid points beyond what the cells show; from the sizes where `dof` is 0.
    """

    Q: Array
    dof: int
    level: float
    fast: float


def relative_kernel(v: Array, length: float) -> Array:
    """`(x x')^-1/2 exp(-|ln x - ln x'| / length)`, shape (m, m)."""
    return np.exp(-0.5 * (v[:, None] + v) - np.abs(v[:, None] - v) / length)


def _deviations(runs: Sequence[Array], L0: float) -> Array:
    """Deviations of runs from their sizes' means over the mean reducible loss, sizes with 2 seeds or more."""
    several = [r for r in runs if len(r) > 1]
    n = runs[0].shape[1]
    return np.concatenate([(r - r.mean(axis=0)) / (r.mean(axis=0) - L0) for r in several] or [np.zeros((0, n))])


def relative_level(runs: Sequence[Array], L0: float) -> float:
    """Mean over x of the relative variance between seeds, at the irreducible loss `L0`; NaN without two seeds."""
    dof = sum(len(r) - 1 for r in runs)
    return float((_deviations(runs, L0) ** 2).mean(axis=1).sum() / dof) if dof else np.nan


def seed_noise(runs: Sequence[Array], L0: float, grid: CellGrid) -> CurveNoise:
    """The noise between seeds; `L0` only sets what it is relative to.

    Parameters
    ----------
    runs
        For each of 2 or more sizes the losses of its seeds, shape (seeds, n), in the mean above `L0`.
    L0
        Irreducible loss.
    grid
        The cells.
    """
    E = _deviations(runs, L0)
    dof = sum(len(r) - 1 for r in runs)
    if not E.any():  # one seed a size (or copies of one)
        ln_R = np.log(np.stack([r.mean(axis=0) for r in runs]) - L0)
        between = ln_R - ln_R.mean(axis=0)
        inner = between - between @ grid.average.T @ grid.spread
        return CurveNoise(_persistent(grid.v), 0, np.nan, float((inner**2).mean() * len(runs) / (len(runs) - 1)))
    on_cells = E @ grid.average.T
    inner = E - on_cells @ grid.spread
    Q = _fit(on_cells.T @ on_cells / dof, dof, grid.v)
    return CurveNoise(Q, dof, relative_level(runs, L0), float((inner**2).mean(axis=1).sum() / dof))


def _persistent(v: Array) -> Array:
    """Noise that a run keeps for life, of mean variance 1: without seeds, wiggles must say nothing about its level.

    The wiggles of single runs are left to the misfit of their sizes; a trace of them keeps the matrix invertible.
    """
    Q = 1.0 + 1e-3 * (relative_kernel(v, DEFAULT_LENGTH) + np.eye(v.size))
    return Q / np.diag(Q).mean()


def _covariance(q: Array, v: Array) -> tuple[Array, list[Array]]:
    """`Q` of `q = ln (q0, q1, q2, len)` and its four derivatives."""
    distance = np.abs(v[:, None] - v)
    q0, q1, q2, length = np.exp(q)
    kernel = q1 * relative_kernel(v, length)
    parts = [np.full((v.size, v.size), q0), kernel, q2 * np.diag(np.exp(-v))]
    return parts[0] + parts[1] + parts[2], [*parts, kernel * distance / length]


def _fit(S: Array, dof: int, v: Array) -> Array:
    """The covariance that maximizes likelihood times prior, given the seeds' sample covariance `S`."""
    from scipy.optimize import minimize

    centre = np.log([*(np.diag(S).mean() * np.array(DEFAULT_SHARES)), DEFAULT_LENGTH])
    width = np.array([2.0, 2.0, 2.0, 1.0])

    def negative(q: Array) -> tuple[float, Array]:
        Q, slopes = _covariance(q, v)
        inverse = np.linalg.inv(Q)
        residual = inverse - inverse @ S @ inverse
        off = (q - centre) / width
        value = 0.5 * dof * (np.linalg.slogdet(Q)[1] + (inverse * S).sum()) + 0.5 * off @ off
        return value, np.array([0.5 * dof * (s * residual).sum() for s in slopes]) + off / width

    bounds = list(zip(centre - 4 * width, centre + 3 * width, strict=True))
    return _covariance(minimize(negative, centre, jac=True, method="L-BFGS-B", bounds=bounds).x, v)[0]
