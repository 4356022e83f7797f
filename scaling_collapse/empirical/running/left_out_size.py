"""`LeftOutSize`: the method on the user's own family, where the answer is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Result
from ...theory import Ladder, LossCurve
from .reference_choice import ReferenceChoice
from .run_outlook import run_outlook

__all__ = ["LeftOutSize", "leave_out_largest"]

MOST_RUNS = 4
"""Of the size that is left out."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LeftOutSize(Result):
    """The same forecast of the largest reference size from the smaller ones, at the same progress.

    Parameters
    ----------
    params
        That size.
    runs, inside
        How many runs of it were forecast, and how many ended inside their bands.
    error
        Mean of |forecast / final - 1|.
    """

    params: float
    runs: int
    inside: int
    error: float


def leave_out_largest(choice: ReferenceChoice, progress: float, level: float) -> LeftOutSize | None:
    """Forecast the largest reference size of the run's multiple; None where fewer than 3 sizes are of it."""
    same = [c for c in choice.curves if choice.multiple_of(c) == choice.multiple and c.params != choice.params]
    sizes = sorted({c.params for c in same})
    if len(sizes) < 3:
        return None
    smaller = Ladder(c for c in same if c.params < sizes[-1])
    errors, inside = [], 0
    for curve in [c for c in same if c.params == sizes[-1]][:MOST_RUNS]:
        partial = _beginning(curve, progress)
        horizon = curve.horizon_tokens
        part = ReferenceChoice.of(smaller, params=curve.params, horizon=horizon, offset=choice.offset)
        outlook = None if partial is None else run_outlook(part, partial, horizon, level)
        if outlook is None:
            return None
        low, forecast, high = (choice.offset + np.exp(s[-1]) for s in (outlook.low, outlook.median, outlook.high))
        errors.append(abs(forecast / curve.horizon_loss - 1))
        inside += bool(low <= curve.horizon_loss <= high)
    return LeftOutSize(params=float(sizes[-1]), runs=len(errors), inside=inside, error=float(np.mean(errors)))


def _beginning(curve: LossCurve, progress: float) -> LossCurve | None:
    seen = int((curve.tokens <= progress * curve.horizon_tokens).sum())
    if seen < 2:
        return None
    return LossCurve(
        run=curve.run, params=curve.params, tokens=curve.tokens[:seen], loss=curve.loss[:seen], clock=curve.clock
    )
