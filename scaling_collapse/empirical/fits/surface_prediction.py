"""`SurfacePrediction` and `Allocation`: what a fitted surface says of one run, and of one budget."""

from __future__ import annotations

from dataclasses import dataclass

from ...common import Result, count, value_in_words
from .intervals import Interval

__all__ = ["Allocation", "SurfacePrediction"]


@dataclass(frozen=True, kw_only=True, repr=False)
class SurfacePrediction(Result):
    """The final loss of N parameters after D tokens.

    Parameters
    ----------
    params, tokens
        N and D.
    loss
        By the law; at a size of the ladder with the level that its own points show.
    interval, expected_interval
        Of one run, and of the mean of many runs, at `level`. They hold the law's error, the levels of sizes, and which
        form of the law is right.
    level
        Coverage.
    """

    params: float
    tokens: float
    loss: float
    interval: Interval
    expected_interval: Interval
    level: float

    def headline(self) -> str:
        """The size, its tokens and the loss of one run."""
        loss = value_in_words(self.loss, self.interval, self.level)
        return f"SurfacePrediction: {count(self.params)} parameters after {count(self.tokens)} tokens end at {loss}"


@dataclass(frozen=True, kw_only=True, repr=False)
class Allocation(Result):
    """The best division of a budget between parameters and tokens.

    Parameters
    ----------
    compute
        C in FLOPs, `6 N D`.
    params, tokens, loss
        N*, D* and the loss there.
    params_interval, tokens_interval, loss_interval
        At `level`; `loss_interval` is that of the law, without the scatter of a run.
    level
        Coverage.
    """

    compute: float
    params: float
    tokens: float
    loss: float
    params_interval: Interval
    tokens_interval: Interval
    loss_interval: Interval
    level: float

    def headline(self) -> str:
        """The budget and what to train with it."""
        return (
            f"Allocation: with {self.compute:.3g} FLOPs train {count(self.params)} parameters "
            f"for {count(self.tokens)} tokens"
        )
