"""`forecast`: whole loss curves of runs that have not been run, from their learning rates alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common import Array, Framed, InputError, Painted, Source, count, opened, plain, value_in_words
from ..theory import LossCurve
from .laws import in_hindsight
from .laws.band_spread import EARLY_SHARE, UNLOGGED_SHARE, Spread, log_spread, octaves_beyond, reach, spread_of
from .laws.calibrate import calibrate
from .laws.calibration import Calibration, Status
from .laws.glitches import check_one_unit
from .laws.logged_rates import Logged, as_late, completed, logged
from .laws.rates import Rates
from .planned_schedule import FARTHEST
from .target import Target

__all__ = ["Forecast", "early_note", "forecast"]


SAME_PEAK = 0.05
"""Factors of 2 between two peak rates that count as one."""


class Outside(StrEnum):
    """How a target leaves what was calibrated so far that the fit's own status says too little."""

    PEAK = "peak rate not calibrated"
    FAR = "more than 3 times further than calibrated"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Forecast(Framed, Painted):
    """A forecast curve.

    Parameters
    ----------
    target
        What was forecast.
    loss, low, high
        The curve and its band, shape (n,); NaN only where nothing could be fitted.
    level
        Probability that a logged loss lies in the band.
    calibration
        The fitted law, with its status.
    rates
        The target's rates as the law sees them.
    warnings
        Where the target leaves what the calibration runs cover, in words.
    early
        How many of the first points lie before what was fitted; their loss is that of a calibration run.
    """

    target: Target
    loss: Array
    low: Array
    high: Array
    level: float
    calibration: Calibration
    rates: Rates
    warnings: tuple[str, ...]
    early: int = 0

    @property
    def status(self) -> str:
        """`"ok"` only where the fit is, and the target stays within what was calibrated."""
        outside = _outside(self.calibration, self.rates)
        return outside.value if outside else self.calibration.status_in_words

    @property
    def final(self) -> tuple[float, float, float]:
        """Loss, low and high at the last point."""
        return float(self.loss[-1]), float(self.low[-1]), float(self.high[-1])

    def headline(self) -> str:
        """The run, and the loss that it will end with."""
        loss, *band = self.final
        low, high = band
        return f"Forecast of run {self.target.run!r}: final loss {value_in_words(loss, (low, high), self.level)}"

    def lines(self) -> list[tuple[str, str]]:
        """What was forecast, by which law, and where it leaves what the law was fitted to."""
        fit, clock = self.calibration, self.target.clock or "tokens or steps"
        return [
            ("parameters", count(self.target.params)),
            ("length", f"{count(self.target.tokens[-1])} {clock}, {self.loss.size} points"),
            ("law", f"{fit.law} ({self.status})"),
            ("fitted to", f"{len(fit.curves)} runs"),
            *(("warning", text) for text in self.warnings),
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row per point."""
        t = self.target
        return {"tokens": t.tokens, "lr": t.lr, "loss": self.loss, "loss_low": self.low, "loss_high": self.high}

    def to_json(self) -> dict[str, Any]:
        """The forecast in plain names."""
        result = {
            "run": self.target.run,
            "params": self.target.params,
            "final_loss": self.final[0],
            "final_interval": self.final[1:],
            "level": self.level,
            "law": self.calibration.law,
            "hindsight": self.calibration.model.hindsight,
            "status": self.status,
            "parameters": self.calibration.solution.values,
            "calibrated_on": [c.run for c in self.calibration.curves],
            "warnings": self.warnings,
        }
        return plain(result)


def forecast(
    curves: Iterable[LossCurve] | Source, targets: Iterable[Target | LossCurve] | Source, *,
    law: str | None = None, level: float = 0.9,
) -> list[Forecast]:  # fmt: skip
    r"""Fit a schedule law to calibration runs and predict the targets' loss curves from their learning rates.

    Parameters
    ----------
    curves
        Calibration runs, a path or a frame: with `lr`, and with `noise_trace` for the traced law.
    targets
        `Targets` or single ones, or curves of which only the rates are read; or what `read_targets` takes.
    law
        `response`, `traced-response`, `one-power`, `momentum`, `multi-power`, `functional`, `convex-bound` or `noise`
        (hindsight: reads the target's noise); by default `traced-response` where noise was traced, else `response`.
    level
        Coverage of the bands, in (0, 1). They hold run-to-run noise, the fit's uncertainty and the law's own error.

    Returns
    -------
    list of Forecast
        One for each target.

    Raises
    ------
    InputError
        If rates are missing, no calibration run fits the target's size, or an argument is out of its domain.

    Examples
    --------
    >>> t = np.linspace(1e6, 1e8, 200)
    >>> def rates(decay):
    ...     return 1e-3 * np.minimum(1.0, (1.0001e8 - t) / (decay * 1e8))
    >>> def run(name, lr):
    ...     tau = np.cumsum(lr / 1e-3) * (t[1] - t[0])
    ...     loss = 2.0 + 0.5 * (tau / 1e8) ** -0.4 - 0.1 * (1 - lr / 1e-3)
    ...     return LossCurve(run=name, params=1e6, tokens=t, loss=loss, lr=lr)
    >>> [f] = forecast([run("a", rates(1e-9)), run("b", rates(0.5))], [Target("c", 1e6, t, rates(0.2))])
    >>> bool(abs(f.loss[-1] - run("c", rates(0.2)).loss[-1]) < 0.01), bool(f.low[-1] < f.loss[-1] < f.high[-1])
    (True, True)
    """
    if not 0 < level < 1:
        raise InputError(f"forecast needs a `level` between 0 and 1; got {level}. Use 0.9, for example.")
    hindsight = in_hindsight(law)
    wanted = _targets(targets, hindsight)
    known = list(opened(curves, use_horizon=False))
    _check_clocks(known, wanted)
    fits: list[tuple[Calibration, Spread]] = []
    result = []
    for target in wanted:
        found = next((f for f in fits if f[0].serves(target.params)), None)
        if found is None:
            fit = calibrate(known, law=law, params=target.params)
            found = fit, spread_of(fit)
            fits.append(found)
        result.append(_one(*found, target, level))
    return result


def _targets(targets: Iterable[Target | LossCurve] | Source, hindsight: bool) -> list[Target]:
    """The targets themselves, or those that a table holds; of curves the rates alone."""
    runs = opened(targets, "targets", hindsight=hindsight)
    wanted = [t if isinstance(t, Target) else Target.of(t, hindsight=hindsight) for t in runs]
    if not wanted:
        raise InputError("forecast needs at least one target; got none. Name a table with runs.")
    return wanted


def _check_clocks(curves: Sequence[LossCurve], targets: Sequence[Target]) -> None:
    for target in targets:
        if target.clock and curves and target.clock != curves[0].clock:
            raise InputError(
                f"forecast needs targets and calibration runs with one clock; got {target.clock} in run "
                f"{target.run!r} and {curves[0].clock} in the calibration runs. Give both tokens."
            )


def _one(fit: Calibration, spread: Spread, target: Target, level: float) -> Forecast:
    from scipy.special import ndtri

    tokens = np.asarray(target.tokens, dtype=np.float64)
    if tokens.size < 1 or not (np.diff(tokens) > 0).all() or tokens[0] < 0:
        raise InputError(
            f"forecast needs increasing tokens >= 0; got run {target.run!r} out of order. Sort its points."
        )
    told, used = _log(fit, target, tokens)
    rates = used.rates(fit.units, target.noise_trace)
    if fit.status is Status.TOO_FEW_POINTS:
        loss = low = high = np.full(tokens.size, np.nan)
        notes: tuple[str, ...] = ("too few points to fit: nothing is forecast",)
        first = 0
    else:
        loss, spread_of_ln, early = _curve(fit, spread, rates)
        if used is not told:  # the beginning may be either: half of what it matters
            other, *_ = _curve(fit, spread, told.rates(fit.units, target.noise_trace))
            spread_of_ln = np.hypot(spread_of_ln, 0.5 * np.log(other / loss))
        first = int(early.sum())
        width = spread_of_ln * ndtri(0.5 + level / 2)
        low, high = loss * np.exp(-width), loss * np.exp(width)
        notes = ((early_note(first),) if first else ()) + used.notes + fit.notes + _warnings(fit, rates)
    return Forecast(
        target=target,
        loss=loss,
        low=low,
        high=high,
        level=level,
        calibration=fit,
        rates=rates,
        warnings=notes,
        early=first,
    )


def _log(fit: Calibration, target: Target, tokens: Array) -> tuple[Logged, Logged]:
    """The target's rates, its beginning filled; and those used, as the calibration runs' beginning may be unknown."""
    read = logged(target.run, target.params, tokens, target.lr)
    peaks = {log.run: float(log.eta.max()) for log in fit.logs}
    check_one_unit(peaks | {target.run: float(read.eta.max())}, "forecast")
    [told] = completed([read], known=fit.logs)
    return told, as_late(told, fit.logs)


def _curve(fit: Calibration, spread: Spread, rates: Rates) -> tuple[Array, Array, NDArray[np.bool_]]:
    """The loss, the standard deviation of its logarithm, and the points that lie before what the law is trusted at."""
    z = rates.z[rates.first :]
    early = z < fit.earliest()
    loss, gradient = fit.model.losses(fit.solution.theta, fit.model.prepare(rates))
    spread_of_ln = log_spread(fit, spread, rates, loss, gradient)
    if early.any():
        loss = np.where(early, fit.measured(z, rates.params), loss)
        before = np.log(np.maximum(fit.begins(rates.params) / np.maximum(z, 1e-9), 1.0))
        wide = np.minimum(EARLY_SHARE + UNLOGGED_SHARE * before, 1.0)
        spread_of_ln = np.where(early, np.hypot(spread.point, wide), spread_of_ln)
    return loss, spread_of_ln, early


def early_note(points: int) -> str:
    """What is warned of the first points, whose loss comes from a calibration run."""
    which = "the first point lies" if points == 1 else f"the first {points} points lie"
    return f"{which} before what was fitted; the loss there is that of a calibration run"


def _warnings(fit: Calibration, rates: Rates) -> tuple[str, ...]:
    """Where a target leaves the calibration's cover."""
    notes = []
    octaves = octaves_beyond(fit, rates)
    if abs(octaves) > SAME_PEAK:
        side = "above the highest" if octaves > 0 else "below the lowest"
        notes.append(
            f"the peak learning rate is a factor {2.0 ** abs(octaves):.3g} {side} calibrated: curvature adapts to it; "
            "short runs at the new peak would tell how"
        )
    further = rates.z[-1] / reach(fit, rates)
    if further > 1.02:
        notes.append(f"training goes {further:.3g} times further (in summed learning rate) than any calibration run")
    if fit.trunk is not None and rates.params not in fit.trunk.sizes:
        notes.append("no constant-rate run of this size: the trunk lies between, or beyond, the sizes that have one")
    longest = max((_memory(r) for r in fit.rates), default=0.0)
    if fit.donor is None and _memory(rates) > 1.25 * longest + 1e-6:
        notes.append("the learning rate stays lower for longer than in any calibration run")
    if fit.donor is not None:
        notes.append(f"no run of this size decays: the response is that of the size with params={fit.donor:.0f}")
    if fit.status is Status.NO_DECAYED_RUN:
        notes.append("no calibration run decays: the response to the schedule is only the prior's")
    if fit.status is Status.NOT_CONVERGED:
        notes.append("the fit did not converge: treat the curve as a guess")
    return tuple(notes)


def _outside(fit: Calibration, rates: Rates) -> Outside | None:
    if fit.status in (Status.TOO_FEW_POINTS, Status.NOT_CONVERGED, Status.NO_DECAYED_RUN):
        return None  # that is worse
    if abs(octaves_beyond(fit, rates)) > SAME_PEAK:
        return Outside.PEAK
    return Outside.FAR if rates.z[-1] > FARTHEST * reach(fit, rates) else None


def _memory(rates: Rates) -> float:
    """The largest deficit that a run has seen on average: over its steps, not its tau, up to its end."""
    t, d = rates.tokens, np.maximum(rates.deficit_after, 0.0)
    if t[-1] <= 0:
        return 0.0
    return float(np.trapezoid(d, t) / t[-1]) if t.size > 1 else 0.0
