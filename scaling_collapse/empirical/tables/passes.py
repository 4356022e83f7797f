"""Several passes over the steps under one name: a counter that wrapped or started over, a restart, or another run.

A pass ends where the counter goes back. Later passes that begin after the first step are restarts, and stay to
`repairs.rows_in_order`. One that begins at the first step again is told by its loss: if it goes on from where the last
pass ended, the counter started over with a resumed job; if it starts high again, it is another run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common import Array, InputError
from ...theory import Finding

__all__ = ["join_of", "steps_of_one_run", "unwrapped"]

Rows = NDArray[np.intp]
WRAP = 2.0**32
"""Counters of 32 bits, signed or not, fall by this when they are full."""
GOES_ON = 0.3
"""A pass goes on if its first loss has risen by less than this share of what the pass before fell by."""
SHUFFLED = 3
"""Passes of fewer rows on average are rows in no order, not passes."""
SHARED = 0.5
"""Share of the steps that may repeat with other losses before they are the steps of several runs."""


def unwrapped(t: Array, *, run: str, clock: str) -> tuple[Array, list[Finding]]:
    """The counter with 2^32 added after each fall from the end of a 32-bit range to its beginning.

    The fall must be 2^32 but for a step or so: rows that restart elsewhere are no wrap.
    """
    known = np.flatnonzero(np.isfinite(t))
    steps = np.diff(t[known])
    forward = steps[steps > 0]
    if not forward.size or not (steps < -0.9 * WRAP).any():
        return t, []
    reach = 5 * float(np.max(forward[forward < 0.5 * WRAP], initial=1.0))
    before = t[known][:-1]
    full = (np.abs(before - WRAP) <= reach) | (np.abs(before - WRAP / 2) <= reach)
    wraps = (steps < 0) & (steps + WRAP > 0) & (steps + WRAP <= reach) & full
    if not wraps.any():
        return t, []
    fixed = t.copy()
    fixed[known[1:]] += WRAP * np.cumsum(wraps)
    detail = f"{clock} fall by 2^32 {int(wraps.sum())} times, where a 32-bit counter is full: counted on"
    return fixed, [Finding("counter wrapped", "repaired", run, detail, int(wraps.sum()))]


@dataclass(frozen=True, kw_only=True)
class _Join:
    """What the losses say of a pass that follows another.

    Parameters
    ----------
    first, last
        Loss at the beginning of the pass before, and where it is joined: at its end, or at the same step.
    start
        Loss at the beginning of the pass that follows.
    noise
        What neighbouring losses of the pass before differ by.
    """

    first: float
    last: float
    start: float
    noise: float

    @property
    def tells(self) -> bool:
        """Whether the losses fell by enough to tell going on from starting anew."""
        return self.first - self.last > 4 * self.noise

    @property
    def goes_on(self) -> bool:
        """Whether the loss goes on where the pass before was left."""
        return self.tells and self.start - self.last < GOES_ON * (self.first - self.last)

    @property
    def words(self) -> str:
        """The evidence."""
        return f"loss {self.last:.4g} before, {self.start:.4g} after, {self.first:.4g} at the first start"


def join_of(before: Array, after: Array, *, at: int | None = None) -> _Join:
    """The evidence at a join: losses of the two passes in order, and the index of `before` where they meet.

    Without `at` they meet at its end, judged by the median of its last three losses.
    """
    end = before[-3:] if at is None else before[max(at - 1, 0) : at + 2]
    late = np.diff(before[-20:])
    return _Join(
        first=float(before[0]),
        last=float(np.median(end)),
        start=float(after[0]),
        noise=float(np.median(np.abs(late))) if late.size else 0.0,
    )


def steps_of_one_run(t: Array, loss: Array, rows: Rows, *, run: str, source: str) -> tuple[Array, list[Finding]]:
    """The steps, counted on where a resumed job started its counter anew.

    Parameters
    ----------
    t, loss
        Of all rows of the run, in the order of the log; those in `rows` are finite.
    rows
        The rows that count.

    Raises
    ------
    InputError
        If the rows are those of several runs: a second pass from the first step whose loss starts anew, or most steps
        more than once with different losses.
    """
    backwards = np.flatnonzero(np.diff(t[rows]) < 0) + 1
    passes = np.split(rows, backwards)
    if not backwards.size or rows.size < SHUFFLED * len(passes):
        _refuse_shared_steps(t, loss, rows, run=run, source=source)
        return t, []
    fixed, findings = t.copy(), []
    origin, offset, before = float(t[passes[0][0]]), 0.0, passes[0]
    for following in passes[1:]:
        start = float(t[following[0]])
        join = join_of(loss[before], loss[following])
        if start <= origin and not join.goes_on and _repeats(t, before, following):
            _refuse_second_pass(run, source, start, join)
        if start <= origin and join.goes_on and t[following].max() > t[before].min():
            offset = float(fixed[before[-1]])
            detail = f"at {start:g} after {offset:g}; the run goes on ({join.words}): counted on"
            findings.append(Finding("counter starts over", "repaired", run, detail, following.size))
            origin = start
        fixed[following] = t[following] + offset
        before = following
    _refuse_shared_steps(fixed, loss, rows, run=run, source=source)
    return fixed, findings


def _repeats(t: Array, before: Rows, following: Rows) -> bool:
    """Whether most steps that could be in both passes are."""
    inside = t[following][(t[following] >= t[before].min()) & (t[following] <= t[before].max())]
    return bool(inside.size and np.isin(inside, t[before]).mean() > SHARED)


def _refuse_second_pass(run: str, source: str, start: float, join: _Join) -> None:
    raise InputError(
        f"read_curves needs one run under each name; got a second pass from step {start:g} on under {run!r} of "
        f"{source} ({join.words}). If these are seeds, give them names of their own or a column seed."
    )


def _refuse_shared_steps(t: Array, loss: Array, rows: Rows, *, run: str, source: str) -> None:
    """Most steps more than once, with different losses: seeds that share a name."""
    if (np.diff(t[rows]) > 0).all():
        return
    order = rows[np.lexsort((loss[rows], t[rows]))]
    same = np.diff(t[order]) == 0
    other = same & (np.diff(loss[order]) != 0)
    distinct = order.size - int(same.sum())
    if distinct >= SHUFFLED and _passes_over(t, rows) and other.sum() >= SHARED * distinct:
        raise InputError(
            f"read_curves needs one run under each name; got {int(other.sum())} of {distinct} steps again with other "
            f"losses under {run!r} of {source}. If these are seeds, give them names of their own or a column seed."
        )


def _passes_over(t: Array, rows: Rows) -> bool:
    """Whether the first step is among those that repeat: a restart that repeats many steps begins later."""
    return int((t[rows] == t[rows].min()).sum()) > 1
