"""Which finished runs a run in progress is held against, and what that leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import InputError, count
from ...theory import Ladder, LossCurve
from .multiple_rule import MultipleRule, same_multiple
from .progress_grid import ProgressGrid
from .reference_shapes import ReferenceRun, ReferenceShapes
from .running_status import SENTENCES, RunningStatus

__all__ = ["ReferenceChoice", "usable_references"]

FIRST = 0.1
"""Progress from which on curves are compared: before it, warm-up differs between sizes."""
LATEST_START = 0.3
"""A reference whose log begins later is left out."""
FAR = 10.0
"""Ratio of sizes beyond which a forecast is not ok."""


def usable_references(partial: LossCurve, references: Ladder, offset: float) -> Ladder:
    """The references without the run itself, of its schedule, logged early enough; refused where none is left."""
    kept = [c for c in references if c.run != partial.run]
    if partial.schedule is not None:
        kept = [c for c in kept if c.schedule in (None, partial.schedule)]
    if not kept:
        wanted = "" if partial.schedule is None else f" of schedule {partial.schedule!r}"
        raise InputError(
            f"forecast_running needs finished runs of the family{wanted}; got none besides {partial.run!r}. "
            "Give the smaller sizes, or other seeds."
        )
    if any(c.clock != partial.clock for c in kept):
        raise InputError(
            f"forecast_running needs run and references on one clock; got {partial.clock} for {partial.run!r} and "
            "another for its references. Give both as tokens."
        )
    early = [c for c in kept if c.tokens[0] <= LATEST_START * c.horizon_tokens]
    if not early:
        raise InputError(
            f"forecast_running needs references that are logged from {LATEST_START:.0%} of their horizons on; got "
            f"{len(kept)} that begin later. Give whole logs."
        )
    ladder = Ladder(early)
    ladder.require_one_schedule("forecast_running")
    low = min(float(np.min(c.loss)) for c in (*early, partial))
    if low <= offset:
        raise InputError(f"forecast_running needs losses above the offset {offset:g}; got {low:g}. Lower the offset.")
    return ladder


@dataclass(frozen=True, kw_only=True)
class ReferenceChoice:
    """The references of a run of that size and horizon: of its own multiple where two sizes are, else all.

    Parameters
    ----------
    curves
        The chosen ones.
    params, multiple
        The run's place.
    sizes
        How many sizes are of its multiple.
    rule
        Of the family's horizons.
    offset
        Subtracted from all losses.
    """

    curves: tuple[LossCurve, ...]
    params: float
    multiple: float
    sizes: int
    rule: MultipleRule
    offset: float

    @classmethod
    def of(cls, references: Ladder, *, params: float, horizon: float, offset: float) -> ReferenceChoice:
        """Choose among usable references."""
        rule = MultipleRule(references)
        multiples = [rule.multiple(c.params, c.horizon_tokens) for c in references]
        multiple = rule.multiple(params, horizon)
        if not rule.known and abs(np.log(params / references.sizes[0])) > 1e-6:
            multiple = float(np.mean(multiples))  # one size of another number of parameters says nothing of the rule
        same = same_multiple(references.curves, multiples, multiple)
        sizes = len({c.params for c in same})
        return cls(
            curves=tuple(same) if sizes > 1 else references.curves,
            params=params, multiple=multiple, sizes=sizes, rule=rule, offset=offset,
        )  # fmt: skip

    def multiple_of(self, curve: LossCurve) -> float:
        """The multiple of a reference; those of the run's own count as exactly that."""
        found = self.rule.multiple(curve.params, curve.horizon_tokens)
        return self.multiple if same_multiple([curve], [found], self.multiple) else found

    def shapes(self) -> ReferenceShapes:
        """What the references say, on a grid from 10 % of training on, or where the last of them begins."""
        first = max(FIRST, *(float(c.tokens[c.tokens > 0][0] / c.horizon_tokens) for c in self.curves))
        runs = [
            ReferenceRun(
                c.tokens / c.horizon_tokens, np.log(c.loss - self.offset), float(np.log(c.params)), self.multiple_of(c)
            )
            for c in self.curves
        ]
        return ReferenceShapes.of(runs, ProgressGrid(first))

    def findings(self) -> list[tuple[RunningStatus, str]]:
        """What the choice leaves open, the most serious first, each with its sentence."""
        sizes = {c.params for c in self.curves}
        ratio = min(max(p / self.params, self.params / p) for p in sizes)
        one = len(sizes) == 1 and self.params not in sizes
        open_questions = (
            (RunningStatus.OTHER_MULTIPLE, not self.sizes),
            (RunningStatus.FAR, ratio > FAR),
            (RunningStatus.ONE_SIZE, one),
        )
        words = {"size": count(next(iter(sizes))), "ratio": ratio}
        return [(status, SENTENCES[status].format(**words)) for status, holds in open_questions if holds]
