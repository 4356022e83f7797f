"""Extrapolation from end points alone, for comparison: `fit_scaling_law` times the mean normalized curve.

The law comes from the sizes' mean final losses, the curve is `mean_i (L_i(x) - L0) / (L_i(1) - L0)`. Draws take the
law from resampled seeds, the shape's error from a random size, and one run's noise from a random run.
"""

from __future__ import annotations

import math

import numpy as np

from ...common import Array
from ...theory import Ladder
from ..fits.final_loss_solution import solve
from ..fits.law_fit import fit_scaling_law
from ..fits.seed_bootstrap import mean_draws
from .curve_draws import CurveDraws
from .ladder_curves import LadderCurves
from .new_size import NewSize
from .prediction import JointLaw, Prediction
from .status import Status

__all__ = ["from_ends"]


def from_ends(
    ladder: Ladder, curves: LadderCurves, new: NewSize, /, *, level: float, draws: int, rng: np.random.Generator
) -> Prediction:
    """Law of the final losses, curve, and draws where seeds or spare sizes say how uncertain it is; see `Method`."""
    fit = fit_scaling_law(ladder, level=level)
    law = JointLaw(
        L0=fit.L0,
        a=fit.a,
        b=fit.b,
        L0_interval=fit.L0_interval,
        a_interval=fit.a_interval,
        b_interval=fit.b_interval,
    )
    status = Status(fit.status)  # never "too few sizes": `extrapolate` has seen 3
    if math.isnan(fit.L0):
        return Prediction(status=status, law=law)
    finals = [r[:, -1] for r in curves.runs]
    best = solve(curves.C, curves.means[:, -1])
    L0, a, b = float(best.L0[0]), float(best.a[0]), float(best.b[0])
    expected = L0 + a * new.C**-b * _normalized(curves, L0).mean(axis=0)
    if len(finals) == 3 and max(len(f) for f in finals) == 1:
        return Prediction(status=status, law=law, expected=expected, offset=L0)
    resampled, _ = mean_draws(finals, L0 + a * curves.C**-b, 3, draws, rng)
    sample = _curve_draws(curves, new.C, L0, resampled, rng)
    return Prediction(status=status, law=law, expected=expected, draws=sample, offset=L0)


def _normalized(curves: LadderCurves, L0: float | Array) -> Array:
    """`l_i(x)`, shape (..., sizes, n)."""
    R = curves.means - np.asarray(L0)[..., None, None]
    return R / R[..., -1:]


def _curve_draws(curves: LadderCurves, C: float, L0: float, finals: Array, rng: np.random.Generator) -> CurveDraws:
    """The new size's curves by the laws of resampled final losses, shape (draws, sizes); `L0` is the fit's."""
    draws, k = finals.shape
    cloud = solve(curves.C, finals)
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
    return CurveDraws(
        expected=cloud.L0[:, None] + reducible * np.exp(curve),
        single=cloud.L0[:, None] + reducible * np.exp(curve + own),
        L0=cloud.L0,
        a=cloud.a,
        b=cloud.b,
        offset=offset,
    )
