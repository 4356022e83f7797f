"""`Ladder`: the loss curves of one family of models, grouped by size; nothing else carries curves around."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common import Framed, InputError, Painted, Source, count, opened
from .curve import LossCurve
from .integrity import IntegrityReport

__all__ = ["Ladder"]

ONE_HORIZON = 1.01
"""Horizons of a size count as one up to this ratio: runs end at logged points."""


@dataclass(frozen=True, eq=False, repr=False)
class Ladder(Framed, Painted):
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
    >>> Ladder([big, small])
    Ladder: 2 sizes, 2 runs, 4 points
      parameters   10 to 20
      runs a size  1
      horizons     2 to 2 tokens
      final loss   2 (smallest size) to 1 (largest)
      schedule     unknown
      integrity    not read from a table
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

    @classmethod
    def of(cls, source: Ladder | Source, *, use_horizon: bool = True) -> Ladder:
        """The ladder itself, the ladder of curves, or what `read_curves` reads from a path or a frame.

        Functions that take a ladder take it through here.

        >>> run = LossCurve(run="a", params=10, tokens=[1, 2], loss=[3, 2])
        >>> Ladder.of([run]).sizes
        (10.0,)
        >>> Ladder.of({"run": ["b", "b"], "params": [20, 20], "tokens": [1, 2], "loss": [3, 2]}).sizes
        (20.0,)
        """
        found = opened(source, use_horizon=use_horizon)
        if isinstance(found, Ladder):
            return found
        if isinstance(found, Iterable):
            curves = list(found)
            if curves and all(isinstance(c, LossCurve) for c in curves):
                return cls(curves)
        raise InputError(
            f"a ladder is needed, or curves, the path of a table, or a frame; got {type(source).__name__}. "
            "Read a table with read_curves."
        )

    def headline(self) -> str:
        """How many sizes, runs and points."""
        counts = ((len(self.sizes), "size"), (len(self), "run"), (sum(map(len, self.curves)), "point"))
        return "Ladder: " + ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts)

    def lines(self) -> list[tuple[str, str]]:
        """Ranges of sizes, runs and losses, and what the reader found."""
        groups = list(self.by_size.values())
        final = [float(np.mean([c.horizon_loss for c in curves])) for curves in (groups[0], groups[-1])]
        runs, horizons = [len(curves) for curves in groups], [c.horizon_tokens for c in self.curves]
        few, many = min(runs), max(runs)
        return [
            ("parameters", f"{count(self.sizes[0])} to {count(self.sizes[-1])}"),
            ("runs a size", f"{few}" if few == many else f"{few} to {many}"),
            ("horizons", f"{count(min(horizons))} to {count(max(horizons))} {self.curves[0].clock}"),
            ("final loss", f"{final[0]:.5g} (smallest size) to {final[1]:.5g} (largest)"),
            ("schedule", ", ".join(self.schedules) or "unknown"),
            ("integrity", self.integrity.summary() if self.integrity.sources else "not read from a table"),
        ]

    def to_columns(self) -> dict[str, Any]:
        """The curve table: one row per point, runs one after the other; what a run does not have is None."""
        parts = [c.to_columns() for c in self.curves]
        names = dict.fromkeys(name for part in parts for name in part)
        return {name: _joined([part.get(name) for part in parts], [len(c) for c in self.curves]) for name in names}

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

    @property
    def counts_steps(self) -> bool:
        """Whether some run was logged by steps alone: its compute is then in steps too, and right up to the batch."""
        return any(c.clock == "steps" and np.array_equal(c.compute, 6.0 * c.params * c.tokens) for c in self.curves)

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


def _joined(pieces: list[Any], lengths: list[int]) -> Any:
    """One column of all runs; a run without the column has None in it."""
    if all(isinstance(p, np.ndarray) and p.dtype == np.float64 for p in pieces):
        return np.concatenate(pieces)
    filled = [[None] * n if p is None else p for p, n in zip(pieces, lengths, strict=True)]
    return [value for piece in filled for value in piece]
