"""Logs that begin late: what the learning rate did before their first row, taken from a run that logged it.

A run whose first row already has its full rate has trained for a while that nobody logged: a warm-up, or the trunk that
it branched from. Progress, the sum of rates, counts from the beginning, so the gap has to be filled, and said so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError, Result, count
from .glitches import without_glitches
from .rates import Rates, Units, check_rates, rates_of

__all__ = ["Logged", "as_late", "completed", "late", "logged"]

LATE = 0.01
"""A log begins late where its first row comes after this share of the longest run ..."""
FULL = 0.5
"""... and has more than this share of the run's highest rate; else the warm-up is being logged."""
TOO_LATE = 0.2
"""Where the earliest log begins after this share of the longest run, nothing tells how far training had come."""
GAP = 0.05
"""A stretch without rates longer than this share of a run is told of."""
SAME = 0.05
"""Two rates within this share of each other are the same: a branch takes over the rate of its trunk."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Logged(Result):
    """The rates that were logged of one run: times `t`, rates `eta` without NaN, both shape (n,).

    `added` of the first rows are another run's; `notes` say what was mended.
    """

    run: str
    params: float
    t: Array
    eta: Array
    added: int = 0
    notes: tuple[str, ...] = ()

    def headline(self) -> str:
        """The run, and from when to when."""
        return f"Logged rates of run {self.run!r}: {self.t.size} points from {count(self.t[0])} to {count(self.t[-1])}"

    def before(self, time: float) -> tuple[Array, Array]:
        """The rows before this time."""
        keep = self.t < time
        return self.t[keep], self.eta[keep]

    def rates(self, units: Units, noise_trace: Array | None = None) -> Rates:
        """What a law sees of the run."""
        return rates_of(self.run, self.params, self.t, self.eta, units, noise_trace, added=self.added)


def logged(run: str, params: float, tokens: ArrayLike, lr: ArrayLike) -> Logged:
    """The rates of a log, glitches and gaps bridged by straight lines.

    Parameters
    ----------
    run, params
        Name and number of parameters.
    tokens
        `t` of the logged points, shape (n,), increasing.
    lr
        `eta` at these points, shape (n,), >= 0; NaN where it was not logged.

    Raises
    ------
    InputError
        If no rate is known, one is negative, or glitches cannot be told from the schedule.
    """
    t, given = np.asarray(tokens, dtype=np.float64), np.asarray(lr, dtype=np.float64)
    check_rates(run, given)
    eta, glitches = without_glitches(run, t, given)
    known = np.isfinite(eta)
    notes = (glitches, _gaps(run, t, np.isfinite(given)))
    eta = np.interp(t, t[known], eta[known])
    return Logged(run=run, params=params, t=t, eta=eta, notes=tuple(note for note in notes if note))


def _gaps(run: str, t: Array, known: NDArray[np.bool_]) -> str | None:
    """What is said where a long stretch has no rate."""
    rows = t[known]
    edges = np.r_[t[0], rows, t[-1]]
    widths = np.diff(edges)
    widest = int(np.argmax(widths))
    usual = float(np.max(np.diff(t), initial=0.0))
    if widths[widest] <= max(GAP * (t[-1] - t[0]), usual):
        return None
    how = "the last one logged" if widest == widths.size - 1 else "the first one logged"
    how = "a straight line" if 0 < widest < widths.size - 1 else how
    between = f"from {count(edges[widest])} to {count(edges[widest + 1])}"
    return f"run {run!r}: no learning rate was logged {between}: taken as {how}"


def late(run: Logged, longest: float) -> bool:
    """Whether a log begins late, measured against the longest run."""
    return bool(run.t[0] > LATE * longest and run.eta[0] > FULL * run.eta.max())


def completed(runs: Sequence[Logged], *, known: Sequence[Logged] = ()) -> list[Logged]:
    """The runs with late beginnings filled from one that was logged earlier and had the same rate where the log begins.

    Parameters
    ----------
    runs
        As logged.
    known
        Others that may fill them and are not filled themselves.

    Raises
    ------
    InputError
        If the earliest log of all begins too late.
    """
    longest = max(float(r.t[-1]) for r in (*runs, *known))
    earliest = min((*runs, *known), key=lambda r: r.t[0])
    if late(earliest, longest) and earliest.t[0] > TOO_LATE * longest:
        raise InputError(
            f"forecast needs the learning rates from the beginning of training; got logs that begin at "
            f"{count(earliest.t[0])} of {count(longest)} (run {earliest.run!r}). Add the run that they branched from."
        )
    done: list[Logged] = list(known)
    filled: dict[int, Logged] = {}
    for i in sorted(range(len(runs)), key=lambda i: float(runs[i].t[0])):
        filled[i] = _filled(runs[i], done, longest)
        done.append(filled[i])
    return [filled[i] for i in range(len(runs))]


def as_late(target: Logged, known: Sequence[Logged]) -> Logged:
    """A target with the beginning that was assumed of runs whose logs all begin late: a warm-up up to their first row.

    What those runs did before is not known, and the law is fitted to the assumption. Another beginning of the target
    would count as a difference where the recipe is most likely the same.
    """
    runs = [r for r in known if r.params == target.params] or list(known)
    start = min(float(r.t[0]) for r in runs)
    longest = max(float(r.t[-1]) for r in runs)
    if not all(late(r, longest) for r in runs) or not target.t[0] < start < target.t[-1]:
        return target
    at = float(np.interp(start, target.t, target.eta))
    eta = np.where(target.t < start, at * target.t / start, target.eta)
    note = (
        f"the logs of the calibration runs begin at {count(start)}: the learning rate before that is not known, and "
        f"what it did is taken to be the same in run {target.run!r}"
    )
    return replace(target, eta=eta, notes=(*target.notes, note))


def _filled(run: Logged, others: Sequence[Logged], longest: float) -> Logged:
    """A run with the beginning of the earliest run of its size that had its rate where its log begins.

    Where no run had that rate, but one logged its warm-up, that warm-up is scaled to this run's rate.
    """
    if not late(run, longest):
        return run
    start = float(run.t[0])
    where = f"the log of run {run.run!r} begins at {count(start)}"
    donors = [o for o in others if o.t[0] < start <= o.t[-1] and o.params == run.params]
    rates = [float(np.interp(start, o.t, o.eta)) for o in donors]
    same = [o for o, rate in zip(donors, rates, strict=True) if abs(rate / run.eta[0] - 1) < SAME]
    held = [o for o, rate in zip(donors, rates, strict=True) if rate > (1 - SAME) * o.eta.max()]
    if same:
        donor = min(same, key=lambda o: float(o.t[0]))
        t, eta = donor.before(start)
        note = f"{where}: its learning rate before that is taken from run {donor.run!r}"
    elif held:
        donor = min(held, key=lambda o: float(o.t[0]))
        t, eta = donor.before(start)
        eta = eta * (run.eta[0] / donor.eta.max())
        note = f"{where}: its warm-up is taken from run {donor.run!r}, in proportion"
    else:
        t = eta = np.empty(0)
        note = f"{where}: how its learning rate rose before that is not known, and taken as a warm-up from 0"
    told = not t.size or start - t[0] > LATE * longest  # else only the first rows of the log differ
    notes = (*run.notes, note) if told else run.notes
    return replace(run, t=np.r_[t, run.t], eta=np.r_[eta, run.eta], added=t.size, notes=notes)
