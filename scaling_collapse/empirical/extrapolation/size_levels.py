"""The level of every run from its whole curve: its final loss, with the noise of the last point averaged out.

At the curves' offset L_c a run's `ln(L - L_c)` less the mean of all sizes is a level plus misfit and noise, with the
covariance `V = misfit^2 K + Q`. The level is the generalized least squares mean: early parts, where shapes wander,
hardly count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Array
from .curve_noise import relative_kernel
from .shape_models import KERNEL_LENGTH
from .shape_posterior import ShapePosterior

__all__ = ["SizeLevels", "size_levels"]


@dataclass(frozen=True, kw_only=True)
class SizeLevels:
    """Final losses without what comes and goes, and how much that is.

    Parameters
    ----------
    finals
        For each size those of its seeds.
    last
        Standard deviation of a run's last point about its level, relative to the reducible loss.
    """

    finals: list[Array]
    last: float


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
    return SizeLevels(finals=finals, last=float(np.sqrt((last**2).sum() / max(last.size - 1, 1))))
