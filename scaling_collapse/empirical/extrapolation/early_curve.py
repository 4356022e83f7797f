"""The curve before the first cell of the joint likelihood: how much higher it lies there, size by size.

Early in training (warm-up, small x) shapes differ too much between sizes for one covariance. There the logarithm
`A_i(x) = ln((L_i(x) - L_c) / (L_i(x_0) - L_c))` of each size is regressed on `1 / p`, x by x, and the new size's is
read off, with Student-t errors from the residuals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...common import Array
from .curve_draws import CurveDraws
from .ladder_curves import LadderCurves

__all__ = ["EarlyCurve", "early_curve", "prepend_draws", "prepend_expected"]


@dataclass(frozen=True, kw_only=True)
class EarlyCurve:
    """`A(x)` of a new size, each of shape (n,).

    Parameters
    ----------
    rise
        The expected `A(x)`.
    error
        Standard error of the size's expected curve.
    run_error
        Standard deviation of one run about it.
    dof
        Degrees of freedom of `error`, `sizes - 2`.
    """

    rise: Array
    error: Array
    run_error: Array
    dof: int


def early_curve(curves: LadderCurves, early: list[Array], offset: float, params: float) -> EarlyCurve:
    """Regress `A_i(x)` on `1 / p` over the sizes (at least 3), and predict it at `params`.

    Parameters
    ----------
    curves
        The ladder from `x_0` on.
    early
        For each size its seeds' losses before `x_0`, shape (seeds, n).
    offset
        The offset at which curves collapse.
    params
        The new size.
    """
    rises = [np.log((e - offset) / (r[:, :1] - offset)) for e, r in zip(early, curves.runs, strict=True)]
    A = np.array([rise.mean(axis=0) for rise in rises], dtype=np.float64)
    dof = len(A) - 2
    inverse = curves.params.min() / curves.params
    design = np.stack([np.ones(len(A)), inverse - inverse.mean()], axis=1)
    target = np.array([1.0, curves.params.min() / params - inverse.mean()])
    coefficients = np.linalg.pinv(design)
    residual = A - design @ (coefficients @ A)
    variance = (residual**2).sum(axis=0) / dof * (1.0 + ((target @ coefficients) ** 2).sum())
    seeds = sum(len(rise) - 1 for rise in rises)
    own = sum(((rise - rise.mean(axis=0)) ** 2).sum(axis=0) for rise in rises) / max(seeds, 1)
    rise = np.asarray(target @ coefficients @ A, dtype=np.float64)
    return EarlyCurve(rise=rise, error=np.sqrt(variance), run_error=np.sqrt(own), dof=dof)


def prepend_expected(early: EarlyCurve, expected: Array, offset: float) -> Array:
    """The expected curve with its early part put in front."""
    reducible = max(expected[0] - offset, expected[0] - expected[-1])
    return np.concatenate([expected[0] + reducible * np.expm1(early.rise), expected])


def prepend_draws(early: EarlyCurve, draws: CurveDraws, rng: np.random.Generator) -> CurveDraws:
    """The draws with their early part put in front."""
    count = draws.L0.size
    # Beyond these limits a heavy tail has no meaning for a loss, only for overflow.
    t = np.clip(rng.standard_t(early.dof, size=(count, 1)), -50.0, 50.0)
    normal = rng.standard_normal((count, 1))
    offset = draws.offset[:, None]

    def front(curve: Array, sd: Array | float) -> Array:
        A = np.clip(early.rise + t * early.error + normal * sd, -20.0, 20.0)
        # A law that is apart from the curves' offset may end below it: then the curve's own fall is the measure.
        reducible = np.maximum(curve[:, :1] - offset, curve[:, :1] - curve[:, -1:])
        return np.concatenate([curve[:, :1] + reducible * np.expm1(A), curve], axis=1)

    return replace(draws, expected=front(draws.expected, 0.0), single=front(draws.single, early.run_error))
