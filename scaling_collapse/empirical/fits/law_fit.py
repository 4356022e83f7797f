"""`fit_scaling_law`: the law `L = L0 + a C^-b` of a ladder's final losses, with intervals and a status."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import InputError
from ...theory import Ladder
from .final_loss_solution import B_GRID, solve
from .seed_bootstrap import mean_draws

__all__ = ["LawFit", "fit_scaling_law"]

Interval = tuple[float, float]
PFLOP = 1e15


@dataclass(frozen=True)
class LawFit:
    """A fitted scaling law `L = L0 + a C^-b`, C in PFLOPs.

    Parameters
    ----------
    status
        `"ok"`; `"L0 not identified"`: the interval of L0 is wider than the smallest reducible loss;
        `"no intervals"`: fitted, but nothing says how uncertain it is (not asked for, or neither seeds nor spare
        sizes). Nothing is claimed with `"too few sizes"`: fewer than 3; `"losses not positive"`: residuals are
        logarithmic; `"not a decreasing law"`: the exponent ran to the end of the search.
    L0, a, b
        Irreducible loss, coefficient, exponent; NaN where nothing is claimed.
    objective
        Sum of Huber losses of the log residuals, one per size.
    L0_interval, a_interval, b_interval
        Equal-tailed at `level`; NaN where unknown.
    level
        Coverage of the intervals.
    misfit
        How far the sizes' means lie from the law, in units of what seeds explain (1: as expected; NaN: unknown).
    C, L
        The data: compute in PFLOPs and mean final loss of each size, shape (sizes,).
    seeds
        Runs of each size.
    """

    status: str
    L0: float
    a: float
    b: float
    objective: float
    L0_interval: Interval
    a_interval: Interval
    b_interval: Interval
    level: float
    misfit: float
    C: NDArray[np.float64]
    L: NDArray[np.float64]
    seeds: tuple[int, ...]

    def __call__(self, C: Any) -> NDArray[np.float64]:
        """`L0 + a C^-b` at compute `C` in PFLOPs."""
        return self.L0 + self.a * np.asarray(C, dtype=np.float64) ** -self.b

    def to_json(self) -> dict[str, Any]:
        """The `law` entry of the JSON contract; unknown numbers are null."""
        return {
            "status": self.status,
            **{name: getattr(self, name) for name in ("a", "b", "L0", "a_interval", "b_interval", "L0_interval")},
            "objective": self.objective,
            "level": self.level,
            "misfit": self.misfit,
        }


def fit_scaling_law(
    ladder: Ladder, *, intervals: bool = True, level: float = 0.9, draws: int = 1000, seed: int = 0
) -> LawFit:
    r"""Fit `L(t*) = L0 + a C(t*)^-b` to the mean final losses of the sizes, each size weighing the same.

    Minimizes the Huber loss (delta 1e-3) of the log residuals by variable projection (`final_loss_solution`); intervals are
    percentiles of fits to resampled seeds (`seed_bootstrap`).

    Parameters
    ----------
    ladder
        At least 3 sizes and losses > 0 for a fit.
    intervals
        Whether to bootstrap; without, only the point estimate.
    level
        Coverage of the intervals, in (0, 1).
    draws, seed
        Bootstrap resamples and the seed of their random numbers.

    Returns
    -------
    LawFit
        With a status: a law that cannot be had is not a plausible number.

    Raises
    ------
    InputError
        If an argument is out of its domain.

    References
    ----------
    Qiu et al. 2025, section 2.1; objective as in Hoffmann et al. 2022 (arXiv 2203.15556), section D.2.

    Examples
    --------
    >>> from scaling_collapse.theory import LossCurve
    >>> def run(p, seed):
    ...     C, noise = 6 * p * 1e9 / 1e15, 1 + 1e-4 * seed
    ...     return LossCurve(run=f"{p}-{seed}", params=p, tokens=[0.5e9, 1e9], loss=[9, (2 + 0.5 * C**-0.3) * noise])
    >>> fit = fit_scaling_law(Ladder([run(p, s) for p in (1e6, 3e6, 9e6, 27e6) for s in (-1, 1)]))
    >>> fit.status, round(fit.L0, 4), round(fit.b, 4)
    ('ok', 2.0, 0.3)
    """
    if not 0 < level < 1:
        raise InputError(f"fit_scaling_law needs a `level` between 0 and 1; got {level}. Use 0.9, for example.")
    if draws < 100:
        raise InputError(f"fit_scaling_law needs at least 100 `draws`; got {draws}. Use 1000, for example.")
    groups = ladder.by_size
    finals = [np.array([c.horizon_loss for c in curves]) for curves in groups.values()]
    C = np.array([np.mean([c.horizon_compute for c in curves]) for curves in groups.values()], dtype=np.float64) / PFLOP
    L = np.array([f.mean() for f in finals])
    seeds = tuple(f.size for f in finals)
    unknown = (math.nan, math.nan)

    def result(status: str, values: Any = (math.nan,) * 3, F: float = math.nan, bounds: Any = (unknown,) * 3,
               misfit: float = math.nan) -> LawFit:  # fmt: skip
        L0, a, b = map(float, values)
        return LawFit(status, L0, a, b, F, bounds[0], bounds[1], bounds[2], level, misfit, C, L, seeds)

    if len(L) < 3:
        return result("too few sizes")
    if min(f.min() for f in finals) <= 0:
        return result("losses not positive")
    fit = solve(C, L)
    b, F = float(fit.b[0]), float(fit.objective[0])
    if not B_GRID[0] * 1.01 < b < B_GRID[-1] * 0.99 or L[C.argmax()] >= L[C.argmin()]:
        return result("not a decreasing law", F=F)
    values = (fit.L0[0], fit.a[0], b)
    fitted = values[0] + values[1] * C**-b
    if not intervals or (len(L) == 3 and max(seeds) == 1):
        return result("no intervals", values, F)
    resampled, misfit = mean_draws(finals, fitted, 3, draws, np.random.default_rng(seed))
    cloud = solve(C, resampled)
    tails = (0.5 - level / 2, 0.5 + level / 2)
    bounds = [tuple(map(float, np.quantile(v, tails))) for v in (cloud.L0, cloud.a, cloud.b)]
    width = bounds[0][1] - bounds[0][0]
    identified = width <= L.min() - values[0]
    return result("ok" if identified else "L0 not identified", values, F, bounds, misfit)
