"""The convex bound of Schaipp et al.: what the theory of non-smooth convex optimization promises for a schedule."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...common import Array, njit
from .rates import Rates, Units
from .schedule_law import Parameter, ScheduleLaw, positive, stack

__all__ = ["ConvexBound"]


class _Prepared(NamedTuple):
    progress: Array
    noise: Array
    rate: Array


class ConvexBound(ScheduleLaw):
    r"""An offset, plus the bound on the last iterate of SGD with its two constants fitted.

    .. math:: L = L_0 + \frac{D}{2 S_t} + \frac{G}{2}\left[\frac{Q_t}{S_t} +
        \int_0^{t - \epsilon} \frac{\eta_k\,(Q_t - Q_k)}{(S_t - S_k)^2}\, dk\right], \qquad
        S_t = \int_0^t \eta, \quad Q_t = \int_0^t \eta^2

    The bound sums over steps; here it is an integral that ends one step, `epsilon`, before the present, where it would
    diverge as a logarithm. So the step counts only through `- ln(epsilon)` times the present rate, and is fitted with
    `D`, the squared distance to the optimum, and `G`, the squared norm of gradients. Between knots `Q` is a straight
    line in `S`, which makes every interval's share exact. Rates are relative to the highest, times to the longest run.

    Assumes a convex loss and gradients of one size. As published it is a bound whose constants are set once, not a
    fit; it falls as `t^-1/2` at the best peak rate and knows no other exponent.

    References
    ----------
    Schaipp et al. 2025, arXiv 2501.18965, theorem 3.1 (equation 4) with `G_t = G`.
    """

    name = "convex-bound"
    title = "convex bound"
    starts_per_fit = 3

    def __init__(self, units: Units) -> None:
        super().__init__(units)
        self.parameters = (
            Parameter("L0", "offset", link="log", share=0.9),
            Parameter("D", "squared distance to the optimum", link="log", share=0.01),
            Parameter("G", "squared norm of gradients", link="log", share=0.01),
            Parameter("step", "one step, share of tau_ref", tuple(np.log([1e-4, 1e-5, 1e-3])), link="log"),
        )

    def prepare(self, rates: Rates) -> _Prepared:
        """The two sums of the bound, which no fitted number changes, and the rate that the step multiplies."""
        z, before, after = rates.z, rates.before, rates.after
        a, b = after[:-1], before[1:]
        time = np.diff(rates.tokens) / self.units.tau
        Q = np.r_[0.0, np.cumsum(time * (a * a + a * b + b * b) / 3.0)]
        end, rate = z[rates.first :], np.maximum(before[rates.first :], 1e-6)
        noise = Q[rates.first :] / np.maximum(end, 1e-9) + _paid(z, Q, rate, rates.first)
        return _Prepared(0.5 / np.maximum(end, 1e-9), 0.5 * noise, 0.5 * rate)

    def losses(self, theta: Array, prepared: _Prepared) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        ln_L0, ln_D, ln_G, ln_step = theta
        first, second = positive(ln_D) * prepared.progress, positive(ln_G) * (prepared.noise - ln_step * prepared.rate)
        L0 = positive(ln_L0)
        flat = np.full_like(first, L0)
        return L0 + first + second, stack([flat, first, second, -positive(ln_G) * prepared.rate])


@njit()
def _paid(z, Q, rate, first):  # type: ignore[no-untyped-def]
    """The integral at every logged point, as if the step were 1: up to `s` before the present, in z."""
    out = np.zeros(z.size - first)
    for i in range(first, z.size):
        last = rate[i - first]
        missing = True
        for j in range(i - 1, -1, -1):
            far, near = z[i] - z[j], z[i] - z[j + 1]
            if far <= 0.0 or far == near:
                continue
            slope = (Q[j + 1] - Q[j]) / (far - near)
            if missing:  # the interval before the present ends one step before it
                out[i - first] += last * math.log(far / last)
                missing = False
            else:
                rest = Q[i] - Q[j + 1] - slope * near
                out[i - first] += rest * (1.0 / near - 1.0 / far) + slope * math.log(far / near)
    return out
