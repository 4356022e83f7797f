r"""`LadderModel`: a measured ladder as the few numbers from which the gain of further runs is predicted.

A run of size i ends at `L_i = L_hat + R_i`, `R = a C^-b`, with relative noise r of R and noise s of ln S that may go
together (correlation rho). To first order in noise, with `z = ln p` about its mean,

- the fitted L0 is `sum_i w_i L_i`, w the first row of the pseudoinverse of the law's Jacobian, as the fit weighs sizes;
- the drift's slope is `sum_i (u_i ln S_i + v w_i L_i)`, `u_i = z_i / sum z^2`, `v = sum u_i / R_i` (0 if L0 is known);
- the variance between sizes has that of a quadratic form in noise (`scale_deviation`), and moves with L0 as it did
  over the interval of the offset.

Each size's noise is divided by its seeds, so the three half-widths follow for any other sizes and seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ...common import PFLOP, Array
from ...theory import means_by_size
from ..fits.intervals import LEVEL, MANY, t_quantile
from .curves_on_grid import CurvesOnGrid
from .evidence import evidence_at
from .power import power_of_trend, smallest_shift
from .scale_deviation import noise_of_curves
from .steepness import log_steepness, of_sizes

__all__ = ["HalfWidths", "LadderModel", "ladder_model"]


class HalfWidths(NamedTuple):
    """Half of the 90 % intervals: of L0, of the relative error of gamma, of the deviation; NaN where unknown."""

    L0: float
    gamma_error: float
    deviation: float


class _Between(NamedTuple):
    """Variance between sizes, relative to the curve's fall: its root now, noise along x, and the pull of L0."""

    deviation: float
    squared: float
    along: float
    dof: int
    per_offset: float


@dataclass(frozen=True, eq=False, kw_only=True)
class LadderModel:
    """A measured ladder.

    Parameters
    ----------
    log_p, seeds
        `ln p` and runs of the sizes, shape (sizes,).
    ln_a, b
        `R = a C^-b` with C in PFLOPs, at the offset in use.
    ln_kappa, gamma
        `ln C = ln_kappa + (1 + gamma) ln p`, C in PFLOPs.
    offset, fitted
        `L_hat`, and whether it comes from the final losses.
    noise, end_noise, together
        Standard deviation of ln S and of ln R of one run, and their correlation.
    between
        What is known of the variance between sizes.
    """

    log_p: Array
    seeds: Array
    ln_a: float
    b: float
    ln_kappa: float
    gamma: float
    offset: float
    fitted: bool
    noise: float
    end_noise: float
    together: float
    between: _Between

    def compute(self, log_p: Array) -> Array:
        """Of one run, PFLOPs."""
        return np.exp(self.ln_kappa + (1.0 + self.gamma) * log_p)

    def cost(self, log_p: Array, seeds: Array) -> float:
        """FLOPs of so many runs."""
        return float(self.compute(log_p) @ seeds) * PFLOP

    def _L0_weights(self, log_p: Array) -> Array:
        """How the fitted L0 answers each size's final loss, shape (sizes,); NaN where 3 numbers are not identified."""
        if log_p.size < 3:
            return np.full(log_p.size, math.nan)
        C = self.compute(log_p)
        fall = np.exp(self.ln_a - self.b * np.log(C))
        L = self.offset + fall
        jacobian = np.column_stack([np.ones(C.size), fall, fall * np.log(C / C[0])]) / L[:, None]
        return np.linalg.pinv(jacobian)[0] / L

    def _errors(self, log_p: Array, seeds: Array) -> tuple[float, float]:
        """Standard errors of L0 and of the relative error of gamma."""
        R = np.exp(self.ln_a - self.b * np.log(self.compute(log_p)))
        z = log_p - log_p.mean()
        u, end = z / (z @ z), self.end_noise * R
        w = self._L0_weights(log_p) if self.fitted else np.zeros(z.size)
        v = w * float((u / R).sum())
        mixed = 2.0 * self.together * u * self.noise * v * end
        slope = math.sqrt(max(float((((u * self.noise) ** 2 + mixed + (v * end) ** 2) / seeds).sum()), 0.0))
        return math.sqrt(float(((w * end) ** 2 / seeds).sum())), slope / self.b

    def half_widths(self, log_p: Array, seeds: Array) -> HalfWidths:
        """Of the intervals that a ladder of these sizes and seeds would give."""
        dof = int((seeds - 1).sum())
        L0, gamma = self._errors(log_p, seeds)
        t = t_quantile(dof, LEVEL)
        d, squared, along, _, per_offset = self.between
        free, per_mean = log_p.size - 1, float((1.0 / seeds).mean())
        variance = 2.0 * squared * per_mean**2 * (1 / free + 1 / dof) + 4.0 * along * per_mean / free * d**2
        off = t_quantile(MANY) * math.sqrt(variance)
        half = (math.sqrt(d**2 + off) - math.sqrt(max(d**2 - off, 0.0))) / 2
        return HalfWidths(
            L0=t * L0 if self.fitted else math.nan,
            gamma_error=t * gamma,
            deviation=math.hypot(half, per_offset * t * L0) if self.fitted else half,
        )

    def power(self, effect: float, log_p: Array, seeds: Array) -> float:
        """Probability that such a ladder shows an error of gamma, at 5 %."""
        return power_of_trend(abs(effect) / self._errors(log_p, seeds)[1], int((seeds - 1).sum()))

    def smallest_effect(self, probability: float) -> float:
        """The relative error of gamma that the ladder as it is shows with this probability."""
        dof = int((self.seeds - 1).sum())
        return smallest_shift(dof, probability=probability, measured=True) * self._errors(self.log_p, self.seeds)[1]


def ladder_model(
    curves: CurvesOnGrid, C: Array, offset: float, *, fitted: bool, ends: tuple[float, ...]
) -> LadderModel:
    """Read the numbers off a ladder.

    Parameters
    ----------
    curves
        Without suspect runs; some size has two seeds.
    C
        Compute of the sizes, PFLOPs, shape (sizes,).
    offset, fitted
        `L_hat`, and whether it comes from the final losses.
    ends
        Of its interval, below every final loss.
    """
    found = evidence_at(curves, offset)
    index, seeds = curves.size_index, np.bincount(curves.size_index).astype(np.float64)
    l, R = found.collapse.normalized, found.finals.mean - offset
    negative_b, ln_a = np.polyfit(np.log(C), np.log(R), 1)
    slope, ln_kappa = np.polyfit(found.log_p, np.log(C), 1)
    ln_s, ln_r = log_steepness(l, index), (curves.finals - found.finals.mean[index]) / R[index]
    away = ln_s - (np.bincount(index, ln_s) / seeds)[index]
    spread = math.sqrt(float((away**2).sum() * (ln_r**2).sum()))
    noises = [float(np.median(of_sizes(v, index).error * np.sqrt(seeds))) for v in (ln_s, ln_r)]
    model = LadderModel(
        log_p=found.log_p, seeds=seeds, ln_a=float(ln_a), b=-float(negative_b), ln_kappa=float(ln_kappa),
        gamma=float(slope) - 1.0, offset=offset, fitted=fitted, noise=noises[0], end_noise=noises[1],
        together=float(away @ ln_r) / spread if spread > 0 else 0.0, between=_Between(0.0, 0.0, 0.0, 1, 0.0),
    )  # fmt: skip
    means = means_by_size(l, index)
    curve_noise, apart = noise_of_curves(l, index), means - means.mean(axis=0)
    fall = float(((means.mean(axis=0) - 1.0) ** 2).sum())
    along = float(((apart @ curve_noise.directions.T) ** 2).sum()) / max(float((apart**2).sum()), 1e-300)
    width = model.half_widths(model.log_p, seeds).L0
    d = found.deviation.value
    moved = max((abs(evidence_at(curves, end).deviation.value - d) for end in ends), default=0.0)
    between = _Between(
        d, curve_noise.squared / fall**2, along / fall, curve_noise.dof, moved / width if width > 0 else 0.0
    )
    return replace(model, between=between)
