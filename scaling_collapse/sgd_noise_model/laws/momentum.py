"""The Momentum law of Tissue et al.: drops of the learning rate act through a memory that fades in time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...common import Array
from .rates import Rates, Units
from .relaxation import relaxed
from .schedule_law import POWER_LAW, POWER_LAW_NUMBERS, Parameter, ScheduleLaw, positive, power_law, stack

__all__ = ["Momentum"]


class _Prepared(NamedTuple):
    z: Array
    time: Array
    before: Array
    after: Array
    first: int


class Momentum(ScheduleLaw):
    r"""A power law of progress, less an annealing term.

    .. math:: L = L_0 + A z^{-a} - C' S_2, \qquad S_2 = \sum_i m_i, \quad
        m_i = \lambda m_{i-1} + (\eta_{i-1} - \eta_i)

    In continuous time `m' = -m / w - s'` with `lambda = e^{-1/w}`, and `(1 - lambda) S_2` is the deficit relaxed over
    time with memory `w` (exactly, for rates that jump): the law says that a deficit lowers the loss by `C R`,
    after a delay of `w`, about `1 / (1 - lambda)`, steps; `C = C' / (1 - lambda)`. Drops count after warm-up. `lambda`
    is fitted; the paper's default is 0.999.

    Assumes one memory in steps, the same early and late, and a response in proportion to the deficit whatever the
    level of the noise; breaks where the rate stays low for long and where it returns.

    References
    ----------
    Tissue, Wang, Wang 2024, arXiv 2408.11029, equation 1.
    """

    name = "momentum"
    title = "Momentum law"

    def __init__(self, units: Units) -> None:
        super().__init__(units)
        self.parameters = (
            *POWER_LAW,
            Parameter("C", "drop of the loss when the rate goes to 0", link="log", share=0.03),
            Parameter(
                "memory",
                "-1 / ln(lambda), share of tau_ref",
                (math.log(0.04), math.log(0.01), math.log(0.2)),
                link="log",
            ),
        )

    def prepare(self, rates: Rates) -> _Prepared:
        """Time, in units of tau_ref, and the deficit over it."""
        time = rates.tokens / self.units.tau
        return _Prepared(rates.z[rates.first :], time, rates.deficit_before, rates.deficit_after, rates.first)

    def losses(self, theta: Array, prepared: _Prepared) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        loss, gradient = power_law(theta, prepared.z)
        ln_C, ln_memory = theta[POWER_LAW_NUMBERS:]
        R, slope = relaxed(prepared.time, prepared.before, prepared.after, positive(ln_memory))
        C = positive(ln_C)
        drop = C * R[prepared.first :]
        return loss - drop, stack([*gradient, -drop, -C * slope[prepared.first :]])


def decay_factor(memory: float, units: Units) -> float:
    """`lambda` per unit of time (token or step) from the fitted memory."""
    return float(np.exp(-1.0 / (memory * units.tau)))
