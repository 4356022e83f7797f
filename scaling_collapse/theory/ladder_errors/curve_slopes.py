r"""One slope and one reducible loss per run: all that an error of the horizon or of the offset can change.

Where `L(x) = L0 + A f(x) + B` with a common shape f, the normalized curve of a run is `l - 1 = S g(x)`, g a common
shape that is 0 at x = 1, and everything that differs between sizes is the slope `S`. Two ways to measure it:

- `shape="power"`: `g = x^-mu - 1`, one mu for all, as two power laws have it at constant learning rate. Each run is
  regressed on `x^-mu` at its own logged points with a free intercept, so that the noise of the last point is not
  passed on to the rest; mu minimizes the residuals of all runs together (variable projection).
- `shape="common"`: g unknown, as under a schedule. It is estimated as the mean over sizes of `l - 1`, and the slope
  by projection; the scale of g, and so of all slopes together, is then arbitrary. `A = S R` scales as `t*^-mu`
  whatever the errors are, which gives mu.

Neither error can change a shape. So each slope is also measured on the early and on the late part of the curve
(apart at `sqrt(x_from)`), and the logarithm of their ratio, the `bend`, should not depend on size.

Source: two terms, Qiu et al. 2025 (arXiv 2507.02119), section 3.1; the rest is this project's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ...common import Array, InputError, Result, Source
from ..collapse import default_grid, losses_on_grid, means_by_size, normalize
from ..ladder import Ladder

__all__ = ["CurveSlopes", "Shape", "curve_slopes", "tight_least_squares"]

Shape = Literal["power", "common"]


def tight_least_squares(residuals: Callable[[Array], Array], start: Array, lower: Array, upper: Array) -> Array:
    """The minimizer of a sum of squares, to round-off where the residuals can vanish."""
    fit = least_squares(residuals, start, jac="3-point", bounds=(lower, upper), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return fit.x


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CurveSlopes(Result):
    """What `curve_slopes` measured, run by run, in the order of the ladder.

    Parameters
    ----------
    slope
        `S`, shape (runs,), > 0, of `l - 1` against `x^-mu - 1` ("power") or against the common shape ("common").
    reducible
        `R = L(t*) - L_hat`, shape (runs,), > 0, loss: at the fitted curve ("power") or measured ("common").
    horizon_tokens
        `t*`, shape (runs,).
    sizes
        `p`, shape (sizes,), increasing.
    size_index
        Size of each run, shape (runs,).
    mu
        The exponent of tokens.
    shape
        `"power"` or `"common"`.
    bend
        `ln(S_early / S_late)`, shape (runs,); NaN where a part of a curve has too few points.
    early_weight
        Weight of the early part in `S`, in (0, 1).
    noise_slope
        What LR noise would be of the mean slope, per share of it in the reducible loss at mid curve; 0 where noise
        changes no slope ("power": at a constant rate it multiplies the whole curve).
    noise_most
        The most that it can be of the mean slope: all that the curves fall by after mid curve.
    """

    slope: Array
    reducible: Array
    horizon_tokens: Array
    sizes: Array
    size_index: NDArray[np.intp]
    mu: float
    shape: Shape
    bend: Array
    early_weight: float
    noise_slope: float = 0.0
    noise_most: float = 0.0

    def size_means(self, values: Array) -> Array:
        """Mean over the runs of each size, shape (..., sizes)."""
        member = self.size_index == np.arange(self.sizes.size)[:, None]
        return values @ (member / member.sum(axis=1, keepdims=True)).T


def curve_slopes(
    ladder: Ladder | Source,
    offset: float,
    *,
    shape: Shape = "power",
    mu: float | None = None,
    x_from: float = 0.1,
) -> CurveSlopes:
    r"""The slope `S` and the reducible loss `R` of every run of a ladder.

    Parameters
    ----------
    ladder
        Curves of at least 2 sizes, each logged from `x_from` to its horizon; or the path of a table, or a frame.
    offset
        `L_hat`, the irreducible loss in use, below every final loss.
    shape
        `"power"` for constant learning rate, `"common"` for any common shape; see the module.
    mu
        The exponent of tokens, > 0, where it is known; estimated otherwise.
    x_from
        Normalized compute from which on the curves are used, in (0, 1).

    Raises
    ------
    InputError
        If there are fewer than 2 sizes, if `offset` is not below every final loss, if a curve has too few points
        or starts after `x_from`, if a slope is not positive, or if `mu` cannot be estimated.

    Examples
    --------
    >>> from scaling_collapse.theory import LossCurve
    >>> x = np.linspace(0.1, 1, 50)
    >>> curves = [LossCurve(run=str(p), params=p, tokens=x * p, loss=1 + 2 * (x * p) ** -0.5 + 3 * p**-0.5)
    ...           for p in (100.0, 400.0)]
    >>> slopes = curve_slopes(Ladder(curves), offset=1.0)
    >>> slopes.slope, slopes.mu
    (array([0.4, 0.4]), 0.5)
    """
    ladder = Ladder.of(ladder)
    _check(ladder, offset, mu, x_from)
    measure = {"power": _power_slopes, "common": _common_slopes}.get(shape)
    if measure is None:
        raise InputError(f"curve_slopes needs `shape` 'power' or 'common'; got {shape!r}.")
    measured = measure(ladder, offset, mu, x_from)
    _check_falling(ladder, measured, x_from)
    return CurveSlopes(
        **measured._asdict(),
        horizon_tokens=np.array([curve.horizon_tokens for curve in ladder]),
        sizes=np.array(ladder.sizes),
        size_index=ladder.size_index,
        shape=shape,
    )


class _Measured(NamedTuple):
    """What either shape measures; see `CurveSlopes`."""

    slope: Array
    reducible: Array
    mu: float
    bend: Array
    early_weight: float
    noise_slope: float = 0.0
    noise_most: float = 0.0


def _check(ladder: Ladder, offset: float, mu: float | None, x_from: float) -> None:
    sizes = np.array(ladder.sizes)
    if sizes.size < 2:
        raise InputError(f"curve_slopes needs at least 2 sizes; got 1 (params={sizes[0]:g}). Add runs of another size.")
    if not 0 < x_from < 1:
        raise InputError(f"curve_slopes needs `x_from` between 0 and 1; got {x_from:g}. Leave it at 0.1.")
    if mu is not None and not mu > 0:
        raise InputError(f"curve_slopes needs `mu` > 0; got {mu:g}. Leave it out to have it estimated.")
    lowest = min(curve.horizon_loss for curve in ladder)
    if not offset < lowest:
        raise InputError(
            f"curve_slopes needs an offset below every final loss; got offset {offset:g} and a final loss of "
            f"{lowest:g}. Use a smaller offset."
        )


def _check_falling(ladder: Ladder, measured: _Measured, x_from: float) -> None:
    slope, reducible = measured.slope, measured.reducible
    if not (np.isfinite(slope).all() and (slope > 0).all() and (reducible > 0).all()):
        bad = ladder.curves[int(np.flatnonzero(~((slope > 0) & (reducible > 0)))[0])]
        raise InputError(
            f"curve_slopes needs losses that fall from x = {x_from:g} to the horizon; got a slope or a reducible loss "
            f"<= 0 for run {bad.run!r}. Leave that run out."
        )


@dataclass(frozen=True)
class _Segments:
    """The points of all runs between two x, one after the other, and each run's regression on `x^-mu - 1`."""

    log_x: Array
    y: Array
    starts: NDArray[np.intp]

    def regress(self, mu: float) -> tuple[Array, Array, Array, Array]:
        """Slope and value at x = 1 of each run, its sum of squares in the basis, and all residuals."""
        count = np.diff(np.append(self.starts, self.y.size))

        def centred(values: Array) -> tuple[Array, Array]:
            mean = np.add.reduceat(values, self.starts) / count
            return values - np.repeat(mean, count), mean

        basis, basis_mean = centred(np.expm1(-mu * self.log_x))
        y, y_mean = centred(self.y)
        squares = np.add.reduceat(basis**2, self.starts)
        slope = np.add.reduceat(basis * y, self.starts) / squares
        return slope, y_mean - slope * basis_mean, squares, y - np.repeat(slope, count) * basis


def _segments(ladder: Ladder, offset: float, low: float, high: float, at_least: int) -> _Segments | None:
    """Points with low <= x <= high, losses in units of the run's reducible loss; None if a run has too few."""
    log_x, y = [], []
    for curve in ladder:
        x = curve.tokens / curve.horizon_tokens
        keep = (x >= low * (1 - 1e-12)) & (x <= high * (1 + 1e-12))
        if keep.sum() < at_least:
            return None
        log_x.append(np.log(x[keep]))
        y.append((curve.loss[keep] - curve.horizon_loss) / (curve.horizon_loss - offset))
    starts = np.cumsum([0] + [part.size for part in log_x[:-1]])
    return _Segments(np.concatenate(log_x), np.concatenate(y), starts)


def _power_slopes(ladder: Ladder, offset: float, mu: float | None, x_from: float) -> _Measured:
    """Slopes and the rest where `l - 1 = S (x^-mu - 1)`."""
    whole = _segments(ladder, offset, x_from, 1.0, 4)
    if whole is None:
        raise InputError(
            f"curve_slopes needs at least 4 points of each run from x = {x_from:g} to 1; got fewer. Log the runs more "
            "often or lower `x_from`."
        )
    if mu is None:
        log_mu = tight_least_squares(
            lambda log_mu: whole.regress(float(np.exp(log_mu[0])))[-1], np.log([0.5]), np.log([1e-3]), np.log([20.0])
        )
        mu = float(np.exp(log_mu[0]))
        if not 1.1e-3 < mu < 19:
            raise InputError(
                f"curve_slopes needs curves that bend as a power of x; got a best `mu` of {mu:g}, at the edge of "
                "what is tried. Use shape='common', or give `mu`."
            )
    slope, end, _, _ = whole.regress(mu)
    rough = np.array([curve.horizon_loss for curve in ladder]) - offset
    split = np.sqrt(x_from)
    early_part, late_part = _segments(ladder, offset, x_from, split, 4), _segments(ladder, offset, split, 1.0, 4)
    bend, early_weight = np.full(slope.size, np.nan), np.nan
    if early_part is not None and late_part is not None:
        early, _, early_squares, _ = early_part.regress(mu)
        late, _, late_squares, _ = late_part.regress(mu)
        bend = _log_ratio(early, late)
        early_weight = float(np.mean(early_squares / (early_squares + late_squares)))
    return _Measured(
        slope=slope / (1.0 + end), reducible=rough * (1.0 + end), mu=mu, bend=bend, early_weight=early_weight
    )


def _log_ratio(early: Array, late: Array) -> Array:
    """`ln(early / late)`, NaN where a slope is not positive."""
    positive = (early > 0) & (late > 0)
    return np.where(positive, np.log(np.where(positive, early, 1.0) / np.where(positive, late, 1.0)), np.nan)


def _common_slopes(ladder: Ladder, offset: float, mu: float | None, x_from: float) -> _Measured:
    """Slopes and the rest where `l - 1 = S g(x)` with an unknown common g."""
    grid = default_grid()
    x = grid[grid >= x_from * (1 - 1e-12)] if x_from >= grid[0] else np.linspace(x_from, 1.0, grid.size)
    L = losses_on_grid(ladder, x)
    if np.isnan(L).any():
        bad = ladder.curves[int(np.flatnonzero(np.isnan(L).any(axis=1))[0])]
        raise InputError(
            f"curve_slopes needs every run logged from x = {x_from:g} on; got a first point at x = "
            f"{bad.tokens[0] / bad.horizon_tokens:.3g} for run {bad.run!r}. Raise `x_from`."
        )
    excess = normalize(L, offset) - 1.0
    size_index = ladder.size_index
    g = means_by_size(excess, size_index).mean(axis=0)
    early = x < np.sqrt(x_from)
    slope, reducible = excess @ g / (g @ g), L[:, -1] - offset
    bend = _log_ratio(*(excess[:, part] @ g[part] / (g[part] @ g[part]) for part in (early, ~early)))
    if mu is None:
        horizon = np.array([curve.horizon_tokens for curve in ladder])
        if np.ptp(np.log(horizon)) == 0:
            raise InputError(
                "curve_slopes(shape='common') needs horizons that differ between sizes; got one horizon. Give `mu`."
            )
        mu = -float(np.polyfit(np.log(horizon), np.log(np.maximum(slope * reducible, 1e-300)), 1)[0])
        if not mu > 0:
            raise InputError(
                f"curve_slopes(shape='common') needs a loss that falls less at longer horizons; got mu = {mu:g}. "
                "Give `mu`."
            )
    early_weight = float(g[early] @ g[early] / (g @ g))
    noise_slope = float(2.0 * (1.0 - x) @ g / (g @ g))  # noise falls with the rate, taken to be linear; 1 at mid curve
    return _Measured(
        slope=slope,
        reducible=reducible,
        mu=mu,
        bend=bend,
        early_weight=early_weight,
        noise_slope=noise_slope,
        noise_most=float(np.clip(noise_slope * np.interp(0.5, x, g), 0.0, 0.95)),
    )
