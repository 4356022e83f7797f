"""What a method of extrapolation answers: a law, a status, and the new size's curve with draws of it.

A method is a function of the ladder and the new size; there is one file for each: `curve_extrapolation` and
`end_point_extrapolation`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ...common import Array, Result
from ...theory import Ladder
from .curve_draws import CurveDraws, Interval
from .extrapolation_plan import PlanRow
from .ladder_curves import LadderCurves
from .new_size import NewSize
from .offset_agreement import OffsetAgreement
from .status import Status

__all__ = ["JointLaw", "Method", "MethodName", "Prediction"]

MethodName = Literal["curves", "ends"]
UNKNOWN = (math.nan, math.nan)


@dataclass(frozen=True, kw_only=True, repr=False)
class JointLaw(Result):
    """The scaling law behind an extrapolation, `L0 + a C^-b`, C in PFLOPs; NaN where nothing is claimed.

    Parameters
    ----------
    L0, a, b
        Irreducible loss, coefficient, exponent of the law that gives the printed prediction.
    L0_interval, a_interval, b_interval
        Equal-tailed at the extrapolation's level.
    """

    L0: float = math.nan
    a: float = math.nan
    b: float = math.nan
    L0_interval: Interval = UNKNOWN
    a_interval: Interval = UNKNOWN
    b_interval: Interval = UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer of a method, on the grid of the ladder's curves.

    Parameters
    ----------
    status
        See `Extrapolation`.
    law
        The scaling law.
    expected
        The new size's expected curve, shape (n,); None where nothing is claimed.
    draws
        Draws of it; None where its error is unknown.
    offset
        The offset at which curves collapse.
    offsets
        How it agrees with the law's irreducible loss; None for `ends`.
    run_noise, misfit, plan, notes
        See `Extrapolation`.
    """

    status: Status
    law: JointLaw = JointLaw()
    expected: Array | None = None
    draws: CurveDraws | None = None
    offset: float = math.nan
    offsets: OffsetAgreement | None = None
    run_noise: float = math.nan
    misfit: float = math.nan
    plan: tuple[PlanRow, ...] = ()
    notes: tuple[str, ...] = ()


class Method(Protocol):
    """Law and universal curve of a ladder, and with them the curve of a new size."""

    def __call__(
        self,
        ladder: Ladder,
        curves: LadderCurves,
        new: NewSize,
        /,
        *,
        level: float,
        draws: int,
        rng: np.random.Generator,
    ) -> Prediction:
        """`curves` are the ladder's as arrays; `level` is the coverage of intervals, `draws` how many to draw."""
        ...
