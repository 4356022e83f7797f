r"""`fit_horizon`: the compute-optimal horizon `t*(p) = kappa p^gamma` from over-trained constant-LR runs.

At each compute C the best size is the one with the lowest loss. A size is compute-optimal over the stretch of C in
which it is the best; the middle of that stretch, in ln C, is its `C*(p)`. A line through `(ln p, ln C*)` gives

    C*(p) = 6 kappa p^(1 + gamma).

A stretch counts only if it is closed on both sides by other sizes: the ends of the ladder, and sizes whose runs stop
while they are still the best, say nothing about where the middle lies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import (
    PFLOP,
    Array,
    Framed,
    InputError,
    Painted,
    Source,
    count,
    local_regression,
    plain,
    value_in_words,
)
from ...theory import Ladder, LossCurve
from .intervals import LEVEL, Interval, t_quantile

__all__ = ["FrontierStatus", "HorizonFit", "SizeOnFrontier", "fit_horizon"]

FrontierStatus = Literal["used", "never on the frontier", "end of the ladder", "still best when its runs end"]
"""Whether a size's stretch of the frontier counts, or why it does not."""


@dataclass(frozen=True, kw_only=True)
class SizeOnFrontier:
    """What the Pareto frontier says about one size.

    Parameters
    ----------
    params
        `p`.
    status
        `"used"`, or why not: `"never on the frontier"`, `"end of the ladder"`, `"still best when its runs end"`.
    low, high
        The stretch of compute, FLOPs, in which this size is the best; NaN where there is none.
    optimal_compute
        `C*`, the middle of the stretch in ln C, FLOPs; NaN where not used.
    """

    params: float
    status: FrontierStatus
    low: float = math.nan
    high: float = math.nan
    optimal_compute: float = math.nan


@dataclass(frozen=True, kw_only=True, repr=False)
class HorizonFit(Framed, Painted):
    """The fitted horizon `t*(p) = kappa p^gamma`, `C*(p) = 6 kappa p^(1 + gamma)`.

    Parameters
    ----------
    gamma, kappa
        Data exponent, and tokens at `p = 1`.
    gamma_interval, kappa_interval
        Student-t intervals of the line's coefficients at `level`.
    level
        Coverage of the intervals.
    residual
        Root mean square distance of `ln C*` from the line.
    sizes
        What each size contributed.
    C, loss
        The frontier grid, FLOPs, shape (n,), and each size's smoothed loss on it, shape (sizes, n); NaN where a size
        was not trained.
    """

    gamma: float
    kappa: float
    gamma_interval: Interval
    kappa_interval: Interval
    level: float
    residual: float
    sizes: tuple[SizeOnFrontier, ...]
    C: Array
    loss: Array

    def headline(self) -> str:
        """The form of the horizon."""
        return "HorizonFit: train p parameters for t* = kappa p^gamma tokens"

    def lines(self) -> list[tuple[str, str]]:
        """The two numbers with their intervals, and which sizes they rest on."""
        used = [s.params for s in self.sizes if s.status == "used"]
        return [
            ("data exponent gamma", value_in_words(self.gamma, self.gamma_interval, self.level)),
            ("kappa", value_in_words(self.kappa, self.kappa_interval, self.level)),
            ("optimal compute", f"1e15 (p / {self.scale:.5g})^{self.exponent:.4f} FLOPs"),
            ("distance from the line", f"{self.residual:.2%} of C*, root mean square"),
            ("sizes", f"{len(used)} of {len(self.sizes)} used, {count(min(used))} to {count(max(used))} parameters"),
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row per size."""
        return {name: [getattr(s, name) for s in self.sizes] for name in vars(self.sizes[0])}

    @property
    def exponent(self) -> float:
        """`1 + gamma`, so that `C*(p) = 1e15 (p / scale)^exponent`."""
        return 1.0 + self.gamma

    @property
    def scale(self) -> float:
        """The size whose optimal compute is 1e15 FLOPs."""
        return (PFLOP / (6.0 * self.kappa)) ** (1.0 / self.exponent)

    def optimal_compute(self, params: ArrayLike) -> Array:
        """`C*(p)` in FLOPs."""
        return 6.0 * np.asarray(params, dtype=np.float64) * self.horizon_tokens(params)

    def horizon_tokens(self, params: ArrayLike) -> Array:
        """`t*(p) = kappa p^gamma` in tokens."""
        return self.kappa * np.asarray(params, dtype=np.float64) ** self.gamma

    def to_json(self) -> dict[str, Any]:
        """Everything but the curves, for `fit --json`."""
        names = ("gamma", "gamma_interval", "kappa", "kappa_interval", "level", "exponent", "scale", "residual")
        return plain({name: getattr(self, name) for name in names} | {"sizes": [vars(s) for s in self.sizes]})


def fit_horizon(ladder: Ladder | Source, *, level: float = LEVEL, smoothing: float = 0.1) -> HorizonFit:
    r"""Fit `C*(p) = 6 kappa p^(1 + gamma)` to the Pareto frontier of loss against compute.

    Parameters
    ----------
    ladder
        Constant-LR runs of at least 5 sizes, each trained past its horizon; seeds of a size are averaged. Or the path
        of a table, or a frame, read with `read_curves(..., use_horizon=False)`, as a ladder should be.
    level
        Coverage of the intervals, in (0, 1).
    smoothing
        Standard deviation, in ln C, of the local linear smoother that takes the noise off a curve, > 0.

    Returns
    -------
    HorizonFit

    Raises
    ------
    InputError
        If fewer than 3 sizes have a stretch of the frontier that is closed on both sides; the sentence says why each
        of the others was refused.

    References
    ----------
    Qiu et al. 2025, appendix on compute-optimal horizons; Hoffmann et al. 2022 (arXiv 2203.15556), section 3.1.

    Examples
    --------
    >>> t = np.geomspace(1, 1e7, 400)
    >>> runs = [LossCurve(run=f"{p}", params=p, tokens=t, loss=t**-0.5 + p**-0.5) for p in 2.0 ** np.arange(8, 15)]
    >>> fit = fit_horizon(Ladder(runs))
    >>> round(fit.gamma, 3), round(fit.kappa, 2)
    (1.0, 1.0)
    """
    if not 0 < level < 1:
        raise InputError(f"fit_horizon needs a `level` between 0 and 1; got {level}. Use 0.9, for example.")
    if not smoothing > 0:
        raise InputError(f"fit_horizon needs `smoothing` > 0; got {smoothing}. Use 0.1, for example.")
    ladder = Ladder.of(ladder, use_horizon=False)
    if len(ladder.sizes) < 5:
        raise InputError(f"fit_horizon needs at least 5 sizes; got {len(ladder.sizes)}. Train more sizes.")
    C, loss = _mean_curves(ladder, smoothing)
    sizes = _frontier(np.array(ladder.sizes), C, loss)
    line = _line(*_closed_stretches(sizes), level)
    ln_kappa = line.intercept - math.log(6.0)
    gamma = line.slope - 1.0
    return HorizonFit(
        gamma=gamma,
        kappa=math.exp(ln_kappa),
        gamma_interval=(gamma - line.slope_half, gamma + line.slope_half),
        kappa_interval=(math.exp(ln_kappa - line.intercept_half), math.exp(ln_kappa + line.intercept_half)),
        level=level,
        residual=line.residual,
        sizes=sizes,
        C=C,
        loss=loss,
    )


def _mean_curves(ladder: Ladder, smoothing: float) -> tuple[Array, Array]:
    """A grid of compute over all runs, shape (n,), and each size's smoothed loss on it, shape (sizes, n)."""
    if ladder.counts_steps:
        raise InputError(
            "fit_horizon needs tokens; got steps alone, from which neither gamma nor kappa follow. Add a column "
            "tokens, or batch_size (and sequence_length)."
        )
    low = min(c.compute[c.compute > 0][0] for c in ladder)
    high = max(c.compute[-1] for c in ladder)
    C = np.geomspace(low, high, 2000)
    groups = ladder.by_size.values()
    return C, np.stack([np.mean([_smoothed(c, C, smoothing) for c in runs], axis=0) for runs in groups])


def _smoothed(curve: LossCurve, C: Array, width: float) -> Array:
    """Local linear regression of the loss on ln C with a Gaussian kernel; NaN outside the curve."""
    logged = curve.compute > 0
    z, g = np.log(curve.compute[logged]), np.log(C)
    inside = (g >= z[0]) & (g <= z[-1])
    smoothed = np.full(g.size, math.nan)
    loss = curve.loss[logged]
    smoothed[inside] = local_regression(z, loss, g[inside], width=width, degree=1, least=1, reach=8.0)
    return smoothed


def _frontier(params: Array, C: Array, loss: Array) -> tuple[SizeOnFrontier, ...]:
    """What the frontier says about each size: the smallest and largest are its ends."""
    best = np.where(np.isnan(loss), np.inf, loss).argmin(axis=0)
    return tuple(
        _on_frontier(float(p), C, loss[i], best == i, at_end=i in (0, len(params) - 1)) for i, p in enumerate(params)
    )


def _on_frontier(params: float, C: Array, loss: Array, best: NDArray[np.bool_], *, at_end: bool) -> SizeOnFrontier:
    """What one size contributes; `best`, shape (n,), says where it is the best of all."""
    on = np.flatnonzero(best)
    if on.size == 0:
        return SizeOnFrontier(params=params, status="never on the frontier")
    low, high = float(C[on[0]]), float(C[on[-1]])
    last = int(np.flatnonzero(~np.isnan(loss))[-1])
    if at_end:
        return SizeOnFrontier(params=params, status="end of the ladder", low=low, high=high)
    if on[-1] >= last:
        return SizeOnFrontier(params=params, status="still best when its runs end", low=low, high=high)
    middle = float(np.exp(np.log(C[on]).mean()))
    return SizeOnFrontier(params=params, status="used", low=low, high=high, optimal_compute=middle)


def _closed_stretches(sizes: tuple[SizeOnFrontier, ...]) -> tuple[Array, Array, NDArray[np.bool_]]:
    """`ln p` and `ln C*` of the n sizes that count, shape (n,), and which neighbours are adjacent, shape (n - 1,)."""
    used = [s for s in sizes if s.status == "used"]
    if len(used) < 3:
        refused = "; ".join(f"p={s.params:g}: {s.status}" for s in sizes if s.status != "used")
        raise InputError(
            f"fit_horizon needs at least 3 sizes with a stretch of the frontier that other sizes close on both sides; "
            f"got {len(used)} ({refused}). Train more sizes, or longer."
        )
    at = np.flatnonzero([s.status == "used" for s in sizes])
    return np.log([s.params for s in used]), np.log([s.optimal_compute for s in used]), np.diff(at) == 1


class _Line(NamedTuple):
    """A line's coefficients, the half widths of their intervals, and the rms distance of the points from it."""

    slope: float
    intercept: float
    slope_half: float
    intercept_half: float
    residual: float


def _line(x: Array, y: Array, adjacent: NDArray[np.bool_], level: float) -> _Line:
    """The least-squares line with t-intervals.

    Sizes next to each other share the crossing that ends one's stretch and begins the other's, so their middles have a
    correlation of 1/2; `adjacent`, shape (n - 1,), says which neighbours do. Without it intervals come out too narrow.
    """
    n = x.size
    design = np.stack([np.ones(n), x - x.mean()], axis=1)
    weights = np.linalg.pinv(design)  # (2, n): coefficients are weights @ y
    correlation = np.eye(n) + 0.5 * (np.diag(adjacent, 1) + np.diag(adjacent, -1))
    centre, slope = weights @ y
    residual = y - design @ (weights @ y)
    maker = np.eye(n) - design @ weights
    variance = (residual @ residual) / np.trace(maker @ correlation)
    covariance = variance * weights @ correlation @ weights.T
    quantile = t_quantile(n - 2, level)
    at_zero = np.array([1.0, -x.mean()])  # the intercept at x = 0 from centre and slope
    return _Line(
        slope=float(slope),
        intercept=float(at_zero @ (centre, slope)),
        slope_half=quantile * math.sqrt(covariance[1, 1]),
        intercept_half=quantile * math.sqrt(at_zero @ covariance @ at_zero),
        residual=float(np.sqrt((residual**2).mean())),
    )
