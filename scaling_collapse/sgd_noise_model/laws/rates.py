"""What a schedule law sees of a run: its learning rates, and nothing of its loss.

Symbols: `t` tokens (or steps, where only steps are known), `eta` the learning rate, `s = eta / eta_ref`
relative to the highest rate of the calibration runs, `tau = integral of s dt` gradient-flow time in units of t,
`z = tau / tau_ref` relative to the longest calibration run, `d = 1 - s` the deficit after warm-up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError, Result

__all__ = ["Rates", "Units", "check_rates", "rates_of"]


@dataclass(frozen=True)
class Units:
    """What the laws measure in: `eta_ref`, highest calibrated rate, and `tau_ref`, the longest calibrated tau."""

    eta: float
    tau: float


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Rates(Result):
    """The learning rates of one run at its knots: time 0, then every logged point.

    Between knots the rate is a straight line. Where it jumps (a step schedule), it does so at the knot: a loss is
    logged before the rate that is logged with it has acted.

    Parameters
    ----------
    run, params
        Name and parameters `p` of the run.
    tokens
        `t` at the knots, shape (n,), from 0.
    before, after
        `s` just before and from each knot on, shape (n,); they differ at jumps only.
    tau
        Integral of s over t, shape (n,).
    z
        `tau / tau_ref`, shape (n,).
    deficit_before, deficit_after
        `1 - s` after warm-up; during it, the value at its end, so that warming up counts as no decay.
    warm
        Number of the knot at which warm-up ends.
    first
        Number of the knot of the first logged point: 0 unless time 0, or another run's beginning, was added.
    noise_trace
        `Tr Sigma` at the logged points, or None. Only laws in hindsight read it.
    """

    run: str
    params: float
    tokens: Array
    before: Array
    after: Array
    tau: Array
    z: Array
    deficit_before: Array
    deficit_after: Array
    warm: int
    first: int
    noise_trace: Array | None = field(default=None, repr=False)

    @property
    def peak(self) -> float:
        """The rate at the end of warm-up, relative to the reference."""
        return float(self.after[self.warm])

    @property
    def constant(self) -> bool:
        """Whether the rate stays at the reference after warm-up."""
        return bool((np.abs(self.deficit_before[self.warm :]) < 1e-3).all())

    @property
    def decayed(self) -> NDArray[np.bool_]:
        """The logged points after decay began: past warm-up, and the rate has left its first peak."""
        left = np.abs(self.before - self.before[self.warm]) > 1e-6
        began = int(np.flatnonzero(left & (np.arange(left.size) > self.warm))[0]) if left[self.warm :].any() else None
        past = np.zeros(left.size, dtype=bool) if began is None else np.arange(left.size) >= began
        return past[self.first :]


def rates_of(
    run: str, params: float, tokens: ArrayLike, lr: ArrayLike, units: Units, noise_trace: ArrayLike | None = None,
    *, added: int = 0,
) -> Rates:  # fmt: skip
    """The history of a run's learning rates.

    Before the first logged point the rate is taken to rise linearly from 0, as a warm-up that was not logged.

    Parameters
    ----------
    run, params
        Name and number of parameters.
    tokens
        `t` of the logged points, shape (n,), increasing, >= 0.
    lr
        `eta` at these points, shape (n,), >= 0; NaN where it was not logged (filled by straight lines).
    units
        Of the calibration.
    noise_trace
        `Tr Sigma`, shape (n - added,), or None.
    added
        How many of the first points are none of the run's own, but of another one that fills its beginning.

    Raises
    ------
    InputError
        If no learning rate is known or one is negative.
    """
    t, eta = np.asarray(tokens, dtype=np.float64), np.asarray(lr, dtype=np.float64)
    check_rates(run, eta)
    known = np.isfinite(eta)
    s = np.interp(t, t[known], eta[known]) / units.eta
    first = added + int(t[0] > 0)
    if first > added:
        t, s = np.r_[0.0, t], np.r_[0.0, s]
    falling = np.flatnonzero(np.diff(s) < 0)
    # The first time that the initial rise, plateaus included, is at its top.
    warm = int(np.argmax(s[: falling[0] + 1 if falling.size else s.size]))
    before = s.copy()
    jump = _jumps(s)
    jump[:warm] = False
    before[1:][jump] = s[:-1][jump]
    tau = np.r_[0.0, np.cumsum(np.diff(t) * (before[1:] + s[:-1]) / 2)]
    deficit_before, deficit_after = 1.0 - before, 1.0 - s
    deficit_after[:warm] = deficit_after[warm]
    deficit_before[: warm + 1] = deficit_after[warm]
    noise = None if noise_trace is None else np.asarray(noise_trace, dtype=np.float64)
    return Rates(
        run=run, params=params, tokens=t, before=before, after=s, tau=tau, z=tau / units.tau,
        deficit_before=deficit_before, deficit_after=deficit_after, warm=warm, first=first, noise_trace=noise,
    )  # fmt: skip


def check_rates(run: str, lr: ArrayLike) -> None:
    """Refuse rates that no law can read."""
    eta = np.asarray(lr, dtype=np.float64)
    known = eta[np.isfinite(eta)]
    if not known.size:
        raise InputError(f"forecast needs learning rates in column `lr`; got none for run {run!r}. Add the column.")
    if (known < 0).any():
        raise InputError(f"forecast needs learning rates >= 0; got {known.min():g} in run {run!r}. Mend `lr`.")


def _jumps(s: Array) -> NDArray[np.bool_]:
    """Intervals over which the rate changes abruptly: by over 2 % and over 4 times as much as next to it."""
    change = np.abs(np.diff(s))
    padded = np.r_[0.0, change, 0.0]
    return (change > 0.02) & (change > 4 * np.maximum(padded[:-2], padded[2:]))
