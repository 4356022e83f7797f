"""The published noise law of Qiu et al., in hindsight: it reads the noise off the very run that it describes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...common import Array, InputError, local_regression
from .rates import Rates, Units
from .schedule_law import Parameter, ScheduleLaw, positive, stack
from .trunk import NOISE_WIDTH, Trunk

__all__ = ["NoiseLaw"]


class _Prepared(NamedTuple):
    base: Array
    direction: Array


class NoiseLaw(ScheduleLaw):
    r"""The loss at a rate below the peak, from the constant-rate curve and the run's own noise.

    .. math:: L(t) = L_{const}(\tau) + c\, (s - 1)\, \mathrm{Tr}\,\Sigma(t)

    **Hindsight**: `Tr Sigma(t)` is measured on the target itself, so this is no forecast but an account after the fact,
    and the yardstick for forecasts. It assumes that noise answers the rate at once; breaks by its lag where the rate
    returns (multi-cosine).

    References
    ----------
    Qiu et al. 2025, section 3.2; published coefficients 0.21 (CIFAR-5M) and 0.26 (MLP).
    """

    name = "noise"
    title = "published noise law (hindsight)"
    hindsight = True
    needs_trunk = True
    starts_per_fit = 1

    def __init__(self, units: Units, trunk: Trunk) -> None:
        super().__init__(units)
        self.trunk = trunk
        self.parameters = (Parameter("c", "coefficient of the noise", (math.log(0.25),), link="log"),)

    def prepare(self, rates: Rates) -> _Prepared:
        """The trunk and `(s - 1) Tr Sigma`, the trace smoothed."""
        if rates.noise_trace is None or not np.isfinite(rates.noise_trace).any():
            raise InputError(
                f"forecast with the law 'noise' needs the target's own `noise_trace` (it works in hindsight); run "
                f"{rates.run!r} has none. Add the column, or use another --law."
            )
        z = rates.z[rates.first :]
        t = rates.tokens[rates.first :]
        known = (rates.noise_trace > 0) & (t > 0)
        ln_t = np.log(np.maximum(t, t[t > 0][0]))
        noise = np.exp(local_regression(np.log(t[known]), np.log(rates.noise_trace[known]), ln_t, width=NOISE_WIDTH))
        return _Prepared(self.trunk.loss(rates.params, z), -rates.deficit_before[rates.first :] * noise)

    def losses(self, theta: Array, prepared: _Prepared) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        (ln_c,) = theta
        change = positive(ln_c) * prepared.direction
        return prepared.base + change, stack([change])
