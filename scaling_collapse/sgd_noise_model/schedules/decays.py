"""Schedules that hold the peak and then decay over the last fraction of the run, by shape.

`u` in [0, 1] is progress after warm-up, `f` the decay fraction, `v = (u - 1 + f) / f` in [0, 1] the position within
the decay. `decay=1.0` decays over the whole run; a smaller fraction is warm-up-stable-decay (WSD).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ...common import Array
from .schedule import Schedule

__all__ = [
    "WSD",
    "Constant",
    "Cosine",
    "Exponential",
    "Linear",
    "MultiCosine",
    "Polynomial",
    "Power",
    "Quadratic",
]


def _position(u: Array, decay: float) -> Array:
    """`v`, clipped to [0, 1], counted from the nearer end so that both ends are met exactly."""
    if decay == 1.0:
        return u
    from_start, from_end = (u - (1.0 - decay)) / decay, (1.0 - u) / decay
    return np.clip(np.where(from_end < 0.5, 1.0 - from_end, from_start), 0.0, 1.0)


@dataclass(frozen=True, repr=False)
class Constant(Schedule):
    """`s = 1`."""

    kind: ClassVar[str] = "constant"

    def rate(self, u: Array) -> Array:
        """Ones."""
        return np.ones_like(u)


@dataclass(frozen=True, repr=False)
class Decay(Schedule):
    """`s = end + (1 - end) * fall(v)`, where `fall` goes from 1 to 0 over the last fraction `decay`.

    Parameters
    ----------
    decay
        `f`, fraction of the run after warm-up, in (0, 1].
    end
        `s` at the end, in [0, 1].
    """

    decay: float = 1.0
    end: float = 0.0

    def check(self) -> None:
        """Check the domain of `decay` and `end`."""
        if not 0 < self.decay <= 1:
            self._refuse("decay", "in (0, 1], a fraction of the run", self.decay)
        if not 0 <= self.end <= 1:
            self._refuse("end", "in [0, 1], a fraction of the peak", self.end)

    def fall(self, v: Array) -> Array:
        """The decay itself."""
        raise NotImplementedError

    def kinks(self) -> tuple[float, ...]:
        """Where the decay starts."""
        return (1.0 - self.decay,)

    def rate(self, u: Array) -> Array:
        """One, then `end + (1 - end) * fall(v)`."""
        return self.end + (1.0 - self.end) * self.fall(_position(u, self.decay))


@dataclass(frozen=True, repr=False)
class Linear(Decay):
    """`fall = 1 - v`.

    >>> Linear().s([0.0, 0.25, 1.0])
    array([1.  , 0.75, 0.  ])
    """

    kind: ClassVar[str] = "linear"

    def fall(self, v: Array) -> Array:
        """`1 - v`."""
        return 1.0 - v


@dataclass(frozen=True, repr=False)
class Cosine(Decay):
    """`fall = (1 + cos(pi v)) / 2`, half a period."""

    kind: ClassVar[str] = "cosine"

    def fall(self, v: Array) -> Array:
        """`(1 + cos(pi v)) / 2`."""
        return (1.0 + np.cos(np.pi * v)) / 2.0


@dataclass(frozen=True, repr=False)
class MultiCosine(Decay):
    """`fall = (1 + cos(h pi v)) / 2` with `h` half periods, odd so that it ends low."""

    half_periods: int = 3
    kind: ClassVar[str] = "multi_cosine"

    def check(self) -> None:
        """Check that the number of half periods is odd."""
        super().check()
        if not (self.half_periods == int(self.half_periods) and self.half_periods >= 1 and self.half_periods % 2):
            self._refuse("half_periods", "an odd whole number >= 1", self.half_periods)

    def fall(self, v: Array) -> Array:
        """`(1 + cos(h pi v)) / 2`."""
        return (1.0 + np.cos(self.half_periods * np.pi * v)) / 2.0

    def kinks(self) -> tuple[float, ...]:
        """Start of the decay and each turning point: smooth, but the rate may touch zero there."""
        turns = np.arange(1, self.half_periods) / self.half_periods
        return (1.0 - self.decay, *(1.0 - self.decay + self.decay * turns).tolist())


@dataclass(frozen=True, repr=False)
class Quadratic(Decay):
    """`fall = 1 - v^2`."""

    kind: ClassVar[str] = "quadratic"

    def fall(self, v: Array) -> Array:
        """`1 - v^2`."""
        return 1.0 - v**2


@dataclass(frozen=True, repr=False)
class _Powered(Decay):
    power: float = 2.0

    def check(self) -> None:
        """Check that the power is positive."""
        super().check()
        if not (np.isfinite(self.power) and self.power > 0):
            self._refuse("power", "> 0", self.power)

    def fall(self, v: Array) -> Array:
        """`(1 - v)^power`."""
        return (1.0 - v) ** self.power


@dataclass(frozen=True, repr=False)
class Power(_Powered):
    """`fall = (1 - v)^power`, power 2 unless told."""

    kind: ClassVar[str] = "power"


@dataclass(frozen=True, repr=False)
class Polynomial(_Powered):
    """`fall = (1 - v)^power`, power 1 unless told: torch's PolynomialLR and optax's polynomial_schedule."""

    power: float = 1.0
    kind: ClassVar[str] = "polynomial"


@dataclass(frozen=True, repr=False)
class Exponential(Schedule):
    """`s = factor^v`: down to `factor` times the peak over the last fraction `decay`."""

    decay: float = 1.0
    factor: float = 0.1
    kind: ClassVar[str] = "exponential"

    def check(self) -> None:
        """Check the domain of `decay` and `factor`."""
        if not 0 < self.decay <= 1:
            self._refuse("decay", "in (0, 1], a fraction of the run", self.decay)
        if not 0 < self.factor <= 1:
            self._refuse("factor", "in (0, 1]", self.factor)

    def kinks(self) -> tuple[float, ...]:
        """Where the decay starts."""
        return (1.0 - self.decay,)

    def rate(self, u: Array) -> Array:
        """`factor^v`."""
        return self.factor ** _position(u, self.decay)


Shape = Literal["linear", "cosine", "sqrt", "1-sqrt"]
COOLDOWNS: dict[Shape, Callable[[Array], Array]] = {
    "linear": lambda v: 1.0 - v,
    "cosine": lambda v: (1.0 + np.cos(np.pi * v)) / 2.0,
    "sqrt": lambda v: np.sqrt(1.0 - v),
    "1-sqrt": lambda v: 1.0 - np.sqrt(v),
}


@dataclass(frozen=True, repr=False)
class WSD(Decay):
    """Warm-up, stable, decay: the peak until the last fraction `decay`, then a cooldown.

    Parameters
    ----------
    shape
        `linear` (1 - v), `cosine`, `sqrt` (sqrt(1 - v)) or
        `1-sqrt` (1 - sqrt(v)).

    Examples
    --------
    >>> from scaling_collapse.sgd_noise_model import schedules
    >>> schedules.wsd(decay=0.2, shape="1-sqrt").s([0.5, 0.8, 0.85, 1.0])
    array([1. , 1. , 0.5, 0. ])
    """

    decay: float = 0.2
    shape: Shape = "linear"
    kind: ClassVar[str] = "wsd"

    def check(self) -> None:
        """Check that the cooldown's shape is known."""
        super().check()
        if self.shape not in COOLDOWNS:
            self._refuse("shape", f"one of {', '.join(COOLDOWNS)}", self.shape)

    def fall(self, v: Array) -> Array:
        """The cooldown."""
        return COOLDOWNS[self.shape](v)
