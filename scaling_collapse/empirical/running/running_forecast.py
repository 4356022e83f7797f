"""`RunningForecast`: where a run in progress will end, the rest of its curve, and what both rest on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...common import Array, Framed, Painted, count, plain, value_in_words
from ...theory import Ladder, LossCurve
from .left_out_size import LeftOutSize
from .running_status import RunningStatus

__all__ = ["RunningForecast"]


@dataclass(frozen=True, kw_only=True, repr=False)
class RunningForecast(Framed, Painted):
    """The rest of a run in progress.

    Parameters
    ----------
    status
        `"ok"` where nothing speaks against the forecast.
    run, params
        Name and size of the run.
    progress
        Tokens seen over the horizon.
    horizon_tokens
        Where it will end, given or from the table.
    level
        Coverage of the band.
    final, low, high
        The loss at the horizon, median and band of this one run; NaN where nothing is claimed.
    tokens, loss, loss_low, loss_high
        The rest of the curve from the last logged point on, with its band at each point, shape (points,).
    offset
        Subtracted from all losses before they are compared.
    references
        Names of the runs it rests on.
    left_out
        The same done to the largest reference size, or None where fewer than 3 sizes are of this multiple.
    assumed
        Sentences: what had to be taken for granted.
    warnings
        Sentences: what speaks against it.
    partial, ladder
        What was seen of the run, and its references, for the picture.
    """

    status: RunningStatus
    run: str
    params: float
    progress: float
    horizon_tokens: float
    level: float
    final: float
    low: float
    high: float
    tokens: Array
    loss: Array
    loss_low: Array
    loss_high: Array
    offset: float
    references: tuple[str, ...]
    left_out: LeftOutSize | None
    assumed: tuple[str, ...]
    warnings: tuple[str, ...]
    partial: LossCurve
    ladder: Ladder

    @property
    def claimed(self) -> bool:
        """Whether a final loss is forecast at all."""
        return not math.isnan(self.final)

    @property
    def interval(self) -> tuple[float, float]:
        """The band of the final loss."""
        return self.low, self.high

    @property
    def curve(self) -> LossCurve | None:
        """The rest of the curve, with the extra columns `loss_low` and `loss_high`; None where nothing is left."""
        if self.tokens.size < 2:
            return None
        return LossCurve(
            run=self.run, params=self.params, tokens=self.tokens, loss=self.loss, seed=self.partial.seed,
            schedule=self.partial.schedule, clock=self.partial.clock,
            extra={"loss_low": self.loss_low, "loss_high": self.loss_high},
        )  # fmt: skip

    def headline(self) -> str:
        """The run and where it will end."""
        where = value_in_words(self.final, self.interval, self.level)
        return f"RunningForecast of {self.run!r}, {self.progress:.0%} done: final loss {where}"

    def lines(self) -> list[tuple[str, str]]:
        """What it rests on."""
        sizes = [count(p) for p in self.ladder.sizes]
        lines = [
            ("status", str(self.status)),
            ("horizon", f"{count(self.horizon_tokens)} {self.partial.clock}"),
            ("references", f"{len(self.references)} runs of {', '.join(sizes)} parameters"),
        ]
        if self.left_out is not None:
            lines.append((f"left out {count(self.left_out.params)}", f"off by {self.left_out.error:.2%}"))
        return [*lines, *(("warning", w) for w in self.warnings), *(("assumed", a) for a in self.assumed)]

    def to_columns(self) -> dict[str, Any]:
        """One row per point of the rest of the curve."""
        return {
            "tokens": self.tokens, "loss": self.loss, "loss_low": self.loss_low, "loss_high": self.loss_high,
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Everything by its English name; what is unknown is null."""
        return plain(
            {
                "status": self.status,
                "warnings": self.warnings,
                "assumed": self.assumed,
                "final": [{"run": self.run, "params": self.params, "loss": self.final, "interval": self.interval}],
                "level": self.level,
                "progress": self.progress,
                "horizon_tokens": self.horizon_tokens,
                "offset": self.offset,
                "references": self.references,
                "left_out": None if self.left_out is None else self.left_out.to_json(),
                **self.to_columns(),
            }
        )
