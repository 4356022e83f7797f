"""Results as JSON can hold them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: arrays and tuples as lists, NaN and infinities as null.

    >>> plain({"x": np.array([1.0, np.nan]), "n": np.int64(3), "interval": (0.5, float("inf"))})
    {'x': [1.0, None], 'n': 3, 'interval': [0.5, None]}
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
