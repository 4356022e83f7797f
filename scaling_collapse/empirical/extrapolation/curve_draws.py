"""`CurveDraws`: draws of a new size's curves and of the law behind them, and their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Array

__all__ = ["CurveDraws", "Interval", "quantiles"]

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class CurveDraws:
    """Draws of a new size, each of shape (draws, n) or (draws,).

    Parameters
    ----------
    expected
        Its expected curve: what infinitely many of its runs would average to.
    single
        One run of it.
    L0, a, b
        The law, `a` for C in PFLOPs.
    offset
        The offset at which curves collapse.
    """

    expected: Array
    single: Array
    L0: Array
    a: Array
    b: Array
    offset: Array


def quantiles(draws: Array, level: float) -> tuple[Array, Array]:
    """Ends of the equal-tailed interval at `level` over the first axis.

    >>> low, high = quantiles(np.linspace(0.0, 1.0, 101), 0.9)
    >>> round(float(low), 3), round(float(high), 3)
    (0.05, 0.95)
    """
    low, high = np.quantile(draws, (0.5 - level / 2, 0.5 + level / 2), axis=0)
    return low, high
