"""The one-power law `L = L0 + A z^-a`: progress counts, decay of the learning rate does not."""

from __future__ import annotations

from ...common import Array
from .rates import Rates, Units
from .schedule_law import POWER_LAW, ScheduleLaw, power_law, stack

__all__ = ["OnePower"]


class OnePower(ScheduleLaw):
    r"""The loss as a power law of gradient-flow time alone.

    .. math:: L(t) = L_0 + A z^{-a}, \qquad z = \tau / \tau_{ref}

    Assumes that noise at the current rate leaves no mark on the loss; breaks wherever the rate decays (errors of 1 to 4
    %). The baseline that the other laws must beat.
    """

    name = "one-power"
    title = "one power law"

    def __init__(self, units: Units) -> None:
        super().__init__(units)
        self.parameters = POWER_LAW

    def prepare(self, rates: Rates) -> Array:
        """Time."""
        return rates.z[rates.first :]

    def losses(self, theta: Array, prepared: Array) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        loss, gradient = power_law(theta, prepared)
        return loss, stack(gradient)
