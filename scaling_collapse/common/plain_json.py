"""Results as JSON can hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: arrays and tuples as lists, NaN and infinities as null, results by their `to_json`,
    formulas as text.

    >>> import numpy as np
    >>> plain({"x": np.array([1.0, np.nan]), "n": np.int64(3), "interval": (0.5, float("inf"))})
    {'x': [1.0, None], 'n': 3, 'interval': [0.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):  # numpy's arrays and numbers; numpy itself is loaded by those who compute
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "free_symbols"):  # sympy's
        return str(value)
    return value.to_json() if hasattr(value, "to_json") else value
