"""The Functional Scaling Law of Li et al.: noise enters at the current rate and is forgotten along a power law."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...common import Array, njit
from .rates import Rates, Units
from .schedule_law import POWER_LAW, POWER_LAW_NUMBERS, Parameter, Prior, ScheduleLaw, positive, power_law, stack

__all__ = ["Functional"]

EARLIEST = 1e-3
"""Before this z the noise has the level that it has here: the power law of the loss has not set in."""


class _Prepared(NamedTuple):
    z: Array
    rate: Array
    ln_middle: Array
    first: int


class Functional(ScheduleLaw):
    r"""A power law of progress, plus all noise let in so far, each bit of it fading along one kernel.

    .. math:: L = L_0 + A z^{-a} + B \int_0^z s(z')\,(1 + h z'^{-a})\, \frac{k}{w}
        \left(1 + \frac{z - z'}{w}\right)^{-1-k} dz'

    `z` is the intrinsic time. The paper's kernel is `(1 + t)^{-(2 - 1/beta)}`, so `k = 1 - 1/beta` lies in (0, 1), and
    its noise level is that of the labels plus the loss of gradient flow: `1 + h z^-a` here. At a constant rate and
    `h = 0` the integral tends to `s`, so `B` is the noise of the reference rate. Between knots the rate and the level
    are those in the middle; the kernel is integrated exactly.

    Derived for plain one-pass SGD on a power-law kernel regression. Assumes one kernel from beginning to end; breaks
    where the preconditioner follows the gradients (Adam).

    References
    ----------
    Li et al. 2025, arXiv 2509.19189, the functional scaling law (theorem of section 4) with its constants fitted.
    """

    name = "functional"
    title = "Functional Scaling Law"
    starts_per_fit = 4

    def __init__(self, units: Units) -> None:
        super().__init__(units)
        self.parameters = (
            *POWER_LAW,
            Parameter("B", "noise at the reference rate", link="log", share=0.03),
            Parameter("k", "exponent of forgetting", (-0.4, 0.4, -0.4, 0.4), link="log", prior=Prior(-0.7, 0.7)),
            Parameter("w", "time of forgetting, share of tau_ref", tuple(np.log([0.01, 0.001, 0.1, 0.01])), link="log"),
            Parameter(
                "h", "noise that falls with the loss", (-2.0, -2.0, -2.0, 1.0), link="log", prior=Prior(-1.0, 2.0)
            ),
        )

    def prepare(self, rates: Rates) -> _Prepared:
        """The mean rate and the logarithm of z in the middle of every interval between knots."""
        z = rates.z
        middle = np.maximum((z[1:] + z[:-1]) / 2, EARLIEST)
        return _Prepared(z, (rates.after[:-1] + rates.before[1:]) / 2, np.log(middle), rates.first)

    def losses(self, theta: Array, prepared: _Prepared) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        z, rate, ln_middle, first = prepared
        loss, gradient = power_law(theta, z[first:])
        a = positive(theta[POWER_LAW_NUMBERS - 1])
        ln_B, ln_k, ln_w, ln_h = theta[POWER_LAW_NUMBERS:]
        falling = positive(ln_h) * np.exp(np.minimum(-a * ln_middle, 500.0))
        weights = np.stack([rate * (1.0 + falling), rate * falling, -a * ln_middle * rate * falling])
        remembered = _remembered(z, weights, positive(ln_k), positive(ln_w))[:, first:]
        total, by_h, by_ln_a, by_k, by_w = positive(ln_B) * remembered
        gradient[-1] = gradient[-1] + by_ln_a
        return loss + total, stack([*gradient, total, by_k, by_w, by_h])


@njit()
def _remembered(z, weights, k, w):  # type: ignore[no-untyped-def]
    """The integral under each of the three weights, and of the first its derivatives by `ln k` and `ln w`."""
    n = z.size
    out = np.zeros((5, n))
    for i in range(n):
        u = 1.0 + z[i] / w
        ln_u = math.log(u)
        old = math.exp(-k * ln_u)
        old_k, old_w = -k * ln_u * old, k * old * (u - 1.0) / u
        for j in range(i):
            u = 1.0 + (z[i] - z[j + 1]) / w
            ln_u = math.log(u)
            new = math.exp(-k * ln_u)
            new_k, new_w = -k * ln_u * new, k * new * (u - 1.0) / u
            for m in range(3):
                out[m, i] += weights[m, j] * (new - old)
            out[3, i] += weights[0, j] * (new_k - old_k)
            out[4, i] += weights[0, j] * (new_w - old_w)
            old, old_k, old_w = new, new_k, new_w
    return out
