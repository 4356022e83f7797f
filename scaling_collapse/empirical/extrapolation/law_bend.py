r"""Whether the exponent of the final losses changes along the ladder, at the offset at which its curves collapse.

The law of `level_posterior` gets a further term, `g q_i` with `q_i = (ln C_i - ln C_mean)^2 / 2`: the exponent then
changes by `g` per unit of `ln C`. Between the means of the ladder's lower and upper half it changes by about
`g (ln C_max - ln C_min) / 2`, given as a share of b: an exponent that halves in the middle gives 0.67. L0 is taken from
the curves alone, because a change of the exponent is what an L0 fitted to the final losses would hide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Array
from .curve_draws import Interval
from .level_posterior import level_posterior
from .offset_agreement import OffsetAgreement

__all__ = ["LawBend", "law_bend"]

DRAWS = 2000
MATTERS = 0.4
"""A change of the exponent that must be excluded; one that halves or doubles in the middle is 0.67."""
NOTICED = 0.15
"""A change below is of no consequence, however sure."""


@dataclass(frozen=True, kw_only=True)
class LawBend:
    """Change of the exponent between the ladder's halves, as a share of b, and its 90 % interval."""

    value: float
    interval: Interval

    @property
    def shown(self) -> bool:
        """Whether the exponent surely changes, by an amount that matters."""
        low, high = self.interval
        return (low > 0 or high < 0) and abs(self.value) > NOTICED

    @property
    def excluded(self) -> bool:
        """Whether a change that matters would have been seen."""
        return max(abs(end) for end in self.interval) < MATTERS


def law_bend(offsets: OffsetAgreement, rng: np.random.Generator) -> LawBend:
    """The change of the exponent; needs 4 sizes to say anything but that it is unknown."""
    curves = offsets.shape.curves
    ln_C = np.log(curves.C)
    q = 0.5 * (ln_C - ln_C.mean()) ** 2
    seen = np.flatnonzero(offsets.of_curves > 1e-6 * offsets.of_curves.max())
    levels = level_posterior(curves.C, offsets.sizes.finals, offsets.u[seen], q)
    weights = offsets.of_curves[seen] / offsets.of_curves[seen].sum()
    drawn = levels.draw(rng.choice(seen.size, p=weights, size=DRAWS), float(np.exp(ln_C.mean())), rng)
    change: Array = drawn.more * np.ptp(ln_C) / 2 / drawn.b
    low, value, high = np.quantile(change, [0.05, 0.5, 0.95])
    return LawBend(value=float(value), interval=(float(low), float(high)))
