r"""`extrapolate_surface`: the loss curve of N parameters trained for D tokens, from sizes trained at several horizons.

The end comes from the law over sizes and data, `L(N, D)` (`fit_loss_surface`); the way there from the shapes of the
runs, `ln (L(x) / L(1))` at relative progress x, interpolated in the logarithm of the multiple `M = D / N`: at every x a
line in ln M through the runs, those of the nearest multiples weighing most. Shapes may drift with size. Whether the
drift is followed to the new size is asked of the runs: every size is predicted from the others both ways.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import Array, Framed, InputError, Painted, Source, count, plain, value_in_words
from ...theory import Ladder, LossCurve, default_grid, losses_on_grid
from ..fits.fit_surface import fit_loss_surface
from ..fits.loss_surface import LossSurface
from .curve_draws import Interval, quantiles
from .log_start import require_early_logs

__all__ = ["SurfaceExtrapolation", "extrapolate_surface"]

EARLY = np.geomspace(0.01, 0.1, 31)[:-1]
"""Where the curve is given before the project's grid begins."""
NEAR = math.log(2.0)
"""Width in ln M within which runs count as of the same multiple."""
JUDGED = 0.1
"""Progress from which on shapes are judged."""
WARNED, REFUSED = 3.0, 30.0
"""How many times beyond the runs, in parameters, tokens or their ratio, a prediction is warned of, and refused."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SurfaceExtrapolation(Framed, Painted):
    """The predicted loss curve of a size and horizon that have not been run.

    Parameters
    ----------
    surface
        The law behind its end. Nothing is predicted where it claims nothing.
    params, horizon_tokens
        N and D.
    x, tokens, compute
        Where the curve is given: progress, tokens, FLOPs; shape (n,).
    loss, low, high
        The expected curve, and the band of a single run at `level`, point by point, shape (n,).
    final_expected_interval
        Of the mean of many runs, at the end.
    drift
        Whether the drift of shapes with size was followed.
    level
        Coverage of the bands.
    notes
        Sentences about what was assumed.
    ladder
        The curves behind it.
    """

    surface: LossSurface
    params: float
    horizon_tokens: float
    x: Array
    tokens: Array
    compute: Array
    loss: Array
    low: Array
    high: Array
    final_expected_interval: Interval
    drift: bool
    level: float
    notes: tuple[str, ...]
    ladder: Ladder

    @property
    def status(self) -> str:
        """That of the law."""
        return self.surface.status

    @property
    def claimed(self) -> bool:
        """Whether a curve is predicted at all."""
        return self.surface.claimed

    @property
    def final_loss(self) -> float:
        """The expected loss at the end."""
        return float(self.loss[-1])

    @property
    def final_interval(self) -> Interval:
        """The band of a single run at the end."""
        return float(self.low[-1]), float(self.high[-1])

    def headline(self) -> str:
        """The size, its tokens, and the loss of one run of it."""
        loss = value_in_words(self.final_loss, self.final_interval, self.level)
        size = f"{count(self.params)} parameters, {count(self.horizon_tokens)} tokens"
        return f"SurfaceExtrapolation to {size}: final loss {loss}"

    def lines(self) -> list[tuple[str, str]]:
        """What was predicted, by which law, and what was assumed."""
        many = value_in_words(self.final_loss, self.final_expected_interval, self.level)
        return [
            ("status", self.status),
            ("mean of many runs", many),
            ("law", self.surface.headline()),
            ("shapes", "their drift with size is followed" if self.drift else "of the nearest multiples"),
            *(("assumed", note) for note in self.notes),
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row per point of the predicted curve."""
        return {
            "x": self.x, "tokens": self.tokens, "compute": self.compute,
            "loss": self.loss, "loss_low": self.low, "loss_high": self.high,
        }  # fmt: skip

    def curve(self) -> LossCurve:
        """The prediction as a `LossCurve` with the extra columns `loss_low` and `loss_high`."""
        if not self.claimed:
            raise InputError(
                f"SurfaceExtrapolation.curve needs a predicted curve; got status {self.status!r}. Add runs."
            )
        first = self.ladder.curves[0]
        return LossCurve(
            run=f"extrapolated-{self.params:.0f}-{self.horizon_tokens:.0f}", params=self.params, tokens=self.tokens,
            loss=self.loss, compute=self.compute, schedule=first.schedule, clock=first.clock,
            extra={"loss_low": self.low, "loss_high": self.high},
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Everything by its English name; what is unknown is null."""
        named = {
            "status": self.status, "method": "law", "params": self.params, "horizon_tokens": self.horizon_tokens,
            "level": self.level, "final_loss": self.final_loss, "final_interval": self.final_interval,
            "final_expected_interval": self.final_expected_interval, "drift": self.drift,
            "surface": self.surface, "notes": self.notes,
        }  # fmt: skip
        return plain(named | self.to_columns())


def extrapolate_surface(
    ladder: Ladder | Source,
    params: float,
    tokens: float,
    *,
    level: float = 0.9,
    draws: int = 1000,
    seed: int = 0,
    far: bool = False,
) -> SurfaceExtrapolation:
    r"""Predict the loss curve of N parameters trained for D tokens.

    Parameters
    ----------
    ladder
        Runs of one schedule, several sizes, some at several horizons; or the path of a table, or a frame.
    params, tokens
        N and D, > 0.
    level
        Coverage of the bands, in (0, 1).
    draws, seed
        Draws behind the bands, >= 200, and the seed of their random numbers.
    far
        Whether to predict more than 30 times beyond the runs.

    Returns
    -------
    SurfaceExtrapolation

    Raises
    ------
    InputError
        If an argument is out of its domain, the runs have several schedules or begin too late, or the new size or its
        tokens lie more than 30 times beyond the runs.

    Examples
    --------
    >>> def run(N, M, D):
    ...     x = np.linspace(0.01, 1, 60)
    ...     loss = 1.7 + 400 * N**-0.34 + 410 * (x * D) ** -0.28
    ...     return LossCurve(run=f"{N:g}x{M}", params=N, tokens=x * D, loss=loss, schedule="linear")
    >>> runs = [run(N, M, M * N) for N in (1e7, 3e7, 1e8, 3e8) for M in (5, 20, 80)]
    >>> found = extrapolate_surface(runs, 6e8, 1.2e10)
    >>> round(found.final_loss, 3), round(1.7 + 400 * 6e8**-0.34 + 410 * 1.2e10**-0.28, 3)
    (2.732, 2.732)
    """
    ladder = Ladder.of(ladder)
    for name, value in (("params", params), ("tokens", tokens)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"extrapolate_surface needs `{name}` > 0; got {value}. Give the new model's {name}.")
    surface = fit_loss_surface(ladder, level=level, draws=draws, seed=seed)
    beyond = _beyond(surface, params, tokens, far=far)
    return _extrapolation(ladder, surface, float(params), float(tokens), beyond=beyond, seed=seed)


def _extrapolation(
    ladder: Ladder, surface: LossSurface, params: float, tokens: float, *, beyond: tuple[str, ...], seed: int
) -> SurfaceExtrapolation:
    """The end by the law, the way there by the runs' shapes, and the bands of both together."""
    x = _grid(ladder)
    loss = low = high = np.full(x.size, math.nan)
    of_many, drift = (math.nan, math.nan), False
    if surface.claimed:
        shape, end = _shape(ladder, x, params, tokens), surface.predict(params, tokens, seed=seed)
        finals = surface.draw_runs(params, tokens, seed=seed)[:, None]
        t = np.clip(np.random.default_rng([seed, 1]).standard_t(shape.dof, size=finals.shape), -20.0, 20.0)
        low, high = quantiles(finals * np.exp(shape.mean + t * shape.error), surface.level)
        loss, of_many, drift = end.loss * np.exp(shape.mean), end.expected_interval, shape.drift
    return SurfaceExtrapolation(
        surface=surface,
        params=params,
        horizon_tokens=tokens,
        x=x,
        tokens=x * tokens,
        compute=_flops_per_token(ladder) * params * x * tokens,
        loss=loss,
        low=low,
        high=high,
        final_expected_interval=of_many,
        drift=drift,
        level=surface.level,
        notes=(*beyond, *surface.notes),
        ladder=ladder,
    )


def _grid(ladder: Ladder) -> Array:
    """Progress that all runs have logged."""
    start = require_early_logs(ladder, "extrapolate_surface")
    x = np.concatenate([EARLY, default_grid()])
    return x[x >= start]


def _flops_per_token(ladder: Ladder) -> float:
    """FLOPs per token and parameter, a mean over the runs."""
    return float(np.mean([c.horizon_compute / (c.params * c.horizon_tokens) for c in ladder]))


def _beyond(surface: LossSurface, params: float, tokens: float, *, far: bool) -> tuple[str, ...]:
    """What is to be said where the new run lies beyond the others."""
    N, D = surface.points.N, surface.points.D
    wanted = {"parameters": (params, N), "tokens": (tokens, D), "tokens per parameter": (tokens / params, D / N)}
    notes = []
    for name, (value, there) in wanted.items():
        factor = max(value / there.max(), there.min() / value)
        if factor > REFUSED and not far:
            raise InputError(
                f"extrapolate_surface needs {name} within {REFUSED:.0f} times what was run; got {value:.4g}, "
                f"{factor:.3g} times beyond. Run nearer sizes, or ask for it with far=True (--far)."
            )
        if factor > WARNED:
            notes.append(f"{value:.4g} {name} lie {factor:.3g} times beyond the runs: that the law goes on is assumed.")
    return tuple(notes)


class _Shape(NamedTuple):
    """`ln (L(x) / L(1))` of the new run, its error (a scale of Student's t), and whether drift was followed."""

    mean: Array
    error: Array
    dof: int
    drift: bool


def _shape(ladder: Ladder, x: Array, params: float, tokens: float) -> _Shape:
    """Read off the runs; the error is what sizes were missed by when left out, at least as far away."""
    losses = losses_on_grid(ladder, x)
    y = np.log(losses / losses[:, -1:])
    n = np.log([c.params for c in ladder])
    m = np.log([c.horizon_tokens for c in ladder]) - n
    new = np.array([math.log(params), math.log(tokens / params)])
    judged = x >= JUDGED
    misses = {drift: _left_out(y, n, m, drift=drift) for drift in (False, True)}
    drift = len(ladder.sizes) > 3 and bool(
        (misses[True][:, judged] ** 2).mean() < 0.8 * (misses[False][:, judged] ** 2).mean()
    )
    error = np.sqrt((misses[drift] ** 2).mean(axis=0))
    return _Shape(_at(y, n, m, new, drift=drift), error, len(ladder.sizes) - 1, drift)


def _left_out(y: Array, n: Array, m: Array, *, drift: bool) -> Array:
    """How far each run's shape is missed when its size is left out, shape (runs, n)."""
    miss = np.empty_like(y)
    for size in np.unique(n):
        left = n == size
        for i in np.flatnonzero(left):
            miss[i] = _at(y[~left], n[~left], m[~left], np.array([n[i], m[i]]), drift=drift) - y[i]
    return miss


def _at(y: Array, n: Array, m: Array, new: NDArray[np.float64], *, drift: bool) -> Array:
    """The shape at `new` (ln N, ln M) by weighted lines in ln M and, where wanted, in ln N; shape (n,)."""
    apart = m - new[1]
    nearest = np.abs(apart).min()
    weight = np.exp(-0.5 * ((np.abs(apart) - nearest) / NEAR) ** 2)
    columns = [np.ones(n.size)]
    if np.ptp(m) > NEAR / 2:
        columns.append(apart)
    if drift and np.ptp(n) > 0:
        columns.append(n - new[0])
    root = np.sqrt(weight)[:, None]
    found = np.linalg.lstsq(np.stack(columns, axis=1) * root, y * root, rcond=1e-10)[0]
    return found[0]
