r"""The deficit of the learning rate as seen through an exponential memory, exactly for piecewise linear rates.

.. math:: R'(t) = \frac{d(t) - R(t)}{w}, \qquad R(t_0) = d(t_0)

over any time `t` (tokens, gradient-flow time, its logarithm), memory `w` in its units. One pass over the knots; the
derivative by `ln w` comes along.
"""

from __future__ import annotations

import math

import numpy as np

from ...common import Array, njit

__all__ = ["relaxed"]


@njit()
def relaxed(time: Array, before: Array, after: Array, memory: float) -> tuple[Array, Array]:
    """`R` just before each knot, and `dR / d ln w`, shapes (n,).

    Parameters
    ----------
    time
        `t` at the knots, shape (n,), not decreasing.
    before, after
        `d` just before and from each knot on, shape (n,).
    memory
        `w > 0`, in units of the time.
    """
    n = time.size
    value, slope = np.empty(n), np.zeros(n)
    value[0] = before[0]
    for i in range(1, n):
        a = (time[i] - time[i - 1]) / memory
        if a < 1e-5:
            keep, mean = 1.0 - a, 1.0 - 0.5 * a
        else:
            keep = math.exp(-a)
            mean = -math.expm1(-a) / a
        value[i] = keep * value[i - 1] + after[i - 1] * (mean - keep) + before[i] * (1.0 - mean)
        # d keep / d ln w = a keep, d mean / d ln w = mean - keep
        slope[i] = (
            keep * slope[i - 1]
            + a * keep * value[i - 1]
            + after[i - 1] * (mean - keep - a * keep)
            - before[i] * (mean - keep)
        )
    return value, slope
