r"""Does the curve's shape drift with size? The slope of `ln S` on `ln p`, and the error of horizons it amounts to.

With horizons `t* ~ p^(gamma* + eps)` and two balanced terms, `d ln (l - 1) / d ln p = -eps mu w_B`, and at the optimum
`mu w_B = b / gamma` with the exponent b of the reducible loss in compute: `R ~ C^-b`. So

    eps / gamma = -slope / b,

two measured numbers, whatever mu and nu are. The error of the slope comes from seeds, or from the scatter of the sizes
about the line where that is significantly larger (p < 0.01) or no size has two seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common import Array, Result, plain, value_in_words
from ..fits.intervals import LEVEL, UNKNOWN, Interval, t_quantile
from .steepness import SizeMeans, Steepness

__all__ = ["Line", "SizeTrend", "line_through", "size_trend", "slope_on"]

SURE = 0.01


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line through the sizes: its slope with standard error, degrees of freedom and t; residual scatter."""

    slope: float
    error: float
    dof: int
    scatter: float

    @property
    def t(self) -> float:
        """The slope in standard errors; NaN where the error is unknown."""
        return self.slope / self.error if self.error > 0 else math.nan


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SizeTrend(Result):
    """The drift of the curve's shape with size.

    Parameters
    ----------
    slope, error, dof, t
        Of `d ln(l - 1) / d ln p`, dimensionless, with standard error and its degrees of freedom; the error and t are
        NaN where nothing measures noise.
    gamma_error, gamma_interval
        `eps / gamma`: the relative error of the horizons' exponent that would make this drift, with a 90 % interval.
        NaN where final losses do not fall.
    exponent
        b, of the reducible loss in compute, at the offset in use.
    bend
        Slope of the bend on ln p over that of ln S: an error of horizons changes the slope and leaves the shape alone.
    slope_of_curve, error_of_curve
        Of `ln l(x)` on `ln p` at every x, shape (n,).
    """

    slope: float
    error: float
    dof: int
    t: float
    gamma_error: float
    gamma_interval: Interval
    exponent: float
    bend: float
    slope_of_curve: Array
    error_of_curve: Array

    def headline(self) -> str:
        """The slope in standard errors."""
        return f"SizeTrend: d ln(l - 1) / d ln p = {self.slope:+.4g}, t = {self.t:+.3g}"

    def lines(self) -> list[tuple[str, str]]:
        """The slope, and the error of the horizons that it amounts to."""
        return [
            ("standard error", f"{self.error:.3g}, {self.dof} degrees of freedom"),
            ("error of gamma", value_in_words(self.gamma_error, self.gamma_interval, LEVEL)),
            ("exponent b", f"{self.exponent:.4g}"),
        ]

    def to_json(self) -> dict[str, Any]:
        """Every number; what is unknown is null."""
        return plain(vars(self))


def line_through(z: Array, values: SizeMeans) -> Line:
    """The least-squares line of size means on `z`, shape (sizes,); an F-test chooses where the error comes from."""
    from scipy.special import fdtrc

    z = z - z.mean()
    squares = max(float(z @ z), 1e-300)
    slope = float(z @ values.mean) / squares
    residual = values.mean - values.mean.mean() - slope * z
    free = z.size - 2
    scatter = math.sqrt(float(residual @ residual) / free) if free > 0 else math.nan
    from_sizes = scatter / math.sqrt(squares) if free > 0 else math.nan
    if not values.dof:
        return Line(slope=slope, error=from_sizes, dof=max(free, 0), scatter=scatter)
    from_seeds = float(np.sqrt((z**2 * values.error**2).sum())) / squares
    if free > 0:
        usual = max(float((values.error**2).mean()), 1e-300)
        if fdtrc(free, values.dof, scatter**2 / usual) < SURE:
            return Line(slope=slope, error=max(from_sizes, from_seeds), dof=free, scatter=scatter)
    return Line(slope=slope, error=from_seeds, dof=values.dof, scatter=scatter)


def slope_on(log_p: Array, values: Array) -> Array:
    """Least-squares slope on `log_p`, shape (sizes,), of values of shape (sizes, ...)."""
    z = log_p - log_p.mean()
    return z @ values / float(z @ z)


def size_trend(
    log_p: Array, shape: Steepness, *, log_reducible: Array, log_horizon: Array, curve: tuple[Array, Array]
) -> SizeTrend:
    """The trend of the sizes.

    Parameters
    ----------
    log_p, log_reducible, log_horizon
        `ln p`, ln of the mean reducible loss at the end, `ln t*`, shape (sizes,).
    shape
        Slope and bend of the sizes' curves.
    curve
        Size means of `ln l(x)`, shape (sizes, n), and their standard errors.
    """
    line = line_through(log_p, shape.slope)
    gamma = float(slope_on(log_p, log_horizon))
    b = -float(slope_on(log_p, log_reducible)) / (1.0 + gamma)
    known = b > 1e-6 and gamma > 0
    error = -line.slope / b if known else math.nan
    half = t_quantile(line.dof, LEVEL) * line.error / b if known and line.dof else math.nan
    means, errors = curve
    z = log_p - log_p.mean()
    return SizeTrend(
        slope=line.slope,
        error=line.error,
        dof=line.dof,
        t=line.t,
        gamma_error=error,
        gamma_interval=(error - half, error + half) if math.isfinite(half) else UNKNOWN,
        exponent=b,
        bend=float(slope_on(log_p, shape.bend.mean)) / line.slope if line.slope else math.nan,
        slope_of_curve=slope_on(log_p, means),
        error_of_curve=np.sqrt((z[:, None] ** 2 * errors**2).sum(axis=0)) / float(z @ z),
    )
