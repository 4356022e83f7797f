"""Intervals from few values: Student's t of independent ones, and the jackknife that leaves out each group in turn."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...common import Array

__all__ = ["LEVEL", "MANY", "UNKNOWN", "Interval", "from_left_out", "jackknife", "student", "t_quantile"]

Interval = tuple[float, float]
UNKNOWN: Interval = (math.nan, math.nan)
LEVEL = 0.9
"""Coverage of an interval unless the caller says otherwise."""
MANY = 10**6
"""Degrees of freedom with which Student's t is a normal."""


def t_quantile(dof: int, level: float = LEVEL) -> float:
    """Half width of the interval that holds `level` of Student's t with `dof` degrees of freedom.

    >>> round(t_quantile(2), 2)
    2.92
    """
    from scipy.special import stdtrit

    return float(stdtrit(dof, 0.5 + level / 2))


def student(values: Array) -> Interval:
    """The t-interval of a mean from independent values, shape (n,); unknown below 2 values.

    >>> tuple(round(v, 3) for v in student(np.array([1.0, 2.0, 3.0])))
    (0.314, 3.686)
    """
    n = values.size
    if n < 2:
        return UNKNOWN
    half = t_quantile(n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return float(values.mean()) - half, float(values.mean()) + half


def jackknife(estimate: Callable[[NDArray[np.intp]], float], n: int) -> tuple[float, Interval]:
    """An estimate from all n groups, and its t-interval from leaving out each in turn; for positive quantities.

    Parameters
    ----------
    estimate
        The estimate, > 0, from the groups with these indices.
    n
        Number of groups; below 3 the interval is unknown.

    Examples
    --------
    >>> data = np.array([1.0, 2.0, 3.0, 4.0])
    >>> value, interval = jackknife(lambda keep: float(data[keep].mean()), 4)
    >>> value, bool(interval[0] < value < interval[1])
    (2.5, True)
    """
    whole = estimate(np.arange(n))
    if n < 3:
        return whole, UNKNOWN
    return whole, from_left_out(whole, np.array([estimate(np.delete(np.arange(n), i)) for i in range(n)]))


def from_left_out(whole: float, left_out: Array) -> Interval:
    """The jackknife's t-interval of a positive quantity, in its logarithm, from the n values with a group left out."""
    n = left_out.size
    if not (whole > 0 and (left_out > 0).all()):
        return UNKNOWN
    ln = np.log(left_out)
    half = float(t_quantile(n - 1) * np.sqrt((n - 1) / n * ((ln - ln.mean()) ** 2).sum()))
    return whole * math.exp(-half), whole * math.exp(half)
