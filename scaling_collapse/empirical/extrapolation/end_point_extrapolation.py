"""Extrapolation from end points alone, for comparison: `fit_scaling_law` times the mean normalized curve.

The law comes from the sizes' mean final losses, the curve is `mean_i (L_i(x) - L0) / (L_i(1) - L0)`. Draws take the
law from resampled seeds, the shape's error from a random size, and one run's noise from a random run.
"""

from __future__ import annotations

import numpy as np

from ...common import Array
from ..fits.final_loss_solution import solve
from ..fits.seed_bootstrap import mean_draws
from .joint_law import CurveDraws, LadderCurves

__all__ = ["end_point_curve", "end_point_draws"]


def end_point_curve(curves: LadderCurves, C: float, L0: float, a: float, b: float) -> Array:
    """`L0 + a C^-b l(x)`, shape (n,), C in PFLOPs."""
    return L0 + a * C**-b * _normalized(curves, L0).mean(axis=0)


def _normalized(curves: LadderCurves, L0: float | Array) -> Array:
    """`l_i(x)`, shape (..., sizes, n)."""
    R = curves.means - np.asarray(L0)[..., None, None]
    return R / R[..., -1:]


def end_point_draws(curves: LadderCurves, C: float, *, draws: int, rng: np.random.Generator) -> CurveDraws | None:
    """Draws of the new size's curves; None where neither seeds nor spare sizes say how uncertain the law is."""
    finals = [r[:, -1] for r in curves.runs]
    fit = solve(curves.C, curves.means[:, -1])
    L0, a, b = float(fit.L0[0]), float(fit.a[0]), float(fit.b[0])
    k = len(finals)
    if k == 3 and max(len(f) for f in finals) == 1:
        return None
    resampled, _ = mean_draws(finals, L0 + a * curves.C**-b, 3, draws, rng)
    cloud = solve(curves.C, resampled)
    lowest = curves.means.min()
    offset = np.minimum(cloud.L0, lowest - 0.05 * (lowest - L0))

    ln_l = np.log(_normalized(curves, offset))  # (draws, sizes, n)
    average = ln_l.mean(axis=1)
    of_size = ln_l[np.arange(draws), rng.integers(k, size=draws)] - average
    curve = average + np.sqrt(k / (k - 1.0)) * of_size
    noise = [
        np.sqrt(len(r) / (len(r) - 1.0)) * np.log((r - L0) / (r.mean(axis=0) - L0)) for r in curves.runs if len(r) > 1
    ]
    runs = np.concatenate(noise) if noise else np.zeros((1, curves.grid.x.size))
    own = runs[rng.integers(len(runs), size=draws)]
    reducible = (cloud.a * C**-cloud.b)[:, None]
    expected = cloud.L0[:, None] + reducible * np.exp(curve)
    single = cloud.L0[:, None] + reducible * np.exp(curve + own)
    return CurveDraws(expected, single, cloud.L0, cloud.a, cloud.b)
