"""Loss beside what was predicted of it, from where decay begins, and the error; shared by figures 1e, 6 and 12."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..common import Array, exponential_average
from ..sgd_noise_model import Forecast
from ..theory import LossCurve
from .figure_page import curtain

__all__ = ["Comparison", "decay_start", "draw_comparisons"]

HALF_LIFE = 0.01
"""Of the smoothing, as a fraction of training, as published."""
EARLIEST = 0.15
"""Full-length decays are drawn from this fraction of training on: before, the fall hides everything else."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A run and its prediction, with the label, colour and line they are drawn with."""

    label: str
    curve: LossCurve
    forecast: Forecast
    stroke: dict[str, Any]


def decay_start(curve: LossCurve) -> float:
    """Tokens at which the learning rate leaves its peak, at least 15 % of training."""
    assert curve.lr is not None
    lr = np.nan_to_num(curve.lr)
    falling = np.flatnonzero((np.arange(lr.size) > int(lr.argmax())) & (lr < 0.999 * lr.max()))
    start = curve.tokens[falling[0] - 1] if falling.size else 0.0
    return max(float(start), EARLIEST * float(curve.tokens[-1]))


def _smoothed(t: Array, y: Array) -> Array:
    """Exponential average over tokens with a half-life of 1 % of training, begun at 2 % of it."""
    first = int(np.searchsorted(t, 0.02 * t[-1]))
    averaged = exponential_average(t[first:], y[first:], half_life=HALF_LIFE * t[-1])
    return np.concatenate([y[:first], averaged])


def draw_comparisons(top: Any, bottom: Any, comparisons: Sequence[Comparison], title: str) -> None:
    """Above: observed (thick, pale) and predicted (thin, dark, marked) loss; below: the relative error."""
    errors, losses = [], []
    unit, word = _unit(max(c.curve.tokens[-1] for c in comparisons))
    named = Counter[str]()
    for c in comparisons:
        t = c.curve.tokens
        observed, predicted = _smoothed(t, c.curve.loss), _smoothed(t, c.forecast.loss)
        late = t >= decay_start(c.curve)
        error = 100 * (predicted / observed - 1)[late]
        top.plot(t[late] / unit, observed[late], color=c.stroke["color"], linewidth=2.6, alpha=0.35)
        label = None if named[c.label] else c.label
        named[c.label] += 1
        top.plot(t[late] / unit, predicted[late], **c.stroke, linewidth=0.9, markevery=0.2, label=label)
        bottom.plot(t[late] / unit, error, **c.stroke, linewidth=0.8, markevery=0.2, markersize=2.2)
        errors.append(error)
        losses.append(observed[late])
    low, high = curtain(losses)
    top.set(
        ylim=(low, high + 0.1 * (high - low)),
        title=f"{title}\nmean error {np.mean([np.abs(e).mean() for e in errors]):.2g} %",
    )
    top.tick_params(labelbottom=False)
    bottom.axhline(0.0, color="0.5", linewidth=0.6)
    reach = 1.1 * max(float(np.abs(e).max()) for e in errors)
    bottom.set(xlabel=f"{comparisons[0].curve.clock} ({word})", ylim=(-reach, reach), xlim=top.get_xlim())


def _unit(tokens: float) -> tuple[float, str]:
    for unit, word in ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands")):
        if tokens >= unit:
            return unit, word
    return 1.0, "count"
