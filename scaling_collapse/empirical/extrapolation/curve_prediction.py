"""The curve of a new size: law and shape put together, as the expected curve and as draws.

Half of the draws follow the joined law and half the one whose offsets are apart (`offset_agreement`): the band is as
wide as the wider of the two needs. All follow the second where the joined law is given up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from .curve_draws import CurveDraws
from .ladder_curves import LadderCurves
from .new_shape import NewShape
from .offset_agreement import OffsetAgreement

__all__ = ["expected_curve", "predicted_draws"]

LEAST = 0.02
"""A curve falls by at least this share of the smallest size's, where a law ends below the offset of the curves."""


def expected_curve(offsets: OffsetAgreement, shape: NewShape, end: float) -> Array:
    """The expected curve that ends at `end`, shape (n,)."""
    weights = shape.weights
    if offsets.joined:
        ratio = np.interp(_u_of(offsets, shape), offsets.u, _ratio(offsets))
        weights = weights * ratio if (weights * ratio).sum() > 0 else weights
    offset = shape.hypotheses.offset[:, None]
    least = _least(offsets.shape.curves, offset)
    return (weights / weights.sum()) @ (end + np.maximum(end - offset, least) * np.expm1(shape.expected))


def predicted_draws(
    offsets: OffsetAgreement, shape: NewShape, C: float, *, draws: int, rng: np.random.Generator
) -> CurveDraws:
    """Draws of the expected curve, of one run, and of the law.

    Parameters
    ----------
    offsets
        Law of the final losses.
    shape
        The new size's shape.
    C
        Its compute at the horizon, PFLOPs.
    draws
        Number of draws.
    rng
        The only source of randomness.
    """
    together = draws // 2 if offsets.joined else 0
    grid = offsets.u.size
    at = np.concatenate([
        rng.choice(grid, p=offsets.joined_weights, size=together),
        rng.choice(grid, p=offsets.apart_weights, size=draws - together),
    ])  # fmt: skip
    rows = np.concatenate([
        _rows_at(shape, offsets.levels.L0[at[:together]], rng),
        rng.choice(shape.weights.size, p=shape.weights, size=draws - together),
    ])  # fmt: skip
    law = offsets.levels.draw(at, C, rng)
    ln_end = law.ln_reducible + law.level * rng.standard_normal(draws)
    louder = offsets.sizes.times_louder(float(np.median(law.L0 + np.exp(np.clip(law.ln_reducible, -60.0, 60.0)))))
    own = np.hypot(law.noise, louder * offsets.sizes.last) * rng.standard_normal(draws)
    R, run = (np.exp(np.clip(value, -60.0, 60.0)) for value in (ln_end, ln_end + own))
    s, s_run = shape.draw(rows, rng, louder=louder)
    offset = shape.hypotheses.offset[rows]
    least = _least(offsets.shape.curves, offset)
    curves = [
        (law.L0 + end)[:, None] + np.maximum(law.L0 + end - offset, least)[:, None] * np.expm1(np.clip(of, -60.0, 60.0))
        for end, of in ((R, s), (run, s_run))
    ]
    a = np.exp(np.clip(law.ln_reducible + law.b * np.log(C), -700.0, 700.0))
    return CurveDraws(expected=curves[0], single=curves[1], L0=law.L0, a=a, b=law.b, offset=offset)


def _least(curves: LadderCurves, offset: Array) -> Array:
    """The least reducible loss of a curve, by its offset."""
    return LEAST * (curves.means[:, -1].min() - offset)


def _u_of(offsets: OffsetAgreement, shape: NewShape) -> Array:
    """Where in the law's grid the offset of each hypothesis is."""
    smallest = min(float(f.mean()) for f in offsets.sizes.finals)
    return np.log(np.maximum(smallest - shape.hypotheses.offset, 1e-300))


def _ratio(offsets: OffsetAgreement) -> Array:
    """What the final losses add to the curves' weights."""
    return np.exp(offsets.levels.ln_evidence - offsets.levels.ln_evidence.max())


def _rows_at(shape: NewShape, L0: Array, rng: np.random.Generator) -> NDArray[np.intp]:
    """Hypotheses of the shape at the offset nearest to each L0."""
    of_u, first = np.unique(shape.of_u, return_index=True)
    nearest = of_u[np.abs(shape.hypotheses.offset[first][:, None] - L0).argmin(axis=0)] if L0.size else of_u[:0]
    rows = np.empty(L0.size, dtype=np.intp)
    for g in np.unique(nearest):
        among = np.flatnonzero(shape.of_u == g)
        weights = shape.weights[among]
        here = np.flatnonzero(nearest == g)
        rows[here] = rng.choice(among, p=weights / weights.sum(), size=here.size)
    return rows
