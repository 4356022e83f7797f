"""Single rows of a log in which the learning rate is far off both its neighbours: bridged, and said so.

A rate of 0 or of 100 times the truth in one row moves everything a law reads off a run: the reference rate, the
progress made, and the noise that the lowered rate seems to have taken off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError, count

__all__ = ["LARGEST_RATIO", "check_one_unit", "without_glitches"]

FAR = 3.0
"""A glitch lies by more than this factor outside its neighbours ..."""
NEAR = 1.5
"""... which lie within this factor of each other."""
MOST = 0.1
"""More glitches than this share of the rows may be the schedule itself: nobody can tell."""
LARGEST_RATIO = 100.0
"""Peak rates further apart than this are not in one unit."""


def without_glitches(run: str, tokens: ArrayLike, lr: ArrayLike) -> tuple[Array, str | None]:
    """The rates with single rows that are far off their neighbours replaced by NaN, and what was done, in words.

    Parameters
    ----------
    run
        Its name, for the words.
    tokens
        Of the rows, shape (n,).
    lr
        `eta` at the rows, shape (n,); NaN where it was not logged.

    Raises
    ------
    InputError
        If so many rows are off that they may be the schedule itself.

    Examples
    --------
    >>> rates, note = without_glitches("a", [1, 2, 3, 4, 5], [1.0, 1.0, 0.0, 1.0, 1.0])
    >>> rates
    array([ 1.,  1., nan,  1.,  1.])
    >>> note
    "run 'a': the learning rate of 1 row (3 on the clock) is far off both its neighbours (0 between 1 and 1): bridged"
    """
    t, eta = np.asarray(tokens, dtype=np.float64), np.array(lr, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(eta))
    bad = known[_off(eta[known])]
    if not bad.size:
        return eta, None
    if bad.size > max(1.0, MOST * known.size):
        raise InputError(
            f"forecast needs learning rates that can be told from glitches; got {bad.size} of {known.size} rows of run "
            f"{run!r} far off both their neighbours. Mend `lr`, or log it more often."
        )
    first = int(bad[0])
    at = int(np.flatnonzero(known == first)[0])
    beside = [eta[known[i]] for i in (at - 1, at + 1) if 0 <= i < known.size]
    rows = "1 row" if bad.size == 1 else f"{bad.size} rows"
    verb = "is far off both its" if bad.size == 1 else "is far off both their"
    where = f"{count(t[first])} on the clock" if bad.size == 1 else f"the first at {count(t[first])} on the clock"
    note = (
        f"run {run!r}: the learning rate of {rows} ({where}) {verb} neighbours "
        f"({eta[first]:.3g} between {' and '.join(f'{v:.3g}' for v in beside)}): bridged"
    )
    eta[bad] = np.nan
    return eta, note


def _off(eta: Array) -> NDArray[np.bool_]:
    """Which rows are far off both neighbours; of the first and the last those far above the two next to them.

    A first row far below is a warm-up, a last one far below the end of a decay: neither has acted yet.
    """
    off = np.zeros(eta.size, dtype=bool)
    if eta.size < 3:
        return off
    a, x, b = eta[:-2], eta[1:-1], eta[2:]
    low, high = np.minimum(a, b), np.maximum(a, b)
    off[1:-1] = (low > 0) & (high <= NEAR * low) & ((x > FAR * high) | (x < low / FAR))
    for end, near, next_but_one in ((0, 1, 2), (-1, -2, -3)):
        p, q = eta[near], eta[next_but_one]
        off[end] = min(p, q) > 0 and max(p, q) <= NEAR * min(p, q) and eta[end] > FAR * max(p, q)
    # The neighbours of a glitch are not glitches themselves: of two in a row, neither has two sound neighbours.
    both = off[1:] & off[:-1]
    off[1:][both] = off[:-1][both] = False
    return off


def check_one_unit(peaks: dict[str, float], what: str) -> None:
    """Refuse runs whose peak rates cannot be in one unit.

    Parameters
    ----------
    peaks
        The highest rate of each run, by its name.
    what
        Who asks, for the words.
    """
    positive = {run: peak for run, peak in peaks.items() if peak > 0}
    if not positive:
        return
    top, low = max(positive, key=positive.__getitem__), min(positive, key=positive.__getitem__)
    if positive[top] > LARGEST_RATIO * positive[low]:
        raise InputError(
            f"{what} needs learning rates in one unit; got a peak of {positive[top]:.3g} in run {top!r} and of "
            f"{positive[low]:.3g} in run {low!r}. Bring `lr` to one unit, or leave one of them out."
        )
