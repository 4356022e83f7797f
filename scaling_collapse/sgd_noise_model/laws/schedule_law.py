"""The interface of schedule laws: a loss as a function of a run's learning rates and a few parameters.

Every law is one file with one class; `LAWS` lists them. All are fitted by the same `solve_law`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np

from ...common import Array
from .rates import Rates, Units
from .shares import Optimizer

__all__ = ["POWER_LAW", "POWER_LAW_NUMBERS", "Parameter", "Prior", "ScheduleLaw", "positive", "power_law", "stack"]

Link = Literal["", "log", "logit"]
"""Which coordinate is fitted: the number itself, its logarithm, or its logit."""


class Prior(NamedTuple):
    """A Gaussian prior in the fitted coordinate."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Parameter:
    """One fitted number of a law.

    Parameters
    ----------
    name
        As reported.
    meaning
        In words, with its unit.
    starts
        Where fits begin, in the fitted coordinate; one entry per start, the last one repeats.
    link
        Which coordinate is fitted: the number itself, its `"log"` (positive), or its `"logit"` (between 0 and 1).
    prior
        A weak Gaussian prior in the fitted coordinate, or None. It weighs as much as one
        residual of the size of the Huber threshold and decides only what the calibration runs leave open.
    share
        For a positive loss: fits start at this share of the smallest calibrated loss.
    """

    name: str
    meaning: str
    starts: tuple[float, ...] = (0.0,)
    link: Link = ""
    prior: Prior | None = None
    share: float | None = None

    def start(self, i: int, smallest: float) -> float:
        """The fitted coordinate of start `i`, given the smallest calibrated loss."""
        if self.share is not None:
            return math.log(self.share * smallest)
        return self.starts[min(i, len(self.starts) - 1)]

    def value(self, coordinate: float) -> float:
        """The number itself, from the fitted coordinate."""
        if self.link == "log":
            return math.exp(min(coordinate, 700.0))
        return 1.0 / (1.0 + math.exp(-coordinate)) if self.link == "logit" else float(coordinate)


class ScheduleLaw:
    """A law: `losses(theta, prepared) -> (loss, gradient)` at a run's logged points.

    `prepare` turns rates into whatever the law needs of them; it sees no loss.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    hindsight: ClassVar[bool] = False
    """Whether the law reads the target's own noise."""
    needs_trunk: ClassVar[bool] = False
    """Whether the law builds on measured constant-rate runs instead of a power law of its own."""
    starts_per_fit: ClassVar[int] = 3
    peaks: ClassVar[bool] = False
    """Whether the law says what another peak rate changes."""
    late_weight: ClassVar[float] = 0.0
    """Points count as the progress made by then, a share of the run's own, to this power.

    A power law holds in the end, and misses the beginning of a run by more than its points scatter: it is fitted for
    what comes after its last points.
    """

    def __init__(self, units: Units) -> None:
        self.units = units
        self.parameters: tuple[Parameter, ...] = ()

    def told(self, optimizer: Optimizer | None) -> Self:
        """The law with the priors of this kind of optimizer; of most laws the law itself."""
        return self

    def prepare(self, rates: Rates) -> Any:
        """What `losses` needs of a run's rates."""
        return rates

    def losses(self, theta: Array, prepared: Any) -> tuple[Array, Array]:
        """The loss at the logged points, shape (n,), and its gradient in the fitted coordinates, shape (n, k)."""
        raise NotImplementedError

    def starts(self, smallest: float) -> list[Array]:
        """Starting points, given the smallest calibrated loss."""
        return [np.array([p.start(i, smallest) for p in self.parameters]) for i in range(self.starts_per_fit)]


def positive(coordinate: float) -> float:
    """The positive number of a log coordinate, bounded: a trial step of a fit may go anywhere."""
    return math.exp(min(max(coordinate, -300.0), 100.0))


def power_law(theta: Array, z: Array) -> tuple[Array, list[Array]]:
    """`L0 + A z^-a` and its three derivatives, from a law's coordinates, which begin with `(ln L0, ln A, ln a)`."""
    L0, A, a = np.exp(np.minimum(theta[:POWER_LAW_NUMBERS], 100.0))
    ln_z = np.log(np.maximum(z, 1e-9))
    term = A * np.exp(np.minimum(-a * ln_z, 500.0))  # a trial step of the fit may go anywhere
    return L0 + term, [np.full_like(z, L0), term, -a * ln_z * term]


def stack(columns: Sequence[Array]) -> Array:
    """Gradient columns as one array, shape (n, k)."""
    return np.stack(columns, axis=1)


POWER_LAW = (
    Parameter("L0", "irreducible loss", link="log", share=0.94),
    Parameter("A", "reducible loss of the constant-rate curve at tau_ref", link="log", share=0.07),
    Parameter("a", "its exponent", starts=(math.log(0.45), math.log(0.3), math.log(0.6)), link="log"),
)
"""Parameters of `power_law`."""

POWER_LAW_NUMBERS = len(POWER_LAW)
"""Every law of one size begins with these."""
