"""Which runs under schedules are forecast, and from what; shared by figures 1e, 6 and 12."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..sgd_noise_model import Forecast, calibrate, forecast
from ..theory import Ladder, LossCurve
from .curve_tables import label_of

__all__ = ["blind", "blind_over_sizes", "hindsight", "main_cell", "over_seeds"]


def main_cell(runs: Ladder) -> tuple[float, float]:
    """Size and horizon (tokens, 3 digits) under which most schedules were run."""
    cells: dict[tuple[float, float], set[str]] = {}
    for curve in runs:
        cells.setdefault((curve.params, float(f"{curve.tokens[-1]:.3g}")), set()).add(label_of(curve))
    return max(cells, key=lambda cell: (len(cells[cell]), cell))


def blind(runs: Ladder, curve: LossCurve) -> Forecast:
    """The forecast of a run by all runs of other schedules; of the run itself only its learning rates are read."""
    own = label_of(curve)
    return forecast([c for c in runs if label_of(c) != own], [curve])[0]


def blind_over_sizes(constant: Ladder, decay: Ladder, curve: LossCurve) -> Forecast:
    """The forecast of a decayed run by constant-rate runs and by the decayed runs of the other sizes."""
    used = [c for c in constant if c.lr is not None]
    return forecast(used + [c for c in decay if c.params != curve.params], [curve], law="response")[0]


def hindsight(runs: Ladder, curves: Sequence[LossCurve]) -> tuple[float, list[Forecast]]:
    """The published noise law with one coefficient for all runs, reading each run's own noise; and the coefficient."""
    c = calibrate(list(runs), law="noise").solution.values["c"]
    return float(c), forecast(list(runs), list(curves), law="noise")


def over_seeds(runs: Sequence[LossCurve], key: Any) -> list[LossCurve]:
    """One run of each kind: the mean over those that were logged at the same tokens as its first (lowest) seed."""
    groups: dict[Any, list[LossCurve]] = {}
    for curve in runs:
        groups.setdefault(key(curve), []).append(curve)
    result = []
    for first, *others in groups.values():
        same = [first, *(c for c in others if np.array_equal(c.tokens, first.tokens))]
        traces = [c.noise_trace for c in same if c.noise_trace is not None]
        noise = np.mean(traces, axis=0) if traces else None
        result.append(replace(first, loss=np.mean([c.loss for c in same], axis=0), noise_trace=noise))
    return result
