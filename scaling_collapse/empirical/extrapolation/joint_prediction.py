"""The curve of a new size under the joint law (`joint_law`): its posterior mean and draws from the posterior."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...common import Array
from .curve_draws import CurveDraws
from .joint_law import JointPosterior
from .joint_models import Hypotheses, contrasts, decoupled, gaussian_models

__all__ = ["predict_curve"]

NEGLIGIBLE = 1e-4
"""Hypotheses of less weight than this share of the largest are left out."""


@dataclass(frozen=True, kw_only=True)
class _NewCells:
    """The new size's ln reducible loss less its mean over the ladder's sizes, by decoupled cells, per hypothesis.

    Gaussian, given b: mean `centre` where b is its best value, and `by_b` more per unit of b.
    """

    centre: Array  # (h, m)
    by_b: Array  # (h, m)
    variance: Array  # (h, m)
    precision_of_b: Array  # (h,)


def predict_curve(
    found: JointPosterior, params: float, C: float, *, draws: int, rng: np.random.Generator
) -> tuple[Array, CurveDraws]:
    """The posterior mean of a new size's expected curve, shape (n,), and draws.

    Parameters
    ----------
    found
        The ladder's posterior.
    params, C
        The new size and its compute at the horizon in PFLOPs.
    draws
        Number of draws.
    rng
        The only source of randomness.
    """
    curves, noise = found.curves, found.noise
    rows = np.flatnonzero(found.weights > NEGLIGIBLE * found.weights.max())
    weights = found.weights[rows] / found.weights[rows].sum()
    h, b = found.hypotheses.rows(rows), found.b[rows]
    new = _new_cells(found, h, b, params, C)
    _, T = decoupled(noise.Q, curves.grid.v)
    to_grid = np.linalg.inv(T) @ curves.grid.spread
    distinct, at = np.unique(h.L0, return_inverse=True)
    ln_mean = np.log(curves.means - distinct[:, None, None]).mean(axis=1)  # (L0, n)
    expected = weights @ (h.L0[:, None] + np.exp(ln_mean[at] + new.centre @ to_grid))

    pick = rng.choice(rows.size, p=weights, size=draws)
    off = rng.standard_normal(draws) / np.sqrt(new.precision_of_b[pick])
    cells = new.centre[pick] + off[:, None] * new.by_b[pick]
    cells += np.sqrt(new.variance[pick]) * rng.standard_normal(cells.shape)
    base, offset = ln_mean[at[pick]], h.L0[pick][:, None]
    fast = noise.fast * (h.noise[pick][:, None] if noise.dof else 1.0)
    mean_fast = math.sqrt(_mean_noise(curves.seeds).sum() / curves.seeds.size)
    ripple = np.sqrt(fast) * rng.standard_normal((2, draws, base.shape[1]))
    own_run = np.sqrt(h.noise[pick])[:, None] * rng.standard_normal(cells.shape)
    exponent = b[pick] + off
    return expected, CurveDraws(
        expected=offset + np.exp(base + cells @ to_grid + mean_fast * ripple[0]),
        single=offset + np.exp(base + (cells + own_run) @ to_grid + mean_fast * ripple[0] + ripple[1]),
        L0=h.L0[pick],
        a=np.exp(base[:, -1] + exponent * float(np.log(curves.C).mean())),
        b=exponent,
    )


def _mean_noise(seeds: Array) -> Array:
    """Covariance of each size's seed noise with that of the mean over sizes, `1 / (k n_i)`, in units of Q."""
    return 1.0 / (seeds.size * seeds)


def _new_cells(found: JointPosterior, h: Hypotheses, b: Array, params: float, C: float) -> _NewCells:
    """The new size given the contrasts between the ladder's: less the mean over sizes, it is a contrast too."""
    curves, k = found.curves, len(found.curves.runs)
    models = gaussian_models(curves, found.noise, h)
    lam, T = decoupled(found.noise.Q, curves.grid.v)
    H, _ = contrasts(curves)
    share = _mean_noise(curves.seeds)  # H share = 0 where seeds are equal
    ln_c = math.log(C) - float(np.log(curves.C).mean())
    z = curves.drift_size(curves.params, h.zeta)
    step = curves.drift_size(params, h.zeta) - z.mean(axis=1)
    drift = (step * h.drift**2)[:, None] * (z @ H.T)  # misfit is absent: the mean's own is orthogonal to contrasts
    cross = lam[:, None] * drift[:, None] - h.noise[:, None, None] * (H @ share)
    own = lam * ((1 + 1 / k) * h.misfit**2 + (h.drift * step) ** 2)[:, None] + (h.noise * share.sum() / k)[:, None]
    by_b = -ln_c * T.sum(axis=0) - models.inner(cross, models.slope)
    return _NewCells(
        centre=models.inner(cross, models.data) + b[:, None] * by_b,
        by_b=by_b,
        variance=np.maximum(own - models.inner(cross, cross), 0.0),
        precision_of_b=models.precision_of_b,
    )
