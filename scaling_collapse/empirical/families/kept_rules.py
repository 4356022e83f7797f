"""Which rules of a family a trained one kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from .hyperparameter_laws import BATCH_EXPONENT
from .trained_size import TrainedSize

__all__ = ["SAME", "FamilyRule", "Kept", "KeptRule", "kept_rules"]

SAME = 1.1
"""Numbers that differ by less than this factor count as the same: whole steps and batches are off by some percent."""
NEAR = 1.5
"""A timescale within this factor of the optimum counts as optimal: the loss is flat there."""
EXPONENT_NEAR = 0.1


class FamilyRule(StrEnum):
    """What is asked of a family."""

    TOKENS = "tokens per parameter are the same at every size"
    TIMESCALE = "the timescale is the same at every size"
    OPTIMUM = "the timescale is optimal for the tokens per parameter"
    RATE = "the logged peak rate is the same at every size"
    BATCH = "the batch grows as tokens^0.383"


class Kept(StrEnum):
    """Whether a rule was kept, as far as the tables say."""

    KEPT = "kept"
    BROKEN = "not kept"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class KeptRule:
    """A rule, whether it was kept, and the numbers that say so (NaN where unknown).

    Parameters
    ----------
    rule, kept
        Which, and whether.
    low, high
        Least and largest over the sizes of what must not change (for the optimum: of tau / tau_opt; for the batch both
        are the exponent found).
    """

    rule: FamilyRule
    kept: Kept
    low: float
    high: float


def kept_rules(sizes: Sequence[TrainedSize]) -> tuple[KeptRule, ...]:
    """Every rule, over all sizes: a number unknown at one size leaves a rule unknown, unless others break it."""
    tau = np.array([s.timescale for s in sizes])
    return (
        _same(FamilyRule.TOKENS, np.array([s.tokens_per_parameter for s in sizes])),
        _same(FamilyRule.TIMESCALE, tau),
        _near(FamilyRule.OPTIMUM, tau / np.array([s.optimal_timescale for s in sizes])),
        _same(FamilyRule.RATE, np.array([s.rate for s in sizes])),
        _batch(sizes),
    )


def _same(rule: FamilyRule, values: np.ndarray) -> KeptRule:
    low, high = _ends(values)
    return _judged(rule, values, broken=high / low > SAME, low=low, high=high)


def _near(rule: FamilyRule, values: np.ndarray) -> KeptRule:
    low, high = _ends(values)
    return _judged(rule, values, broken=high > NEAR or low < 1 / NEAR, low=low, high=high)


def _batch(sizes: Sequence[TrainedSize]) -> KeptRule:
    """The slope of `ln B` on `ln T`."""
    tokens, batch = (np.log([getattr(s, name) for s in sizes]) for name in ("tokens", "batch_tokens"))
    known = np.isfinite(tokens) & np.isfinite(batch)
    slope = math.nan
    if known.sum() >= 2 and np.ptp(tokens[known]) > math.log(SAME):
        slope = float(np.polyfit(tokens[known], batch[known], 1)[0])
    broken = abs(slope - BATCH_EXPONENT) > EXPONENT_NEAR
    return _judged(FamilyRule.BATCH, np.array([slope]), broken=broken, low=slope, high=slope)


def _judged(rule: FamilyRule, values: np.ndarray, *, broken: bool, low: float, high: float) -> KeptRule:
    unknown = Kept.KEPT if np.isfinite(values).all() else Kept.UNKNOWN
    return KeptRule(rule=rule, kept=Kept.BROKEN if broken else unknown, low=low, high=high)


def _ends(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (math.nan, math.nan)
