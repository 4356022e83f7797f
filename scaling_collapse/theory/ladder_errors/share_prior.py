r"""What is known beforehand of kappa and of LR noise, on which an error of gamma rests where the shape is unknown.

With `shape="common"` the scale of the slopes is arbitrary, so that an error of gamma is seen, to first order, as

    d ln S / d ln p = -mu eps w_B F,   F = w_A / (w_A + h),

`w_A + w_B = 1` the shares at the horizon of the part that training shrinks and of the part that only size does, h what
LR noise adds to a slope. The curves give this product alone. `w_B` follows from how far the horizons are from the
compute-optimal ones, h from the share of LR noise in the curves; neither can be read off the ladder, so both are
fitted at a price: that of a normal prior, half a normal one for the noise, which cannot be negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["AS_EXPECTED", "KAPPA_WITHIN", "NOISE_WITHIN", "SharePrior", "share_prior"]

KAPPA_WITHIN = 10.0
"""Horizons lie within this factor of the compute-optimal ones, either way, with 90 % probability."""
NOISE_WITHIN = 0.2
"""LR noise is less than this share of the reducible loss at mid curve with 90 % probability."""
NORMAL_90 = 1.6448536269514722
"""What holds 90 % of a standard normal variable, between this and its negative."""


@dataclass(frozen=True, kw_only=True)
class SharePrior:
    """Standard deviations, and the price of being one of them off.

    Parameters
    ----------
    log_kappa
        Of `ln kappa`, about the compute-optimal value; 0 where that is known.
    noise
        Of the share of LR noise in the reducible loss at mid curve; 0 where there is none.
    price
        The misfit that one standard deviation costs, in squared residuals of `ln S`, > 0.
    """

    log_kappa: float = 0.0
    noise: float = 0.0
    price: float = 1.0


AS_EXPECTED = SharePrior()
"""Horizons are compute-optimal and there is no LR noise in the curves, for sure."""


def share_prior(kappa_within: float, noise_within: float, price: float) -> SharePrior:
    """The prior under which 90 % of ladders lie within these; see `admitted_errors`."""
    return SharePrior(log_kappa=math.log(kappa_within) / NORMAL_90, noise=noise_within / NORMAL_90, price=price)
