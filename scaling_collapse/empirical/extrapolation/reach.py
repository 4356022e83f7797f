"""How far from its ladder a size may be predicted: three times the ladder's own span, thirty times if it must be.

The span is `S = p_max / p_min`. A size beyond the largest by a factor over `3 S`, or below the smallest by one over 3,
is warned about; by `30 S`, or 30 below, it is refused, unless it is asked for expressly.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...common import InputError, count
from ...theory import Ladder

__all__ = ["Reach", "reach_of"]

WARNED, REFUSED = 3.0, 30.0


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a size is from a ladder, in units of what the ladder spans: `far` beyond 3, and the warning then."""

    spans: float
    warning: str

    @property
    def far(self) -> bool:
        """Whether the ladder says little about that size."""
        return self.spans > WARNED


def reach_of(ladder: Ladder, params: float, *, far: bool) -> Reach:
    """The reach to the size `params`; beyond 30 it is refused, unless `far`."""
    least, most = min(ladder.sizes), max(ladder.sizes)
    if params < least:
        factor, spans = least / params, least / params
        where = f"{factor:.3g} times smaller than the smallest size, {count(least)}"
    else:
        factor, spans = params / most, params / most / (most / least)
        where = f"{factor:.3g} times the largest size, {count(most)}, and the ladder itself spans {most / least:.3g}"
    if spans > REFUSED and not far:
        raise InputError(
            f"extrapolate needs a size within reach of the ladder; got {count(params)} parameters, {where}. "
            f"{_meant(params, least, most)}Use --far (`far=True`) to predict it all the same."
        )
    warning = f"The new size is far from the ladder: {where}. A change of the law on the way there is in no band."
    return Reach(spans=spans, warning=warning if spans > WARNED else "")


def _meant(params: float, least: float, most: float) -> str:
    """A suffix that was probably forgotten."""
    fits = [s for s, unit in (("K", 1e3), ("M", 1e6), ("B", 1e9)) if least / 3 <= params * unit <= 30 * most]
    return f"Did you mean {params:g}{fits[0]}? " if params < least and fits else ""
