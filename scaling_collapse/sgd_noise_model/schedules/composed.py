"""Schedules made of other things: joined parts, an array, a function of progress."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...common import Array
from .decays import Constant, Linear
from .parse import parse
from .schedule import Schedule

__all__ = ["FromArray", "FromFunction", "Join"]


@dataclass(frozen=True, repr=False)
class Join(Schedule):
    """One schedule after another; part i runs over `[at_progress[i - 1], at_progress[i]]` at its own `peak`.

    Parameters
    ----------
    parts
        Schedules (or strings); each one's progress is the share of its own interval, its `peak` its weight.
    at_progress
        Points `u` in (0, 1) between the parts, increasing, one fewer than parts.

    Examples
    --------
    >>> Join(parts=(Constant(), Linear(peak=0.5)), at_progress=(0.5,)).s([0.25, 0.5, 0.75, 1.0])
    array([1.  , 0.5 , 0.25, 0.  ])
    """

    parts: tuple[Schedule, ...] = (Constant(), Linear())
    at_progress: tuple[float, ...] = (0.5,)
    kind: ClassVar[str] = "join"

    def check(self) -> None:
        """Check that the points increase within (0, 1), one fewer than the parts."""
        object.__setattr__(self, "parts", tuple(parse(p) for p in self.parts))
        object.__setattr__(self, "at_progress", tuple(float(p) for p in self.at_progress))
        points = self.at_progress
        if len(points) != len(self.parts) - 1 or not self.parts:
            self._refuse("at_progress", f"{len(self.parts) - 1} points for {len(self.parts)} parts", points)
        if not all(a < b for a, b in zip((0.0, *points), (*points, 1.0), strict=True)):
            self._refuse("at_progress", "increasing points in (0, 1)", points)

    def _intervals(self) -> list[tuple[float, float, Schedule]]:
        edges = (0.0, *self.at_progress, 1.0)
        return list(zip(edges, edges[1:], self.parts, strict=False))

    def rate(self, u: Array) -> Array:
        """The part that holds `u`."""
        out = np.zeros_like(u)
        for low, high, part in self._intervals():
            out = np.where(u >= low, part.peak * part.s((u - low) / (high - low)), out)
        return out

    def kinks(self) -> tuple[float, ...]:
        """The joints and the parts' own."""
        own = [low + (high - low) * x for low, high, part in self._intervals() for x in part.breakpoints()]
        return (*self.at_progress, *own)


@dataclass(frozen=True, repr=False)
class FromArray(Schedule):
    """Given values, evenly spaced in progress.

    Parameters
    ----------
    values
        Relative rates, shape (n,), >= 0 and finite.
    interpolate
        True: `values[i]` is the rate at `u = i / (n - 1)`, linear in between. False: it is held over
        `[i / n, (i + 1) / n)`, so that `from_array(rates, interpolate=False, steps=len(rates)).eta()` is `rates`.
    """

    values: tuple[float, ...] = (1.0, 1.0)
    interpolate: bool = True
    kind: ClassVar[str] = "from_array"

    def check(self) -> None:
        """Check that the values are finite and not negative, and that there are enough."""
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 1 or values.size < (2 if self.interpolate else 1):
            self._refuse("values", "at least 2 values in one dimension", f"shape {values.shape}")
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            self._refuse("values", "finite rates >= 0", f"{values[at]} at index {at}")
        object.__setattr__(self, "values", tuple(values.tolist()))

    def rate(self, u: Array) -> Array:
        """The values, interpolated or held."""
        values = np.asarray(self.values)
        if self.interpolate:
            return np.interp(u, np.linspace(0.0, 1.0, values.size), values)
        # k / n * n may fall just short of k
        return values[np.minimum(np.floor(u * values.size + 1e-6).astype(int), values.size - 1)]

    def kinks(self) -> tuple[float, ...]:
        """The knots at which the slope, or the held value, changes."""
        values = np.asarray(self.values)
        if self.interpolate:
            bent = np.abs(np.diff(values, 2)) > 1e-13 * np.abs(values).max()
            return tuple(((1 + np.flatnonzero(bent)) / (values.size - 1)).tolist())
        return tuple(((1 + np.flatnonzero(np.diff(values))) / values.size).tolist())


@dataclass(frozen=True, repr=False)
class FromFunction(Schedule):
    """A given function of progress after warm-up.

    Parameters
    ----------
    function
        Vectorized `u -> s`, finite and >= 0 on [0, 1] (checked at 1,025 points at construction).
    kink_points
        Points `u` in (0, 1) at which it is not smooth; the fast solver puts grid points there.

    Examples
    --------
    >>> FromFunction(lambda u: 1 - u**3).s(0.5)
    array(0.875)
    """

    function: Callable[[Array], Any] = np.ones_like
    kink_points: tuple[float, ...] = ()
    kind: ClassVar[str] = "from_function"

    def check(self) -> None:
        """Check the function on a grid."""
        grid = np.linspace(0.0, 1.0, 1025)
        values = np.asarray(self.rate(grid))
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            self._refuse("function", "finite rates >= 0 on [0, 1]", f"{values[at]} at u = {grid[at]:g}")
        points = tuple(float(p) for p in self.kink_points)
        object.__setattr__(self, "kink_points", points)
        if not all(math.isfinite(p) and 0 < p < 1 for p in points):
            self._refuse("kink_points", "points in (0, 1)", points)

    def rate(self, u: Array) -> Array:
        """The function's values."""
        return np.broadcast_to(np.asarray(self.function(u), dtype=np.float64), np.shape(u)) + 0.0

    def kinks(self) -> tuple[float, ...]:
        """As told."""
        return self.kink_points

    def __repr__(self) -> str:
        return f"from_function({getattr(self.function, '__name__', repr(self.function))})"
