"""The project's own law: the constant-rate curve less a response to the learning rate that remembers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np

from ...common import Array
from .rates import Rates, Units
from .relaxation import relaxed
from .schedule_law import POWER_LAW, POWER_LAW_NUMBERS, Parameter, Prior, ScheduleLaw, positive, power_law, stack
from .shares import Optimizer

__all__ = ["OPTIMIZERS", "PEAK", "RESPONSE", "DeficitResponse", "Response", "deficit_response", "prepare_response"]

PEAK = (
    Parameter("kappa", "progress with the peak rate, as its power", (0.5,), prior=Prior(0.5, 0.4)),
    Parameter("nu", "noise per rate with the peak rate, as its power", (0.0,), prior=Prior(0.0, 0.5)),
)
"""What another peak rate changes: of no account where all runs have the reference's."""

RESPONSE = (
    Parameter(
        "b", "growth of the noise level per unit of remembered deficit", (0.4, 0.4, -0.4, 0.8), prior=Prior(0.4, 0.4)
    ),
    Parameter("f", "share of the response that lags", (-0.85,), link="logit", prior=Prior(-0.85, 1.0)),
    Parameter("lag", "its memory, share of tau_ref", (-4.5, -6.0, -3.0), link="log", prior=Prior(-4.5, 1.5)),
    Parameter(
        "memory", "of the noise level, share of the tau elapsed", (-1.5, -2.5, -0.5), link="log", prior=Prior(-1.5, 1.0)
    ),
)
"""Parameters of the response; the priors are the same for every data set."""


class _Kinds(NamedTuple):
    """A prior for each kind of optimizer."""

    adaptive: Prior
    plain: Prior

    def of(self, optimizer: Optimizer | None) -> Prior:
        """The prior of a kind; the adaptive one where no run names its optimizer, as nearly all logs are of Adam."""
        return self.plain if optimizer == "plain" else self.adaptive


OPTIMIZERS = {
    "b": _Kinds(adaptive=Prior(0.4, 0.4), plain=Prior(-0.4, 0.4)),
    "kappa": _Kinds(adaptive=Prior(0.5, 0.4), plain=Prior(1.0, 0.2)),
}
"""Under Adam the noise rises while the rate falls, and curvature adapts to the rate. Plain SGD is a smaller step in the
same landscape: less noise, which makes less noise still."""


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
    r"""`e^{b m} r` at the logged points, and its derivatives.

    By `(b, logit f, ln lag, ln memory)`, and by the logarithm of a factor on all rates.

    .. math:: r = (1 - f)\, d + f R, \qquad R' = (d - R) / \text{lag}\ \text{over}\ z, \qquad
        m' = (d - m) / \text{memory}\ \text{over}\ \ln z
    """
    b, logit_f, ln_lag, ln_memory = theta
    f = 1.0 / (1.0 + positive(-logit_f))
    R, R_slope = relaxed(run.z, run.before, run.after, positive(ln_lag))
    m, m_slope = relaxed(run.ln_z, run.before, run.after, positive(ln_memory))
    d, R, R_slope, m, m_slope = (v[run.first :] for v in (run.before, R, R_slope, m, m_slope))
    growth = np.exp(np.clip(b * m, -50.0, 50.0))
    r = (1.0 - f) * d + f * R
    value = growth * r
    by_rate = growth * (b * (m - 1.0) * r + r - 1.0)  # memories are linear: of s they are 1 less those of d
    return value, [m * value, growth * (R - d) * f * (1.0 - f), growth * f * R_slope, b * m_slope * value, by_rate]


class _Prepared(NamedTuple):
    ln_peak: float
    run: DeficitResponse


class Response(ScheduleLaw):
    r"""A constant-rate power law, less what lowering the rate takes off the noise.

    .. math:: L(t) = L_0 + A z_p^{-a} - C z_p^{-q}\, e^{b m}\, r, \qquad z_p = p^{\kappa - 1} z, \quad d = 1 - p^\nu s

    `p` is the run's peak rate relative to the reference; where all runs have the same, `p = 1` and `d = 1 - s` is the
    deficit of the rate. Most of the noise answers it at once, the share `f` after a lag in gradient-flow time:
    `r = (1 - f) d + f R`. The level of the noise is `C z^{-q}` at constant rate and itself answers the schedule,
    self-consistently: it grows as `e^{b m}` with the deficit `m` averaged over a memory in proportion to the time
    elapsed. Under Adam the trace of the preconditioned noise does just that (measured: 1.2 to 1.6 times at the end of a
    full decay), and this law needs no trace to follow it.

    Another peak rate is another curve: curvature adapts to the rate. Modes at the edge of stability make the same
    progress at any rate (`kappa = 0`), all others progress in proportion (`kappa = 1`); so `kappa` is 0.5 +- 0.4 until
    calibration runs of two peaks tell, and `nu` 0 +- 0.5.

    Assumes that progress at a lower rate is progress along the same curve in tau, one lag, and a level that forgets in
    proportion to the time elapsed. Breaks for rates held very low for longer than calibrated, and
    before the power law of the trunk sets in (the first 5 % of the longest calibration run are not fitted).

    References
    ----------
    Starts from Qiu et al. 2025, section 3.2 (`c_n (s - 1) Tr Sigma`); lag and level are this project's.
    """

    name = "response"
    title = "response with memory"
    peaks = True
    late_weight = 2.0
    starts_per_fit = 4

    def __init__(self, units: Units) -> None:
        super().__init__(units)
        self.parameters = (
            *POWER_LAW,
            Parameter("C", "noise that the rate can take off, at tau_ref", link="log", share=0.03),
            Parameter("q", "exponent of the noise level", (0.1,), prior=Prior(0.1, 0.1)),
            *RESPONSE,
            *PEAK,
        )

    def told(self, optimizer: Optimizer | None) -> Self:
        """The law with the priors of `b` and `kappa` for this kind of optimizer."""
        law = copy(self)
        priors = {name: both.of(optimizer) for name, both in OPTIMIZERS.items()}
        law.parameters = tuple(replace(p, prior=priors.get(p.name, p.prior)) for p in self.parameters)
        return law

    def prepare(self, rates: Rates) -> _Prepared:
        """The peak, the deficits and the two times over which they are remembered."""
        return _Prepared(math.log(max(rates.peak, 1e-3)), prepare_response(rates))

    def losses(self, theta: Array, prepared: _Prepared) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        ln_peak, run = prepared
        ln_C, q, *memories = theta[POWER_LAW_NUMBERS : -len(PEAK)]
        kappa, nu = theta[-len(PEAK) :]
        run = _at_peak(run, math.exp(np.clip((kappa - 1.0) * ln_peak, -20, 20)), math.exp(np.clip(nu * ln_peak, -5, 5)))
        loss, gradient = power_law(theta, run.z[run.first :])
        response, slopes = deficit_response(memories, run)
        ln_z = run.ln_z[run.first :]
        level = np.exp(np.clip(ln_C - q * ln_z, -300.0, 100.0))
        drop = level * response
        *by_memory, by_rate = (-level * slope for slope in slopes)
        # Further in z is a shorter lag besides.
        by_kappa = ln_peak * (-positive(theta[POWER_LAW_NUMBERS - 1]) * gradient[1] + q * drop - by_memory[2])
        return loss - drop, stack([*gradient, -drop, ln_z * drop, *by_memory, by_kappa, ln_peak * by_rate])


def _at_peak(run: DeficitResponse, further: float, rate: float) -> DeficitResponse:
    """The run at `further` times the z, and with rates that count `rate` times."""
    if further == rate == 1.0:
        return run
    z = run.z * further
    before, after = 1.0 - rate * (1.0 - run.before), 1.0 - rate * (1.0 - run.after)
    return DeficitResponse(z, np.log(np.maximum(z, 1e-9)), before, after, run.first)
