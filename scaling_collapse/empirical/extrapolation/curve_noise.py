r"""How a run's curve scatters about its size's mean: noise of `ln(L - L0)` between seeds, as a covariance in `ln x`.

Curves are compared on a few cells of equal width in `v = ln x` (`cell_grid`). Between two runs of one size the
deviations of `ln(L(x) - L0)` have covariance

    Q = q0 + q1 (x x')^-1/2 exp(-|v - v'| / len) + q2 / x [same cell].

`q0` is what a seed keeps for life (most of it, in practice), `q1` what early training decides and later training
forgets, `q2` fast noise averaged over a cell, whose width grows with x. The four numbers maximize the Gaussian
likelihood of the seeds' deviations, with weak log-normal priors about `USUAL`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...common import Array
from .cell_grid import CellGrid

__all__ = ["CurveNoise", "relative_kernel", "relative_level", "seed_noise"]


@dataclass(frozen=True, kw_only=True)
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


class NoiseParameters(NamedTuple):
    """What the covariance of the seeds is made of: `q0`, `q1`, `q2` and the length in ln x."""

    kept: float
    forgotten: float
    fast: float
    length: float


USUAL = NoiseParameters(kept=0.7, forgotten=0.15, fast=0.03, length=2.0)
"""Before seeds have spoken; the first three as shares in the variance of a run."""
WIDTH = NoiseParameters(kept=2.0, forgotten=2.0, fast=2.0, length=1.0)
"""Standard deviations of the log-normal prior about it."""


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
        fast = float((inner**2).mean() * len(runs) / (len(runs) - 1))
        return CurveNoise(Q=_persistent(grid.v), dof=0, level=np.nan, fast=fast)
    on_cells = E @ grid.average.T
    inner = E - on_cells @ grid.spread
    Q = _fit(on_cells.T @ on_cells / dof, dof, grid.v)
    fast = float((inner**2).mean(axis=1).sum() / dof)
    return CurveNoise(Q=Q, dof=dof, level=relative_level(runs, L0), fast=fast)


def _persistent(v: Array) -> Array:
    """Noise that a run keeps for life, of mean variance 1: without seeds, wiggles must say nothing about its level.

    The wiggles of single runs are left to the misfit of their sizes; a trace of them keeps the matrix invertible.
    """
    Q = 1.0 + 1e-3 * (relative_kernel(v, USUAL.length) + np.eye(v.size))
    return Q / np.diag(Q).mean()


def _covariance(ln_q: Array, v: Array) -> tuple[Array, list[Array]]:
    """`Q` of the logarithms of `NoiseParameters`, and its four derivatives by them."""
    q = NoiseParameters(*np.exp(ln_q))
    forgotten = q.forgotten * relative_kernel(v, q.length)
    parts = [np.full((v.size, v.size), q.kept), forgotten, q.fast * np.diag(np.exp(-v))]
    by_length = forgotten * np.abs(v[:, None] - v) / q.length
    return parts[0] + parts[1] + parts[2], [*parts, by_length]


def _fit(S: Array, dof: int, v: Array) -> Array:
    """The covariance that maximizes likelihood times prior, given the seeds' sample covariance `S`."""
    from scipy.optimize import minimize

    variance = np.diag(S).mean()
    centre = np.log([variance * USUAL.kept, variance * USUAL.forgotten, variance * USUAL.fast, USUAL.length])
    width = np.array(WIDTH)

    def negative(ln_q: Array) -> tuple[float, Array]:
        Q, slopes = _covariance(ln_q, v)
        inverse = np.linalg.inv(Q)
        residual = inverse - inverse @ S @ inverse
        off = (ln_q - centre) / width
        value = 0.5 * dof * (np.linalg.slogdet(Q)[1] + (inverse * S).sum()) + 0.5 * off @ off
        return value, np.array([0.5 * dof * (s * residual).sum() for s in slopes]) + off / width

    bounds = list(zip(centre - 4 * width, centre + 3 * width, strict=True))
    return _covariance(minimize(negative, centre, jac=True, method="L-BFGS-B", bounds=bounds).x, v)[0]
