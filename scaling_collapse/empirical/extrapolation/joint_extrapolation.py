"""Extrapolation from whole curves: L0, a, b and the universal curve together, from the posterior of `joint_law`."""

from __future__ import annotations

import math

import numpy as np

from ...theory import Ladder
from .curve_draws import Interval, quantiles
from .extrapolation_plan import plan
from .joint_law import fit_joint_law
from .joint_prediction import predict_curve
from .ladder_curves import LadderCurves
from .new_size import NewSize
from .prediction import JointLaw, Prediction

__all__ = ["from_curves"]


def from_curves(
    _: Ladder, curves: LadderCurves, new: NewSize, /, *, level: float, draws: int, rng: np.random.Generator
) -> Prediction:
    """Law, curve, noise and plan of the joint model; see `Method`."""
    found = fit_joint_law(curves)
    h, noise = found.hypotheses, found.noise
    expected, sample = predict_curve(found, new.params, new.C, draws=draws, rng=rng)
    law = JointLaw(
        L0=found.mean(h.L0),
        a=float(np.median(sample.a)),
        b=found.mean(found.b),
        L0_interval=found.L0_interval(level),
        a_interval=_interval(sample.a, level),
        b_interval=_interval(sample.b, level),
    )
    notes = []
    if not noise.dof:
        notes.append("No size has two seeds: the noise of a run is inferred from how the sizes scatter about the law.")
    if law.b <= 0:
        return Prediction(status="not a decreasing law", notes=tuple(notes))
    low, high = law.L0_interval
    identified = high - low <= curves.means[:, -1].min() - law.L0
    return Prediction(
        status="ok" if identified else "L0 not identified",
        law=law,
        expected=expected,
        draws=sample,
        run_noise=math.sqrt(found.mean(h.noise) * noise.Q[-1, -1] + noise.fast),
        misfit=math.sqrt(found.mean(h.misfit**2)),
        plan=plan(found, new.params, new.C, level),
        notes=tuple(notes),
    )


def _interval(values: np.ndarray, level: float) -> Interval:
    low, high = quantiles(values, level)
    return float(low), float(high)
