"""`Ladder`: the loss curves of one family of models, grouped by size; nothing else carries curves around."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..common import InputError
from .curve import LossCurve
from .integrity import IntegrityReport

__all__ = ["Ladder"]

ONE_HORIZON = 1.01
"""Horizons of a size count as one up to this ratio: runs end at logged points."""


@dataclass(frozen=True, eq=False)
class Ladder:
    """Loss curves of a family of models, ordered by size, then seed, then name.

    Parameters
    ----------
    curves
        At least one `LossCurve`; run names are unique.
    integrity
        What the reader dropped, merged or repaired; empty for curves made in memory.

    Raises
    ------
    InputError
        If there is no curve, or if two share a name.

    Examples
    --------
    >>> big = LossCurve(run="b", params=20, tokens=[1, 2], loss=[2, 1])
    >>> small = LossCurve(run="a", params=10, tokens=[1, 2], loss=[3, 2])
    >>> Ladder([big, small]).sizes
    (10.0, 20.0)
    """

    curves: tuple[LossCurve, ...]
    integrity: IntegrityReport = field(default_factory=IntegrityReport)

    def __init__(self, curves: Iterable[LossCurve], integrity: IntegrityReport | None = None) -> None:
        def order(curve: LossCurve) -> tuple[float, float, str]:
            return curve.params, np.inf if curve.seed is None else curve.seed, curve.run

        ordered = tuple(sorted(curves, key=order))
        if not ordered:
            raise InputError("Ladder needs at least 1 curve; got none.")
        seen: set[str] = set()
        for curve in ordered:
            if curve.run in seen:
                raise InputError(f"Ladder needs run names that differ; got {curve.run!r} twice. Rename one.")
            seen.add(curve.run)
        object.__setattr__(self, "curves", ordered)
        object.__setattr__(self, "integrity", integrity if integrity is not None else IntegrityReport())

    def __len__(self) -> int:
        return len(self.curves)

    def __iter__(self) -> Iterator[LossCurve]:
        return iter(self.curves)

    def __repr__(self) -> str:
        points = sum(len(c) for c in self.curves)
        return f"Ladder({len(self.sizes)} sizes, {len(self.curves)} runs, {points} points)"

    @property
    def sizes(self) -> tuple[float, ...]:
        """The distinct parameter counts `p`, increasing."""
        return tuple(sorted({float(c.params) for c in self.curves}))

    @property
    def by_size(self) -> dict[float, tuple[LossCurve, ...]]:
        """The curves of each size, sizes increasing."""
        groups: dict[float, list[LossCurve]] = {}
        for curve in self.curves:
            groups.setdefault(float(curve.params), []).append(curve)
        return {p: tuple(cs) for p, cs in groups.items()}

    @property
    def size_index(self) -> NDArray[np.intp]:
        """Shape (runs,): for each curve the index of its size in `sizes`."""
        return np.searchsorted(np.array(self.sizes), [float(c.params) for c in self.curves])

    @property
    def schedules(self) -> tuple[str, ...]:
        """The distinct names of learning-rate schedules that the runs give, sorted; a run without a name gives none."""
        return tuple(sorted({c.schedule for c in self.curves if c.schedule is not None}))

    def horizons_apart(self) -> tuple[LossCurve, LossCurve] | None:
        """The shortest and the longest run of the first size whose horizons differ by more than 1 %, or None."""
        for curves in self.by_size.values():
            short, long = (pick(curves, key=lambda c: c.horizon_tokens) for pick in (min, max))
            if long.horizon_tokens > ONE_HORIZON * short.horizon_tokens:
                return short, long
        return None

    def require_one_schedule(self, who: str) -> None:
        """Refuse, in the name of `who`, runs whose learning-rate schedules differ in name."""
        if len(self.schedules) > 1:
            raise InputError(
                f"{who} needs runs of one schedule; got {', '.join(self.schedules)}. Choose one, for example with "
                f"--where schedule={self.schedules[0]}."
            )

    def require_one_horizon_per_size(self, who: str) -> None:
        """Refuse, in the name of `who`, runs of one size whose horizons differ by more than 1 %."""
        apart = self.horizons_apart()
        if apart is not None:
            short, long = apart
            raise InputError(
                f"{who} needs one horizon per size; got {short.horizon_tokens:g} (run {short.run!r}) and "
                f"{long.horizon_tokens:g} {long.clock} (run {long.run!r}) at params={short.params:.0f}. Leave runs "
                "out, or mark the horizon in a column horizon_tokens."
            )

    def select(self, keep: Callable[[LossCurve], bool]) -> Ladder:
        """The ladder of the curves for which `keep(curve)` is true."""
        return Ladder([c for c in self.curves if keep(c)], self.integrity)
