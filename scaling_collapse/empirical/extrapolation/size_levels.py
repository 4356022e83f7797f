"""The level of every run from its whole curve: its final loss, with the noise of the last point averaged out.

At the curves' offset L_c a run's `ln(L - L_c)` less the mean of all sizes is a level plus misfit and noise, with the
covariance `V = misfit^2 K + Q`. The level is the generalized least squares mean: early parts, where shapes wander,
hardly count.

What comes and goes from point to point may be noise of the evaluation, which does not fall with the loss. Its size
relative to the reducible loss R goes as `R^-louder`, `louder` from 0 to 1, by how rough the sizes' late curves are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Array
from .curve_noise import relative_kernel
from .shape_models import KERNEL_LENGTH
from .shape_posterior import ShapePosterior

__all__ = ["SizeLevels", "size_levels"]

LATE = 0.5
"""From here on in x roughness is compared."""


@dataclass(frozen=True, kw_only=True)
class SizeLevels:
    """Final losses without what comes and goes, and how much that is.

    Parameters
    ----------
    finals
        For each size those of its seeds.
    last
        Standard deviation of a run's last point about its level, relative to the reducible loss.
    louder
        Exponent with which that grows as the reducible loss falls, from 0 to 1.
    offset, log_reducible
        The curves' offset, and `ln(L - L_c)` at the end of the sizes, shape (sizes,).
    """

    finals: list[Array]
    last: float
    louder: float
    offset: float
    log_reducible: Array

    def times_louder(self, end: float) -> float:
        """By how much passing noise of a size that ends at the loss `end` exceeds the ladder's, >= 1."""
        ln_new = np.log(max(end - self.offset, 1e-3 * np.exp(self.log_reducible.min())))
        usual = np.sqrt(np.exp(-2.0 * self.louder * (self.log_reducible - ln_new)).mean())
        return max(1.0, float(1.0 / usual))


def size_levels(shape: ShapePosterior) -> SizeLevels:
    """The levels at the posterior mean of the curves' offset, misfit and noise."""
    curves, h, noise = shape.curves, shape.hypotheses, shape.noise
    offset = shape.mean(h.offset)
    factor = shape.mean(h.noise) if noise.dof else 1e-4
    V = shape.mean(h.misfit**2) * relative_kernel(curves.grid.v, KERNEL_LENGTH) + factor * noise.Q
    weights = np.linalg.solve(V, np.ones(len(V)))
    weights /= weights.sum()
    ln_R = [np.log(r - offset) for r in curves.runs]
    mean = np.mean([y.mean(axis=0) for y in ln_R], axis=0)
    levels = [(y - mean) @ curves.grid.average.T @ weights for y in ln_R]
    last = np.concatenate([y[:, -1] - mean[-1] - level for y, level in zip(ln_R, levels, strict=True)])
    finals = [offset + np.exp(mean[-1] + level) for level in levels]
    return SizeLevels(
        finals=finals,
        last=float(np.sqrt((last**2).sum() / max(last.size - 1, 1))),
        louder=_louder(ln_R, curves.grid.x),
        offset=offset,
        log_reducible=np.array([y[:, -1].mean() for y in ln_R]),
    )


def _louder(ln_R: list[Array], x: Array) -> float:
    """The exponent by a line through the logarithms of the late roughness; 0 unless it is sure."""
    late = x >= LATE
    rough = np.array([np.sqrt((np.diff(y[:, late], 2, axis=1) ** 2).mean()) for y in ln_R])
    if not (late.sum() > 4 and (rough > 0).all()):
        return 0.0
    z = np.array([-y[:, -1].mean() for y in ln_R])
    z -= z.mean()
    ln_rough = np.log(rough) - np.log(rough).mean()
    slope = float(z @ ln_rough) / float(z @ z)
    scatter = float(((ln_rough - slope * z) ** 2).sum()) / max(z.size - 2, 1)
    sure = abs(slope) > 2.0 * np.sqrt(scatter / float(z @ z))
    return float(np.clip(slope, 0.0, 1.0)) if sure else 0.0
