r"""Noise of the slopes, and the regions of errors it leaves open: calibration and contours for `admitted_errors`.

Regions are likelihood-ratio regions on the exact nonlinear law, with Fisher's F instead of chi-square because the
noise is estimated, too: `Q - Q_min <= k s^2 F_k(level)` for k errors. The variance s^2 of a run's `ln S` comes from

- `"seeds"`: runs of one size, pooled over sizes;
- `"seeds and shape"`: the same plus what differing shapes add, where the sizes' curves differ in shape by more than
  seeds explain (no error of horizon or offset can do that);
- `"sizes"`: the scatter of sizes about the fitted law, where that is larger still, or no size has two seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from ...common import Array
from .error_profile import GAMMA, LOWER, OFFSET, ROUND_OFF, UPPER, ErrorProfile

__all__ = ["MISFIT_LEVEL", "MeasuredNoise", "Noise", "NoiseSource", "contour", "edge", "measure_noise"]

NoiseSource = Literal["seeds", "seeds and shape", "sizes", "none"]

# Below this probability seeds alone do not account for a misfit.
MISFIT_LEVEL = 0.01
# What a misfit is minimized over where both errors are free: these two, and the level.
FREE = 3


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Variance of a run's `ln S`, its source and degrees of freedom."""

    source: NoiseSource
    variance: float
    dof: int

    def rise(self, errors: int, level: float) -> float:
        """How far the misfit may rise above its minimum within a region of so many errors."""
        if self.source == "none":
            return math.inf
        return errors * self.variance * float(stats.f.ppf(level, errors, self.dof))

    def price(self, level: float) -> float:
        """The misfit as improbable as one standard deviation of something else that is known without a ladder.

        The variance; a little more where it is known from a few runs, so that F for this noise and chi-square for
        the other meet at the edge of a region.
        """
        if self.source == "none":
            return ROUND_OFF
        return self.rise(2, level) / float(stats.chi2.ppf(level, 2))

    def p_value(self, profile: ErrorProfile, best: Array, *, free: int) -> float:
        """Probability of a misfit this large from this noise, with `free` parameters fitted; NaN if unknown."""
        spare = profile.counts.size - free
        if self.source in ("none", "sizes") or spare < 1:
            return math.nan
        return float(stats.f.sf(profile.scatter(best) / spare / self.variance, spare, self.dof))


class MeasuredNoise(NamedTuple):
    """The noise to calibrate with, the p-value of the best pair, and the p-value of equal shapes."""

    noise: Noise
    p_value: float
    shape_p: float


def measure_noise(profile: ErrorProfile, best: Array) -> MeasuredNoise:
    """What the scatter of runs and of sizes says about the noise, with the errors at `best`."""
    sizes = profile.counts.size
    variance, dof = profile.seed_variance(best)
    noise = Noise(source="seeds" if dof else "none", variance=max(variance, ROUND_OFF), dof=dof)
    shape_variance, shape_p = profile.shape_variance()
    if shape_p < MISFIT_LEVEL:
        total = noise.variance + shape_variance
        noise = Noise(source="seeds and shape", variance=total, dof=min(dof, sizes - 1))
    p_value = noise.p_value(profile, best, free=FREE)
    if (noise.source == "none" or p_value < MISFIT_LEVEL) and sizes > FREE:
        scatter = profile.scatter(best) / (sizes - FREE)
        least = noise.variance if noise.dof else ROUND_OFF
        noise = Noise(source="sizes", variance=max(scatter, least), dof=sizes - FREE)
    return MeasuredNoise(noise, p_value, shape_p)


def _crossing(function: Callable[[Array], Array], start: float, bound: float) -> float:
    """Where `function`, negative at `start`, first turns positive on the way to `bound`; infinite if it never does."""
    sign, limit = math.copysign(1.0, bound - start), abs(bound - start)
    steps = np.append(0.0, np.geomspace(1e-13, limit, 60))
    for _ in range(3):  # zooms: the last bracket is 1e-4 of the distance
        positive = np.flatnonzero(function(start + sign * steps[1:]) > 0)
        if not positive.size:
            return sign * math.inf
        first = int(positive[0])
        steps = np.linspace(steps[first], steps[first + 1], 40)
    return start + sign * float(steps[-1])


def edge(profile: ErrorProfile, best: Array, axis: int, sign: int, rise: float) -> float:
    """Where the misfit has risen by `rise` along one axis; infinite where it never does."""
    floor = float(profile.misfit(best)) + rise
    other = best * (1 - np.eye(2)[axis])

    def excess(values: Array) -> Array:
        return profile.misfit(other + values[:, None] * np.eye(2)[axis]) - floor

    return _crossing(excess, float(best[axis]), float((LOWER if sign < 0 else UPPER)[axis]))


def contour(profile: ErrorProfile, best: Array, threshold: float) -> tuple[Array, bool]:
    """The contour `Q = threshold`, shape (n, 2), and whether it closes.

    For every error of gamma, the offset errors that are admitted lie around the best one; so the region is traced in
    slices, however long and bent it is.
    """

    def excess(z_gamma: Array) -> Array:
        return profile.profile_gamma(z_gamma)[1] - threshold

    ends = [_crossing(excess, float(best[GAMMA]), float(bound[GAMMA])) for bound in (LOWER, UPPER)]
    closed = all(map(math.isfinite, ends))
    left, right = np.clip(ends, LOWER[GAMMA], UPPER[GAMMA])
    z_gamma = left + (right - left) * 0.5 * (1 - np.cos(np.linspace(0, np.pi, 41)))
    ridge, misfit = profile.profile_gamma(z_gamma)
    held = misfit <= threshold
    held[[0, -1]] = True  # the two tips, where the slice is a point
    z_gamma, ridge, depth = z_gamma[held], ridge[held], np.sqrt(np.maximum(threshold - misfit[held], 0.0))
    lowest = threshold - depth**2

    def beyond(z_offset: Array) -> Array:
        """How far out, in the root of the misfit, in which a region is almost round."""
        above = profile.misfit(np.stack(np.broadcast_arrays(z_gamma, z_offset), axis=-1)) - lowest
        return np.sqrt(np.maximum(above, 0.0)) - depth

    bounds = np.array([LOWER[OFFSET], UPPER[OFFSET]])[:, None]
    outside = beyond(bounds)
    below, above = _roots(beyond, ridge, bounds, outside)
    sides = [np.stack([z_gamma, side], axis=1) for side in (below, above)]
    closed = closed and bool((outside > 0).all())
    return np.concatenate([sides[0], sides[1][::-1], sides[0][:1]]), closed


def _roots(function: Callable[[Array], Array], inside: Array, outside: Array, at_outside: Array) -> Array:
    """Where a function that is not positive at `inside` turns so towards `outside`, or `outside` if it does not.

    Regula falsi, the end that stays twice losing half its weight (Illinois).
    """
    shape = at_outside.shape
    near, far = np.broadcast_to(inside, shape), np.broadcast_to(outside, shape)
    low, high = np.broadcast_to(function(near), shape), at_outside
    depth, side = float(np.abs(np.minimum(low, 0.0)).max()), np.zeros(shape)
    root, going = np.where(high > 0, near, far), (high > 0) & (low < 0)
    for _ in range(25):
        root = np.where(going, near + np.clip(-low / np.maximum(high - low, 1e-300), 0.0, 1.0) * (far - near), root)
        value = function(root)
        held = value <= 0
        low = np.where(held, value, np.where(side < 0, low / 2, low))
        high = np.where(held, np.where(side > 0, high / 2, high), value)
        near, far = np.where(held, root, near), np.where(held, far, root)
        side = np.where(held, 1.0, -1.0)
        going = going & (np.abs(value) > 1e-4 * depth)
        if not going.any():
            break
    return root
