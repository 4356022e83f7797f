"""`TrainedSize`: what a trained family used at one size, read off its runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...theory import Ladder, LossCurve, adamw_timescale, optimal_timescale

__all__ = ["ToldNumbers", "TrainedSize", "trained_sizes"]

NAN = math.nan


@dataclass(frozen=True, kw_only=True)
class ToldNumbers:
    """What the tables do not say, the same for every run: tokens a step, peak rate and weight decay; None: unknown."""

    batch: float | None = None
    rate: float | None = None
    weight_decay: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainedSize:
    """One size of a trained family; what is unknown is NaN.

    Parameters
    ----------
    params, runs
        `p`, and how many runs there are.
    tokens, tokens_per_parameter
        `T` and `T / p`.
    steps, batch_tokens
        Optimizer steps, and tokens of one.
    rate, weight_decay
        Peak learning rate and decoupled decay as logged.
    timescale, optimal_timescale
        `tau = B / (eta lambda T)`, and the optimum for these tokens per parameter.
    """

    params: float
    runs: int
    tokens: float
    tokens_per_parameter: float
    steps: float
    batch_tokens: float
    rate: float
    weight_decay: float
    timescale: float
    optimal_timescale: float


def trained_sizes(ladder: Ladder, told: ToldNumbers) -> tuple[TrainedSize, ...]:
    """What each size used: the median over its runs of what is known."""
    return tuple(_size(params, curves, told) for params, curves in ladder.by_size.items())


def _size(params: float, curves: Sequence[LossCurve], told: ToldNumbers) -> TrainedSize:
    horizon = _median([c.horizon_tokens for c in curves])
    counted = all(c.clock == "tokens" for c in curves)
    tokens = horizon if counted else NAN
    batch = _median([_batch(c, told) for c in curves])
    steps = tokens / batch if counted else horizon
    rate = _median([_rate(c, told) for c in curves])
    decay = _median([_constant(c, "weight_decay", told.weight_decay) for c in curves])
    tau = float(adamw_timescale(1.0, rate, decay, steps)) if rate > 0 and decay > 0 and steps > 0 else NAN
    best = float(optimal_timescale(tokens / params)) if counted else NAN
    return TrainedSize(
        params=params,
        runs=len(curves),
        tokens=tokens,
        tokens_per_parameter=tokens / params,
        steps=steps,
        batch_tokens=batch,
        rate=rate,
        weight_decay=decay,
        timescale=tau,
        optimal_timescale=best,
    )


def _batch(curve: LossCurve, told: ToldNumbers) -> float:
    """Tokens a step: as told, else off the logged steps, else `batch_size` x `sequence_length`."""
    if told.batch is not None:
        return told.batch
    steps = curve.extra.get("step")
    if isinstance(steps, np.ndarray) and curve.clock == "tokens" and steps[-1] > 0:
        return float(curve.tokens[-1] / steps[-1])
    return _constant(curve, "batch_size", None) * _number(curve.extra.get("sequence_length", 1.0))


def _rate(curve: LossCurve, told: ToldNumbers) -> float:
    if told.rate is not None:
        return told.rate
    known = np.array([]) if curve.lr is None else curve.lr[np.isfinite(curve.lr)]
    return float(known.max()) if known.size else NAN


def _constant(curve: LossCurve, name: str, told: float | None) -> float:
    return told if told is not None else _number(curve.extra.get(name))


def _number(value: Any) -> float:
    """A number that holds for the whole run, NaN where there is none or it changes."""
    try:
        values = np.asarray(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return NAN
    values = values[np.isfinite(values)]
    return float(values[0]) if values.size and (values == values[0]).all() else NAN


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))
