"""The project's own law: the constant-rate curve less a response to the learning rate that remembers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...common import Array
from .rates import Rates, Units
from .relaxation import relaxed
from .schedule_law import POWER_LAW, POWER_LAW_NUMBERS, Parameter, Prior, ScheduleLaw, positive, power_law, stack

__all__ = ["RESPONSE", "DeficitResponse", "Response", "deficit_response", "prepare_response"]

RESPONSE = (
    Parameter("b", "growth of the noise level per unit of remembered deficit", (0.4,), prior=Prior(0.4, 0.4)),
    Parameter("f", "share of the response that lags", (-0.85,), link="logit", prior=Prior(-0.85, 1.0)),
    Parameter("lag", "its memory, share of tau_ref", (-4.5, -6.0, -3.0), link="log", prior=Prior(-4.5, 1.5)),
    Parameter(
        "memory", "of the noise level, share of the tau elapsed", (-1.5, -2.5, -0.5), link="log", prior=Prior(-1.5, 1.0)
    ),
)
"""Parameters of the response; the priors are the same for every data set."""


class DeficitResponse(NamedTuple):
    """What `deficit_response` needs of a run."""

    z: Array
    ln_z: Array
    before: Array
    after: Array
    first: int


def prepare_response(rates: Rates) -> DeficitResponse:
    """A run's deficits and the two times over which they are remembered."""
    ln_z = np.log(np.maximum(rates.z, 1e-9))
    return DeficitResponse(rates.z, ln_z, rates.deficit_before, rates.deficit_after, rates.first)


def deficit_response(theta: Sequence[float] | Array, run: DeficitResponse) -> tuple[Array, list[Array]]:
    r"""`e^{b m} r` at the logged points and its derivatives by `(b, logit f, ln lag, ln memory)`.

    .. math:: r = (1 - f)\, d + f R, \qquad R' = (d - R) / \text{lag}\ \text{over}\ z, \qquad
        m' = (d - m) / \text{memory}\ \text{over}\ \ln z
    """
    b, logit_f, ln_lag, ln_memory = theta
    f = 1.0 / (1.0 + positive(-logit_f))
    R, R_slope = relaxed(run.z, run.before, run.after, positive(ln_lag))
    m, m_slope = relaxed(run.ln_z, run.before, run.after, positive(ln_memory))
    d, R, R_slope, m, m_slope = (v[run.first :] for v in (run.before, R, R_slope, m, m_slope))
    growth = np.exp(np.minimum(b * m, 50.0))
    r = (1.0 - f) * d + f * R
    value = growth * r
    return value, [m * value, growth * (R - d) * f * (1.0 - f), growth * f * R_slope, b * m_slope * value]


class Response(ScheduleLaw):
    r"""A constant-rate power law, less what lowering the rate takes off the noise.

    .. math:: L(t) = L_0 + A z^{-a} - C z^{-q}\, e^{b m}\, r

    `d = 1 - s` is the deficit of the rate. Most of the noise answers it at once, the share `f` after a lag in
    gradient-flow time: `r = (1 - f) d + f R`. The level of the noise is `C z^{-q}` at constant rate and itself answers
    the schedule, self-consistently: it grows as `e^{b m}` with the deficit `m` averaged over a memory in proportion to
    the time elapsed. Under Adam the trace of the preconditioned noise does just that (measured: 1.2 to 1.6 times at the
    end of a full decay), and this law needs no trace to follow it.

    Assumes that progress at a lower rate is progress along the same curve in tau, one lag, and a level that forgets in
    proportion to the time elapsed. Breaks where the peak rate leaves the calibrated one by much (curvature adapts to
    the rate, the constant-rate curve is then another one), for rates held very low for longer than calibrated, and
    before the power law of the trunk sets in (the first 5 % of the longest calibration run are not fitted).

    References
    ----------
    Starts from Qiu et al. 2025, section 3.2 (`c_n (s - 1) Tr Sigma`); lag and level are this project's.
    """

    name = "response"
    title = "response with memory"

    def __init__(self, units: Units) -> None:
        super().__init__(units)
        self.parameters = (
            *POWER_LAW,
            Parameter("C", "noise that the rate can take off, at tau_ref", link="log", share=0.03),
            Parameter("q", "exponent of the noise level", (0.1,), prior=Prior(0.1, 0.1)),
            *RESPONSE,
        )

    def prepare(self, rates: Rates) -> DeficitResponse:
        """The deficits and the two times over which they are remembered."""
        return prepare_response(rates)

    def losses(self, theta: Array, prepared: DeficitResponse) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        first = prepared.first
        ln_C, q, *memories = theta[POWER_LAW_NUMBERS:]
        loss, gradient = power_law(theta, prepared.z[first:])
        response, slopes = deficit_response(memories, prepared)
        ln_z = prepared.ln_z[first:]
        level = np.exp(ln_C - q * ln_z)
        drop = level * response
        return loss - drop, stack([*gradient, -drop, ln_z * drop, *(-level * slope for slope in slopes)])
