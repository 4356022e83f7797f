r"""Do sizes agree? The variance between sizes beyond noise, relative to how far the curve falls, with its interval.

.. math:: d^2 = \langle B(x) - V(x) \overline{1/n} \rangle_x / \langle (\bar l(x) - 1)^2 \rangle_x

B is the variance of the sizes' mean curves, V what seeds of one size vary by (the median over sizes, which one sick
size cannot lift), n the seeds. A universal curve has d = 0. The question is asked of these sizes, not of others that
might have been trained: only seeds are random. The estimate of the numerator is a quadratic form in noise of known
covariance along x, so its distribution for any true value is close to a gamma of the same mean and variance, and the
interval holds the values for which what was seen is not in either tail.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ...theory import means_by_size
from ..fits.intervals import Interval

__all__ = [
    "NoiseOfCurves", "ScaleDeviation", "chance_ceiling", "deviation_of", "noise_of_curves", "roughness",
    "scale_deviation",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ScaleDeviation:
    """How much sizes differ beyond noise, as a share of the curve's fall.

    Parameters
    ----------
    value
        `d`, dimensionless, >= 0.
    interval
        90 %; its lower end is 0 where noise alone could do it. Without seeds what is the sizes' and what is noise is
        not known: the lower end is 0 and the upper one 1.5 times all that sizes differ by.
    """

    value: float
    interval: Interval


@dataclass(frozen=True, eq=False, kw_only=True)
class NoiseOfCurves:
    """Noise of one normalized curve along x.

    Parameters
    ----------
    variance
        Shape (n,).
    directions
        Rows whose Gram matrix is the covariance, shape (k, n).
    total, squared
        Trace of the covariance and of its square.
    dof
        Degrees of freedom behind it.
    source
        `"seeds"`, or `"roughness"`: only what changes from point to point is known.
    """

    variance: Array
    directions: Array
    total: float
    squared: float
    dof: int
    source: Literal["seeds", "roughness"]


def roughness(l: Array) -> Array:
    """Variance of `ln l` from point to point in each curve, shape (runs,): second differences take the trend off."""
    second = np.diff(np.log(np.maximum(l, 1e-300)), 2, axis=1)
    return (second**2).mean(axis=1) / 6.0


def noise_of_curves(l: Array, size_index: NDArray[np.intp]) -> NoiseOfCurves:
    """The noise of one curve: from seeds, or where no size has two, from the roughness of the curves."""
    sizes, counts = np.unique(size_index, return_counts=True)
    dof = int((counts - 1).sum())
    n = l.shape[1]
    if not dof:
        # The final loss, by which a curve is divided, is as noisy as the others: twice over.
        variance = 2.0 * np.median(roughness(l)) * l.mean(axis=0) ** 2
        return NoiseOfCurves(
            variance=variance, directions=np.diag(np.sqrt(variance)), total=float(variance.sum()),
            squared=float((variance**2).sum()), dof=10 * l.shape[0], source="roughness",
        )  # fmt: skip
    rows, power, freedom = [], [], []
    for s, c in zip(sizes, counts, strict=True):
        if c > 1:
            rows.append(l[size_index == s] - l[size_index == s].mean(axis=0))
            power.append(float((rows[-1] ** 2).sum()))
            freedom.append(int(c) - 1)
    # One sick size must not set the level: none counts for more than chance gives one in a thousand.
    usual = float(np.median(np.array(power) / freedom))
    cut = [min(1.0, math.sqrt(chance_ceiling(f) * usual * f / e)) if e > 0 else 1.0
           for e, f in zip(power, freedom, strict=True)]  # fmt: skip
    directions = np.concatenate([row * c for row, c in zip(rows, cut, strict=True)]) / math.sqrt(dof)
    variance = (directions**2).sum(axis=0)
    total = float(variance.sum())
    gram = directions @ directions.T
    squared = float((gram**2).sum()) - total**2 / dof
    if dof > 1:
        squared *= dof**2 / ((dof + 2.0) * (dof - 1.0))
    squared = float(np.clip(squared, total**2 / n, total**2))
    return NoiseOfCurves(
        variance=variance, directions=directions, total=total, squared=squared, dof=dof, source="seeds"
    )


def scale_deviation(
    l: Array, size_index: NDArray[np.intp], *, level: float = 0.9, trend: Array | None = None
) -> ScaleDeviation:
    """The deviation between sizes with its interval.

    Parameters
    ----------
    l
        Normalized curves, shape (runs, n).
    size_index
        Size of each run, shape (runs,).
    level
        Coverage of the interval.
    trend
        Regressor, shape (sizes,): the deviation about the line in it, at every x, instead of about the mean.
    """
    return deviation_of(
        means_by_size(l, size_index), noise_of_curves(l, size_index), np.bincount(size_index), level=level, trend=trend
    )


def deviation_of(
    means: Array, noise: NoiseOfCurves, counts: NDArray[np.intp], *, level: float = 0.9, trend: Array | None = None
) -> ScaleDeviation:
    """The deviation between mean curves, shape (sizes, n), of so many seeds, shape (sizes,), given the noise."""
    basis = np.ones((means.shape[0], 1)) if trend is None else np.column_stack([np.ones(means.shape[0]), trend])
    freedom = means.shape[0] - basis.shape[1]
    if freedom < 1:
        return ScaleDeviation(value=0.0, interval=(0.0, 0.0))
    away = means - basis @ np.linalg.lstsq(basis, means, rcond=None)[0]
    fall = float(((means.mean(axis=0) - 1.0) ** 2).sum())
    per_mean = float((1.0 / counts).mean())
    seen = float((away**2).sum()) / freedom
    expected = noise.total * per_mean
    # Noise along the very curves by which sizes differ.
    along = float(((away @ noise.directions.T) ** 2).sum()) / max(float((away**2).sum()), 1e-300) * per_mean
    along *= noise.dof / max(noise.dof - 2.0, 1.0)  # it is estimated: Student's t instead of a normal
    null = 2.0 * noise.squared * per_mean**2 * (1.0 / freedom + 1.0 / noise.dof)
    if noise.source == "roughness":
        low, high = 0.0, 2.25 * seen  # nothing else is known: 1.5 times the whole scatter
    else:
        tails = (0.5 + level / 2, 0.5 - level / 2)
        low, high = (_end(seen, expected, null, 4.0 * along / freedom, tail) for tail in tails)
        # Sizes that agree better than their noise allows are luck, not a proof that they agree perfectly.
        high = max(high, 0.5 * math.sqrt(null))
    scale = 1.0 / max(fall, 1e-300)
    value = math.sqrt(max(seen - expected, 0.0) * scale)
    return ScaleDeviation(value=value, interval=(math.sqrt(low * scale), math.sqrt(high * scale)))


def chance_ceiling(freedom: int) -> float:
    """What a variance of so many degrees of freedom exceeds by chance once in a thousand, over its median."""
    from scipy.special import chdtri

    return float(chdtri(freedom, 0.001) / chdtri(freedom, 0.5))


def _end(seen: float, expected: float, null: float, slope: float, tail: float) -> float:
    """The true value D >= 0 for which `seen` is the quantile `tail` of a gamma of mean D + expected and variance
    null + slope D; 0 where even D = 0 puts it lower.
    """
    from scipy.optimize import brentq
    from scipy.special import gammainc

    def below(D: float) -> float:
        mean, variance = D + expected, null + slope * D
        if variance <= 0 or mean <= 0:
            return float(seen >= mean)
        return float(gammainc(mean**2 / variance, seen * mean / variance)) - tail

    if below(0.0) <= 0:
        return 0.0
    top = max(seen, expected) + 1e-300
    while below(top) > 0:
        top *= 2.0
    return float(brentq(below, 0.0, top, xtol=1e-12 * top))  # type: ignore[arg-type]
