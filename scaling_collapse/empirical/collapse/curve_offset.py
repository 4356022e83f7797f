r"""The offset at which curves collapse, from the curves alone: where final losses lie on a line in how far curves fall.

With `D_p` the fall of size p's curve along the common shape, curves collapse where `D_p / (L_p - L_c)` is the same for
all sizes. So `L_p / D_p = k + L_c / D_p` is a straight line with slope `L_c`. Noise that lasts moves a size along the
line, not off it. The irreducible loss of the final losses is another number; the two agree where horizons are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ...theory import means_by_size
from ..fits.intervals import LEVEL, UNKNOWN, Interval, t_quantile
from .size_trend import line_through
from .steepness import of_sizes

__all__ = ["CurveOffset", "curve_offset"]


@dataclass(frozen=True, kw_only=True)
class CurveOffset:
    """The offset at which the curves agree best, in units of the loss, with a 90 % interval; NaN where unknown."""

    value: float
    interval: Interval


def curve_offset(L: Array, size_index: NDArray[np.intp]) -> CurveOffset:
    """The offset at which the curves agree best.

    Parameters
    ----------
    L
        Losses on the grid, shape (runs, n), the last point x = 1.
    size_index
        Size of each run, shape (runs,), at least 3 sizes.
    """
    if np.unique(size_index).size < 3:
        return CurveOffset(value=math.nan, interval=UNKNOWN)
    drop = L - L[:, -1:]
    norms = np.sqrt((drop**2).mean(axis=1, keepdims=True))
    g = (drop / np.maximum(norms, 1e-300)).mean(axis=0)
    D = drop @ g / float(g @ g)
    if not (D > 0).all():
        return CurveOffset(value=math.nan, interval=UNKNOWN)
    ratio = of_sizes(L[:, -1] / D, size_index)
    inverse = means_by_size(1.0 / D, size_index)
    # Noise that lasts moves a size along the line; what moves it off is that of `(L - L_c) / D`.
    off = of_sizes((L[:, -1] - line_through(inverse, ratio).slope) / D, size_index)
    line = line_through(inverse, replace(ratio, error=off.error))
    half = t_quantile(line.dof, LEVEL) * line.error if line.dof else math.nan
    interval = (line.slope - half, line.slope + half) if math.isfinite(half) else UNKNOWN
    return CurveOffset(value=line.slope, interval=interval)
