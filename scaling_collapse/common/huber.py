"""Huber's loss, with the threshold that every fit of log losses uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array

__all__ = ["HUBER_DELTA", "huber"]

HUBER_DELTA = 1e-3
"""Residuals of the logarithm of the loss beyond this count linearly, as in the published fits of scaling laws."""


def huber(r: ArrayLike, delta: float = HUBER_DELTA) -> Array:
    """`r^2 / 2` where `|r| <= delta`, else `delta (|r| - delta / 2)`, elementwise.

    >>> huber([0.5, 3.0], delta=1.0)
    array([0.125, 2.5 ])
    """
    r = np.abs(np.asarray(r, dtype=np.float64))
    near = np.minimum(r, delta)
    return near * (r - 0.5 * near)
