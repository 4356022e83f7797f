"""The project's law where calibration runs carry the noise: the response on a measured trunk and its measured noise."""

from __future__ import annotations

import math
from typing import NamedTuple

from ...common import Array
from .rates import Rates, Units
from .response import RESPONSE, DeficitResponse, deficit_response, prepare_response
from .schedule_law import Parameter, ScheduleLaw, positive, stack
from .trunk import Trunk

__all__ = ["TracedResponse"]


class _Prepared(NamedTuple):
    base: Array
    noise: Array
    response: DeficitResponse


class TracedResponse(ScheduleLaw):
    r"""The measured constant-rate curve, less the response scaled by the noise measured along it.

    .. math:: L(t) = L_{const}(\tau) - c\, \mathrm{Tr}\,\Sigma_{const}(\tau)\, e^{b m}\, r

    with `r` and `m` as in `Response`. `L_const` and `Tr Sigma_const` are read off calibration runs at constant rate, of
    the target's size (or between two sizes), at the target's gradient-flow time; `c` is near 1/4 [Q] and shared by all
    sizes, horizons and schedules. The target's own noise is not read.

    Assumes one `c` and one memory for all sizes; breaks where the trunk must be extrapolated far and where
    `Response` does.

    References
    ----------
    Qiu et al. 2025, section 3.2, with `Tr Sigma` of the run itself replaced by its response to the schedule.
    """

    name = "traced-response"
    title = "response with memory, traced noise"
    needs_trunk = True

    def __init__(self, units: Units, trunk: Trunk) -> None:
        super().__init__(units)
        self.trunk = trunk
        self.parameters = (Parameter("c", "coefficient of the noise", (math.log(0.25),), link="log"), *RESPONSE)

    def prepare(self, rates: Rates) -> _Prepared:
        """The trunk, its noise and the deficits."""
        z = rates.z[rates.first :]
        base, noise = self.trunk.loss(rates.params, z), self.trunk.noise(rates.params, z)
        return _Prepared(base, noise, prepare_response(rates))

    def losses(self, theta: Array, prepared: _Prepared) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        ln_c, *memories = theta
        response, (*slopes, _) = deficit_response(memories, prepared.response)
        scale = positive(ln_c) * prepared.noise
        drop = scale * response
        return prepared.base - drop, stack([-drop, *(-scale * slope for slope in slopes)])
