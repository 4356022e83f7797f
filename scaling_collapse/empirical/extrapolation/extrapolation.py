"""`Extrapolation`: the predicted loss curve of a size that has not been run, with its bands and what they rest on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common import Array, Framed, InputError, Painted, count, plain, value_in_words
from ...theory import Ladder, LossCurve
from .curve_draws import Interval
from .extrapolation_plan import PlanRow
from .prediction import JointLaw, MethodName
from .self_check import LeftOut
from .status import Status

__all__ = ["Extrapolation"]

IN_STEPS = {"a": None, "b": None, "a_interval": (None, None), "b_interval": (None, None)}
"""What the law says of compute where runs were logged by steps alone: nothing."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Extrapolation(Framed, Painted):
    """The predicted loss curve of a new size.

    Parameters
    ----------
    status
        `"ok"` only where every check passed; each other word is explained at `Status`.
    method
        `"curves"` or `"ends"`.
    params, horizon_tokens
        The new size and its horizon `t*`.
    tokens_given
        Whether the caller gave the horizon; otherwise it was extrapolated from the ladder's.
    x, tokens, compute
        Where the curve is given: normalized compute, tokens, FLOPs; shape (n,).
    loss, low, high
        The expected curve, and the band that a single run lies in with probability `level`, point by point, shape (n,).
    expected_low, expected_high
        The band of the size's expected curve: `low` and `high` without the run's own noise.
    level
        Coverage of all bands and intervals.
    law
        The scaling law.
    run_noise, misfit
        Standard deviations at x = 1 relative to the reducible loss: of one run, of a size beyond its seeds; NaN if
        unknown.
    left_out
        The ladder's largest size, predicted from the others; None where that was not possible.
    plan
        What further seeds and sizes would do to the band; empty for `ends`.
    notes
        Sentences about what was assumed.
    warnings
        Sentences about what was found wrong, or could not be checked.
    ladder
        The curves behind it.
    """

    status: Status
    method: MethodName
    params: float
    horizon_tokens: float
    tokens_given: bool
    x: Array
    tokens: Array
    compute: Array
    loss: Array
    low: Array
    high: Array
    expected_low: Array
    expected_high: Array
    level: float
    law: JointLaw
    run_noise: float
    misfit: float
    left_out: LeftOut | None
    plan: tuple[PlanRow, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    ladder: Ladder

    def headline(self) -> str:
        """The new size, and the loss of one run of it."""
        loss = value_in_words(self.final_loss, self.final_interval, self.level)
        return f"Extrapolation to {count(self.params)} parameters: final loss {loss}"

    def lines(self) -> list[tuple[str, str]]:
        """What was predicted, by which law, and what was assumed."""
        law, level, horizon = self.law, self.level, count(self.horizon_tokens)
        given = "given" if self.tokens_given else "from the ladder's horizons"
        by = "whole curves" if self.method == "curves" else "end points alone"
        return [
            ("status", f"{self.status}; by {by}, of {len(self.ladder.sizes)} sizes"),
            ("horizon", f"{horizon} {self.ladder.curves[0].clock}, {given}"),
            ("mean of many runs", value_in_words(self.final_loss, self.final_expected_interval, level)),
            ("irreducible loss L0", value_in_words(law.L0, law.L0_interval, level)),
            ("exponent b", value_in_words(law.b, law.b_interval, level)),
            ("tried on itself", self.trial()),
            *(("warning", words) for words in self.warnings),
            *(("assumed", note) for note in self.notes),
        ]

    def trial(self) -> str:
        """What leaving out the ladder's largest size has shown."""
        if self.left_out is None:
            return "no size could be left out"
        return (
            f"leaving out the largest size, this method was off by {abs(self.left_out.error):.2%} (its 90 % band "
            f"reached {self.left_out.half_width:.2%})"
        )

    def to_columns(self) -> dict[str, Any]:
        """One row per point of the predicted curve."""
        return {
            "x": self.x,
            "tokens": self.tokens,
            "compute": self.compute,
            "loss": self.loss,
            "loss_low": self.low,
            "loss_high": self.high,
            "expected_low": self.expected_low,
            "expected_high": self.expected_high,
        }

    @property
    def final_loss(self) -> float:
        """The expected loss at the horizon."""
        return float(self.loss[-1])

    @property
    def claimed(self) -> bool:
        """Whether a curve is predicted at all."""
        return not math.isnan(self.final_loss)

    @property
    def final_interval(self) -> Interval:
        """The band of a single run at the horizon."""
        return float(self.low[-1]), float(self.high[-1])

    @property
    def final_expected_interval(self) -> Interval:
        """The band of the size's expected loss at the horizon."""
        return float(self.expected_low[-1]), float(self.expected_high[-1])

    def curve(self) -> LossCurve:
        """The prediction as a `LossCurve` with the extra columns `loss_low` and `loss_high`; needs a claimed curve."""
        if not np.isfinite(self.loss).all():
            raise InputError(f"Extrapolation.curve needs a predicted curve; got status '{self.status}'. Add sizes.")
        first = self.ladder.curves[0]
        return LossCurve(
            run=f"extrapolated-{self.params:.0f}", params=self.params, tokens=self.tokens, loss=self.loss,
            compute=self.compute, schedule=first.schedule, clock=first.clock,
            extra={"loss_low": self.low, "loss_high": self.high},
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Everything by its English name; what is unknown is null."""
        return plain(
            {
                "status": self.status,
                "method": self.method,
                "params": self.params,
                "horizon_tokens": self.horizon_tokens,
                "tokens_given": self.tokens_given,
                "level": self.level,
                "final_loss": self.final_loss,
                "final_interval": self.final_interval,
                "final_expected_interval": self.final_expected_interval,
                "law": vars(self.law) | (IN_STEPS if self.ladder.counts_steps else {}),
                "run_noise": self.run_noise,
                "misfit": self.misfit,
                "left_out": None if self.left_out is None else vars(self.left_out),
                "warnings": self.warnings,
                "x": self.x,
                "tokens": self.tokens,
                "compute": self.compute,
                "loss": self.loss,
                "loss_low": self.low,
                "loss_high": self.high,
                "expected_low": self.expected_low,
                "expected_high": self.expected_high,
                "plan": [vars(row) for row in self.plan],
                "notes": self.notes,
            }
        )
