r"""`LossSurface`: the fitted law of loss over parameters and tokens, with intervals, a status and its forecasts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...common import Array, Framed, InputError, Painted, count, plain, value_in_words
from .intervals import Interval
from .surface_fit import FormScore
from .surface_law import Form, SurfaceLaw
from .surface_points import SurfacePoints
from .surface_prediction import Allocation, SurfacePrediction
from .surface_scatter import Spread

__all__ = ["LossSurface", "SurfaceDraws", "SurfaceStatus"]

SurfaceStatus = Literal[
    "ok",
    "L0 not identified",
    "exponents not identified",
    "N and D not separated",
    "too few points",
    "losses not positive",
    "not a decreasing law",
]
"""Whether a law was fitted, and what is known of it; `LossSurface` says what each means."""
SAME_SIZE = 0.01
"""A size is one of the ladder's where it lies this near, in the logarithm."""


class SurfaceDraws(NamedTuple):
    """Draws of what is unknown: laws of all forms by their weights, fields of shape (draws,), and the scatter."""

    laws: SurfaceLaw
    spread: Spread


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class LossSurface(Framed, Painted):
    r"""A fitted law `L(N, D) = L0 + (U^(1/k) + V^(1/k))^k`, `U = A N^-a`, `V = B D^-b`; `k = 1` is the plain sum.

    Parameters
    ----------
    status
        `"ok"`; `"L0 not identified"`: the interval of L0 is wider than the smallest reducible loss (bands say what that
        costs). No number is given with `"exponents not identified"`: an interval of `a` or `b` spans a factor of 10 or
        ends where the search does; `"N and D not separated"`: tokens are one power of parameters throughout, as with a
        single number of tokens a parameter; `"too few points"`: fewer than 3 sizes, or not more points than numbers;
        `"losses not positive"`; `"not a decreasing law"`.
    form
        The form whose numbers these are: `"sum"` or `"coupled"`, the one that predicts left-out sizes best.
    law
        The numbers `L0, A, a, B, b, k`; NaN where nothing is claimed.
    intervals
        Of each of them, at `level`, from refits to losses that scatter anew.
    profile
        The same of L0, a, b and k from the profile of the likelihood: a second opinion.
    level
        Coverage of all intervals.
    objective, misfit
        Sum of Huber losses of the log residuals, and their root mean square.
    point_scatter, level_scatter
        Standard deviations about the law, relative to the loss: of a point alone, of a size's points together.
    scores
        How each form does, the chosen one first.
    points
        The data.
    notes
        Sentences about what was used and assumed.
    draws
        What stands behind bands; None where nothing is claimed.
    """

    status: SurfaceStatus
    form: Form = "sum"
    law: SurfaceLaw
    intervals: dict[str, Interval]
    profile: dict[str, Interval] = field(default_factory=dict)
    level: float
    objective: float = math.nan
    misfit: float = math.nan
    point_scatter: float = math.nan
    level_scatter: float = math.nan
    scores: tuple[FormScore, ...] = ()
    points: SurfacePoints
    notes: tuple[str, ...] = ()
    draws: SurfaceDraws | None = field(default=None, repr=False)

    @property
    def claimed(self) -> bool:
        """Whether there are numbers."""
        return self.draws is not None

    @property
    def gamma(self) -> float:
        """`a / b`: compute-optimal tokens grow as parameters to this power."""
        return float(self.law.gamma)

    @property
    def gamma_interval(self) -> Interval:
        """Over both forms, by their weights."""
        return self._interval(self._known().laws.gamma)

    def headline(self) -> str:
        """The form of the law, and whether it may be trusted."""
        form = "L0 + A N^-a + B D^-b" if self.form == "sum" else "L0 + ((A N^-a)^(1/k) + (B D^-b)^(1/k))^k"
        return f"LossSurface: L = {form} ({self.status})"

    def lines(self) -> list[tuple[str, str]]:
        """The numbers with their intervals, how well the points obey, and what was used."""
        n, sizes = self.points.N.size, self.points.sizes
        used = f"{n}, of {sizes.size} sizes, {count(sizes[0])} to {count(sizes[-1])} parameters"
        words = {
            "L0": "irreducible loss L0", "a": "exponent a of parameters", "b": "exponent b of tokens",
            "k": "coupling k",
        }  # fmt: skip
        shown = [name for name in words if name != "k" or self.form == "coupled"]
        rows = [(words[x], value_in_words(getattr(self.law, x), self.intervals[x], self.level)) for x in shown]
        return [*(rows if self.claimed else []), ("points", used), *(("note", note) for note in self.notes)]

    def to_columns(self) -> dict[str, Any]:
        """One row per point: what was measured, and the law there."""
        fitted = self(self.points.N, self.points.D)
        names = {"params": self.points.N, "tokens": self.points.D, "loss": self.points.loss, "runs": self.points.runs}
        return names | {"law": fitted, "relative_miss": fitted / self.points.loss - 1.0}

    def __call__(self, params: ArrayLike, tokens: ArrayLike) -> Array:
        """`L(N, D)` by the law, arrays broadcast."""
        return self.law.loss(params, tokens)

    def predict(self, params: float, tokens: float, *, seed: int = 0) -> SurfacePrediction:
        """The final loss of one size after some tokens, with bands; `seed` is that of their random numbers."""
        mean, single, level = self._draw(params, tokens, seed)
        return SurfacePrediction(
            params=float(params),
            tokens=float(tokens),
            loss=float(self(params, tokens)) * math.exp(level),
            interval=self._interval(single),
            expected_interval=self._interval(mean),
            level=self.level,
        )

    def draw_runs(self, params: float, tokens: float, *, seed: int = 0) -> Array:
        """The draws behind `predict`'s band of one run, shape (draws,)."""
        return self._draw(params, tokens, seed)[1]

    def optimal(self, compute: float) -> Allocation:
        """The compute-optimal parameters and tokens for a budget in FLOPs."""
        self._check_positive(compute=compute)
        laws = self._known().laws
        N, best = laws.optimal_params(compute), float(self.law.optimal_params(compute))
        D = compute / (6.0 * N)
        return Allocation(
            compute=float(compute),
            params=best,
            tokens=compute / (6.0 * best),
            loss=float(self(best, compute / (6.0 * best))),
            params_interval=self._interval(N),
            tokens_interval=self._interval(D),
            loss_interval=self._interval(laws.loss(N, D)),
            level=self.level,
        )

    def optimal_tokens(self, params: ArrayLike) -> Array:
        """`D*(N)` by the law: the tokens after which N parameters are the best size for their compute."""
        return self.law.optimal_tokens(params)

    def optimal_tokens_interval(self, params: float) -> Interval:
        """Its interval, over both forms."""
        return self._interval(self._known().laws.optimal_tokens(params))

    def to_json(self) -> dict[str, Any]:
        """Everything but the draws; what is unknown is null."""
        optimum = self.gamma_interval if self.claimed else (math.nan, math.nan)
        return plain(
            {
                "status": self.status,
                "form": self.form,
                **{name: float(getattr(self.law, name)) for name in SurfaceLaw._fields},
                **{f"{name}_interval": self.intervals[name] for name in SurfaceLaw._fields},
                **{f"{name}_profile_interval": interval for name, interval in self.profile.items()},
                "gamma": self.gamma,
                "gamma_interval": optimum,
                "level": self.level,
                "objective": self.objective,
                "misfit": self.misfit,
                "point_scatter": self.point_scatter,
                "level_scatter": self.level_scatter,
                "forms": [score.to_json() for score in self.scores],
                "points": {
                    "params": self.points.N, "tokens": self.points.D, "loss": self.points.loss,
                    "runs": self.points.runs,
                },
                "notes": self.notes,
            }
        )  # fmt: skip

    def _known(self) -> SurfaceDraws:
        if self.draws is None:
            raise InputError(
                f"LossSurface needs a fitted law to predict; got status {self.status!r}. {' '.join(self.notes)}"
            )
        return self.draws

    def _draw(self, params: float, tokens: float, seed: int) -> tuple[Array, Array, float]:
        """Draws of the mean of many runs and of one run, and the level that is expected of the size."""
        self._check_positive(params=params, tokens=tokens)
        known, rng = self._known(), np.random.default_rng(seed)
        level, expected = self._levels(params, rng)
        mean = known.laws.loss(params, tokens) * np.exp(level)
        return mean, mean * np.exp(known.spread.point * rng.standard_normal(mean.size)), expected

    def _interval(self, values: Array) -> Interval:
        low, high = np.quantile(values, (0.5 - self.level / 2, 0.5 + self.level / 2))
        return float(low), float(high)

    def _levels(self, params: float, rng: np.random.Generator) -> tuple[Array, float]:
        """How far a size lies from the law, in ln L: draws, and what is expected; its own points tell, if any."""
        laws, spread = self._known()
        own = np.abs(np.log(self.points.N / params)) < SAME_SIZE
        normal = rng.standard_normal(spread.level.size)
        if not own.any():
            return spread.level * normal, 0.0
        share = spread.level**2 / (spread.level**2 + spread.point**2 / own.sum())
        off = np.log(self.points.loss[own]) - np.log(laws.against_points().loss(self.points.N[own], self.points.D[own]))
        at_law = float(np.mean(np.log(self.points.loss[own] / self(self.points.N[own], self.points.D[own]))))
        return share * off.mean(axis=1) + spread.level * np.sqrt(1 - share) * normal, at_law * float(np.median(share))

    def _check_positive(self, **given: float) -> None:
        for name, value in given.items():
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"LossSurface needs `{name}` > 0; got {value}. Give another.")
