"""Learning-rate schedules as relative rates `s(x) = eta / eta_peak` of training progress x in [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["constant", "linear"]


def constant(x: ArrayLike) -> NDArray[np.float64]:
    """`s(x) = 1`.

    >>> constant([0.0, 0.5])
    array([1., 1.])
    """
    return np.ones_like(np.asarray(x, dtype=np.float64))


def linear(x: ArrayLike) -> NDArray[np.float64]:
    """`s(x) = 1 - x`: linear decay to zero over the whole of training.

    >>> linear([0.0, 0.25, 1.0])
    array([1.  , 0.75, 0.  ])
    """
    return 1.0 - np.asarray(x, dtype=np.float64)
