"""The one type of the project's numbers."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array"]

Array = NDArray[np.float64]
"""float64 numbers; the docstring of each says its shape."""
