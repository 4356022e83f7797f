"""Schedules that are not one decay: inverse square root, steps and cycles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from ...common import Array
from .schedule import Schedule

__all__ = ["Cyclic", "InverseSqrt", "Step"]


@dataclass(frozen=True, repr=False)
class InverseSqrt(Schedule):
    """`s = 1 / sqrt(1 + u / timescale)`.

    Parameters
    ----------
    timescale
        Fraction of the run over which the rate falls by sqrt 2, > 0.
    """

    timescale: float = 0.1
    kind: ClassVar[str] = "inverse_sqrt"

    def check(self) -> None:
        """Check that the timescale is positive."""
        if not (math.isfinite(self.timescale) and self.timescale > 0):
            self._refuse("timescale", "> 0, a fraction of the run", self.timescale)

    def rate(self, u: Array) -> Array:
        """`1 / sqrt(1 + u / timescale)`."""
        return 1.0 / np.sqrt(1.0 + u / self.timescale)


@dataclass(frozen=True, repr=False)
class Step(Schedule):
    """Multiplied by `factor` at each of `at_progress`.

    Parameters
    ----------
    at_progress
        Increasing points `u` in (0, 1).
    factor
        > 0.

    Examples
    --------
    >>> Step(at_progress=(0.5, 0.75), factor=0.1).s([0.4, 0.5, 0.8])
    array([1.  , 0.1 , 0.01])
    """

    at_progress: tuple[float, ...] = (0.5, 0.75)
    factor: float = 0.1
    kind: ClassVar[str] = "step"

    def check(self) -> None:
        """Check that the points increase within (0, 1) and that the factor is positive."""
        object.__setattr__(self, "at_progress", tuple(float(p) for p in self.at_progress))
        points = self.at_progress
        if not points or not all(a < b for a, b in zip((0.0, *points), (*points, 1.0), strict=True)):
            self._refuse("at_progress", "increasing points in (0, 1)", points)
        if not (math.isfinite(self.factor) and self.factor > 0):
            self._refuse("factor", "> 0", self.factor)

    def rate(self, u: Array) -> Array:
        """`factor` to the number of points passed."""
        return self.factor ** np.searchsorted(self.at_progress, u, side="right").astype(np.float64)

    def kinks(self) -> tuple[float, ...]:
        """The steps."""
        return self.at_progress


Wave = Literal["cosine", "triangle", "sawtooth"]


@dataclass(frozen=True, repr=False)
class Cyclic(Schedule):
    """`cycles` equal periods between 1 and `low`.

    Parameters
    ----------
    cycles
        Periods, a whole number >= 1.
    low
        Lowest relative rate, in [0, 1].
    shape
        `cosine` and `triangle` fall for half a period and rise again; `sawtooth` falls linearly and restarts.
    """

    cycles: int = 4
    low: float = 0.0
    shape: Wave = "cosine"
    kind: ClassVar[str] = "cyclic"

    def check(self) -> None:
        """Check the number of cycles, the low and the wave."""
        if not (self.cycles == int(self.cycles) and self.cycles >= 1):
            self._refuse("cycles", "a whole number >= 1", self.cycles)
        if not 0 <= self.low <= 1:
            self._refuse("low", "in [0, 1], a fraction of the peak", self.low)
        if self.shape not in get_args(Wave):
            self._refuse("shape", f"one of {', '.join(get_args(Wave))}", self.shape)

    def rate(self, u: Array) -> Array:
        """The wave at `u`."""
        phase = self.cycles * u
        if self.shape == "cosine":
            wave = (1.0 + np.cos(2.0 * np.pi * phase)) / 2.0
        elif self.shape == "triangle":
            wave = np.abs(1.0 - 2.0 * (phase - np.floor(phase)))
        else:
            wave = np.where(u < 1.0, 1.0 - (phase - np.floor(phase)), 0.0)
        return self.low + (1.0 - self.low) * wave

    def kinks(self) -> tuple[float, ...]:
        """Ends of the periods, and their middles where the wave turns there."""
        per = self.cycles if self.shape == "sawtooth" else 2 * self.cycles
        return tuple((np.arange(1, per) / per).tolist())
