"""`fit_scaling_law`: the law `L = L0 + a C^-b` of a ladder's final losses, with intervals and a status."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...common import PFLOP, Array, InputError, Painted, Source, plain, value_in_words
from ...theory import Ladder
from .final_loss_solution import B_GRID, solve
from .intervals import LEVEL, UNKNOWN, Interval
from .seed_bootstrap import mean_draws

__all__ = ["LawFit", "LawStatus", "fit_scaling_law"]

LawStatus = Literal[
    "ok", "L0 not identified", "no intervals", "too few sizes", "losses not positive", "not a decreasing law"
]
"""Whether a law was fitted, and what is known of it; `LawFit` says what each means."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LawFit(Painted):
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
    by_steps
        Whether runs were logged by steps alone. C is then `6 p` steps: L0 and how well the sizes obey stand, a and b
        say nothing of compute, and neither `to_json` nor the text gives them.
    """

    status: LawStatus
    L0: float = math.nan
    a: float = math.nan
    b: float = math.nan
    objective: float = math.nan
    L0_interval: Interval = UNKNOWN
    a_interval: Interval = UNKNOWN
    b_interval: Interval = UNKNOWN
    level: float
    misfit: float = math.nan
    C: Array
    L: Array
    seeds: tuple[int, ...]
    by_steps: bool = False

    def headline(self) -> str:
        """The form of the law, and whether it may be trusted."""
        return f"LawFit: L = L0 + a C^-b, C in PFLOPs ({self.status})"

    def lines(self) -> list[tuple[str, str]]:
        """The three numbers with their intervals, and how well the sizes obey."""
        rows = [("irreducible loss L0", self.L0, self.L0_interval), ("coefficient a", self.a, self.a_interval),
                ("exponent b", self.b, self.b_interval)]  # fmt: skip
        misfit = "unknown" if math.isnan(self.misfit) else f"{self.misfit:.3g} times what seeds explain"
        sizes = f"{len(self.seeds)}, {sum(self.seeds)} run{'' if sum(self.seeds) == 1 else 's'}"
        words = [(name, value_in_words(value, interval, self.level)) for name, value, interval in rows]
        if self.by_steps:
            words = [words[0], *((name, "unknown: steps were logged, without tokens") for name, _ in words[1:])]
        return [*words, ("misfit of the sizes", misfit), ("sizes", sizes)]

    def __call__(self, C: Any) -> Array:
        """`L0 + a C^-b` at compute `C` in PFLOPs."""
        return self.L0 + self.a * np.asarray(C, dtype=np.float64) ** -self.b

    def to_json(self) -> dict[str, Any]:
        """The `law` entry of the JSON contract; unknown numbers are null."""
        names = (
            "status", "a", "b", "L0", "a_interval", "b_interval", "L0_interval", "objective", "level", "misfit",
        )  # fmt: skip
        unknown = {"a": None, "b": None, "a_interval": UNKNOWN, "b_interval": UNKNOWN} if self.by_steps else {}
        return plain({name: getattr(self, name) for name in names} | unknown)


def fit_scaling_law(
    ladder: Ladder | Source, *, intervals: bool = True, level: float = LEVEL, draws: int = 1000, seed: int = 0
) -> LawFit:
    r"""Fit `L(t*) = L0 + a C(t*)^-b` to the mean final losses of the sizes, each size weighing the same.

    Minimizes the Huber loss (delta 1e-3) of the log residuals by variable projection (`final_loss_solution`); intervals
    are percentiles of fits to resampled seeds and, where the sizes miss the law by more than seeds explain, levels
    (`seed_bootstrap`).

    Parameters
    ----------
    ladder
        At least 3 sizes and losses > 0 for a fit; or the path of a table, or a frame.
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
    ladder = Ladder.of(ladder)
    finals = [np.array([c.horizon_loss for c in runs]) for runs in ladder.by_size.values()]
    nothing = _without_law(ladder, finals, level)
    if len(finals) < 3:
        return nothing
    if min(f.min() for f in finals) <= 0:
        return replace(nothing, status="losses not positive")
    law = _point_estimate(nothing)
    if law.status == "not a decreasing law" or not intervals or (len(finals) == 3 and max(law.seeds) == 1):
        return law
    return _with_intervals(law, finals, draws, np.random.default_rng(seed))


def _without_law(ladder: Ladder, finals: list[Array], level: float) -> LawFit:
    """The data alone: nothing is claimed."""
    C = [np.mean([c.horizon_compute for c in runs]) for runs in ladder.by_size.values()]
    return LawFit(
        status="too few sizes",
        level=level,
        C=np.array(C, dtype=np.float64) / PFLOP,
        L=np.array([f.mean() for f in finals]),
        seeds=tuple(f.size for f in finals),
        by_steps=ladder.counts_steps,
    )


def _point_estimate(data: LawFit) -> LawFit:
    """The law through the data, without intervals."""
    C, L = data.C, data.L
    fit = solve(C, L)
    b, objective = float(fit.b[0]), float(fit.objective[0])
    if not B_GRID[0] * 1.01 < b < B_GRID[-1] * 0.99 or L[C.argmax()] >= L[C.argmin()]:
        return replace(data, status="not a decreasing law", objective=objective)
    L0, a = float(fit.L0[0]), float(fit.a[0])
    return replace(data, status="no intervals", L0=L0, a=a, b=b, objective=objective)


def _with_intervals(law: LawFit, finals: list[Array], draws: int, rng: np.random.Generator) -> LawFit:
    """The law with the percentiles of fits to resampled seeds; `finals` holds the final losses of each size."""
    resampled, misfit = mean_draws(finals, law(law.C), parameters=3, draws=draws, rng=rng)
    cloud = solve(law.C, resampled)
    at_zero = cloud.L0 / law.L.min() <= 1e-9
    L0, a, b = (_interval(v, at_zero, law.level) for v in (cloud.L0, cloud.a, cloud.b))
    identified = L0[1] - L0[0] <= law.L.min() - law.L0
    status = "ok" if identified else "L0 not identified"
    return replace(law, status=status, L0_interval=L0, a_interval=a, b_interval=b, misfit=misfit)


def _interval(values: Array, at_zero: NDArray[np.bool_], level: float) -> Interval:
    """Equal-tailed percentiles of the refits, and of those with L0 at its bound if that is not improbable.

    If L0 is 0, refits with a positive L0 err to one side, and the exponent with them; the truth is then like the refits
    at the bound.
    """
    tails = (0.5 - level / 2, 0.5 + level / 2)
    clouds = [values, *([values[at_zero]] if at_zero.mean() > tails[0] else [])]
    ends = np.array([np.quantile(cloud, tails) for cloud in clouds])
    return float(ends[:, 0].min()), float(ends[:, 1].max())
