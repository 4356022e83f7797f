"""Extrapolation from whole curves: the shape that sizes share, the law of their final losses, and how both agree."""

from __future__ import annotations

import numpy as np

from ...common import Array
from ...theory import Ladder
from .curve_draws import quantiles
from .curve_prediction import expected_curve, predicted_draws
from .extrapolation_plan import plan
from .ladder_curves import LadderCurves
from .new_shape import new_shape
from .new_size import NewSize
from .offset_agreement import OffsetAgreement, PredictedEnd, agree_on_offset
from .prediction import JointLaw, Prediction
from .shape_posterior import fit_shape
from .status import Status

__all__ = ["from_curves"]


def from_curves(
    _: Ladder, curves: LadderCurves, new: NewSize, /, *, level: float, draws: int, rng: np.random.Generator
) -> Prediction:
    """Law, curve, noise and plan; see `Method`."""
    offsets = agree_on_offset(curves, fit_shape(curves))
    shape = new_shape(offsets.shape, new.params)
    end = offsets.end(new.C)
    sample = predicted_draws(offsets, shape, new.C, draws=draws, rng=rng)
    law = printed_law(curves, offsets, new.C, end)
    low, high = quantiles(np.stack([sample.L0, sample.a, sample.b], axis=1), level)
    intervals = list(zip(low.tolist(), high.tolist(), strict=True))
    of_shape = offsets.shape
    identified = intervals[0][1] - intervals[0][0] <= curves.means[:, -1].min() - law.L0
    return Prediction(
        status=Status.OK if identified else Status.UNIDENTIFIED,
        law=JointLaw(
            L0=law.L0, a=law.a, b=law.b, L0_interval=intervals[0], a_interval=intervals[1], b_interval=intervals[2]
        ),
        expected=expected_curve(offsets, shape, end.loss),
        draws=sample,
        offset=of_shape.mean(of_shape.hypotheses.offset),
        offsets=offsets,
        run_noise=_run_noise(offsets),
        misfit=offsets.scatter,
        plan=plan(offsets, new.params, new.C, level),
        notes=_notes(offsets, end),
    )


def printed_law(curves: LadderCurves, offsets: OffsetAgreement, C: float, end: PredictedEnd) -> JointLaw:
    """The law through the predicted end that lies nearest to the ladder's final losses: what it says is what is said.

    L0 is the posterior mean, b the least-squares slope of the lines of `ln(L - L0)` against ln C through the end.
    """
    R = max(end.loss - float(offsets.weights @ offsets.levels.L0), 1e-9 * abs(end.loss))
    L0 = end.loss - R
    x = np.log(curves.C) - np.log(C)
    y: Array = np.log([f.mean() - L0 for f in offsets.sizes.finals]) - np.log(R)
    b = -float(x @ y / (x @ x))
    return JointLaw(L0=L0, a=float(np.exp(np.log(R) + b * np.log(C))), b=b)


def _run_noise(offsets: OffsetAgreement) -> float:
    """Of a run's last loss about its size's, relative to the reducible loss; NaN without two seeds."""
    levels = offsets.levels
    lasting = levels.root_mean_square(offsets.weights, levels.noise)
    return float(np.hypot(lasting, offsets.sizes.last)) if offsets.shape.noise.dof else np.nan


def _notes(offsets: OffsetAgreement, end: PredictedEnd) -> tuple[str, ...]:
    """What was found about noise and offsets."""
    notes = []
    shape = offsets.shape
    if not shape.noise.dof:
        notes.append("No size has two seeds: the noise of a run is inferred from how the sizes scatter about the law.")
    if not offsets.joined:
        L_c = shape.mean(shape.hypotheses.offset)
        L0 = float(offsets.apart_weights @ offsets.levels.L0)
        notes.append(
            f"Curves collapse at an offset near {L_c:.4g}, final losses level off near {L0:.4g}: the two do not agree, "
            "and the law is that of the final losses alone."
        )
    if end.disagree:
        notes.append(
            "With the offset of the curves and with one of their own, the final losses predict different ends: the "
            "prediction is by the first, the band as wide as both."
        )
    return tuple(notes)
