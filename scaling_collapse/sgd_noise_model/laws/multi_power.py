"""The Multi-Power Law of Luo et al.: every drop of the learning rate pays off along its own power law."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import Array, njit
from .rates import Rates, Units
from .schedule_law import POWER_LAW, POWER_LAW_NUMBERS, Parameter, ScheduleLaw, positive, power_law, stack

__all__ = ["MultiPower"]

LARGEST_DROP = 0.02
"""A longer slide of s within one interval is summed in pieces."""


class _Prepared(NamedTuple):
    z: Array
    drop: Array
    rate: Array
    at: Array
    last: NDArray[np.intp]


class MultiPower(ScheduleLaw):
    r"""A power law of progress, less a sum over all drops of the rate so far.

    .. math:: L = L_0 + A S^{-a} - B \sum_{k \le t} (\eta_{k-1} - \eta_k)
        \left[1 - \left(1 + C \eta_k^{-g} (S(t) - S(k-1))\right)^{-\beta}\right]

    `S` is the sum of rates, warm-up included; the sum runs over warm-up too, as in the published code, so that a
    constant rate tends to `L0 + B eta_peak`. Between knots a drop counts at its middle. Here `S` is `z` and rates are
    relative to the highest, which only rescales `A`, `B` and `C`.

    Assumes that drops add up and that noise has the same level early and late. `C`, `beta` and `g` are poorly told
    apart by few curves: see the reported identification.

    References
    ----------
    Luo et al. 2025, arXiv 2503.12811, equation 4.
    """

    name = "multi-power"
    title = "Multi-Power Law"
    starts_per_fit = 6

    def __init__(self, units: Units) -> None:
        super().__init__(units)
        self.parameters = (
            *POWER_LAW,
            Parameter("B", "drop of the loss when the rate goes to 0", link="log", share=0.03),
            Parameter("C", "speed of the response", tuple(np.log([10.0, 100.0, 1000.0, 30.0, 300.0, 3.0])), link="log"),
            Parameter("beta", "exponent of the response", (math.log(0.5), math.log(0.3), math.log(0.2)), link="log"),
            Parameter("g", "how much faster after a deeper drop", (0.5, 0.5, 0.5, 0.2, 1.0)),
        )

    def prepare(self, rates: Rates) -> _Prepared:
        """All drops of the rate, in order, and how many of them each point has seen."""
        z, before, after = rates.z, rates.before, rates.after
        # Drops within intervals, at their middles, then jumps, at their knots.
        slide, jump = after[:-1] - before[1:], before - after
        pieces = np.ceil(np.abs(slide) / LARGEST_DROP).astype(int)
        interval = np.repeat(np.arange(slide.size), pieces)
        number = np.arange(interval.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        u = (number + 0.5) / pieces[interval]  # progress within
        drop = np.r_[slide[interval] / pieces[interval], jump]
        rate = np.r_[after[interval] - u * slide[interval], after]
        # tau is quadratic in the progress within an interval
        width = rates.tokens[interval + 1] - rates.tokens[interval]
        at = np.r_[z[interval] + u * width * (after[interval] - u * slide[interval] / 2) / self.units.tau, z]
        rate = np.maximum(rate, 1e-4)
        knot = np.r_[interval + 1, np.arange(z.size) + 1]  # the first knot that feels it
        order = np.argsort(knot, kind="stable")
        order = order[np.abs(drop[order]) > 1e-12]
        points = np.arange(rates.first, z.size)
        last = np.searchsorted(knot[order], points, side="right")
        return _Prepared(z[rates.first :], drop[order], rate[order], at[order], last)

    def losses(self, theta: Array, prepared: _Prepared) -> tuple[Array, Array]:
        """The formula, and its gradient."""
        loss, gradient = power_law(theta, prepared.z)
        ln_B, ln_C, ln_beta, g = theta[POWER_LAW_NUMBERS:]
        B = positive(ln_B)
        total, by_C, by_beta, by_g = _paid(prepared, positive(ln_C), positive(ln_beta), g)
        return loss - B * total, stack([*gradient, -B * total, -B * by_C, -B * by_beta, -B * by_g])


@njit()
def _paid(prepared, C, beta, g):  # type: ignore[no-untyped-def]
    """The sum over drops and its derivatives by `ln C`, `ln beta` and `g`, at every point."""
    z, drop, rate, at, last = prepared.z, prepared.drop, prepared.rate, prepared.at, prepared.last
    n, m = z.size, drop.size
    total, by_C, by_beta, by_g = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    speed, ln_rate = np.empty(m), np.empty(m)
    for k in range(m):
        ln_rate[k] = math.log(rate[k])
        speed[k] = C * math.exp(-g * ln_rate[k])
    for i in range(n):
        for k in range(last[i]):
            x = speed[k] * max(z[i] - at[k], 0.0)
            ln_1x = math.log1p(x)
            left = math.exp(-beta * ln_1x)
            total[i] += drop[k] * (1.0 - left)
            slope = drop[k] * beta * left * x / (1.0 + x)
            by_C[i] += slope
            by_beta[i] += drop[k] * left * beta * ln_1x
            by_g[i] -= slope * ln_rate[k]
    return total, by_C, by_beta, by_g
