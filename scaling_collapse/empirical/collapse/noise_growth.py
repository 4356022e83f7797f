"""Does seed noise grow with size, or is one size noisier than the rest? A rate that is too high shows in this.

Noise is relative to the reducible loss, which falls with size. Noise of the evaluation does not: relative to that, it
grows in a healthy ladder too. So noise counts as growing only if it grows in units of the loss as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common import Array, Result
from ...theory import means_by_size
from .scale_deviation import roughness

__all__ = ["LOUD", "NoiseGrowth", "noise_growth"]

LOUD = 3.0
"""A size, or the largest of a ladder whose noise grows, is loud from this many times the usual noise on."""
IN_LOSS = 1.25
"""From this factor on noise grows in units of the loss."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class NoiseGrowth(Result):
    """Noise of the sizes.

    Parameters
    ----------
    sigma
        Seeds of one size, root mean square over x of the relative standard deviation of the reducible loss, shape
        (sizes,); NaN with one seed.
    rough
        From point to point in a curve, relative, shape (sizes,).
    reducible
        Final reducible losses over their geometric mean, shape (sizes,).
    growth, t
        Factor over the ladder by which noise grows with size, and the slope of its logarithm in standard errors.
    in_loss
        The same factor in units of the loss.
    loud
        Index of the size that is noisier than the others by more than chance gives (p < 1e-4), or None.
    times
        By how much.
    """

    sigma: Array
    rough: Array
    reducible: Array
    growth: float
    t: float
    in_loss: float
    loud: int | None
    times: float

    @property
    def grows(self) -> bool:
        """Whether noise surely grows with size, relative to the reducible loss and in units of the loss."""
        return self.growth > LOUD and self.t > LOUD and self.in_loss > IN_LOSS

    @property
    def loudness(self) -> Array:
        """Noise of each size over the median of the others', relative or in units of the loss, whichever is less; the
        larger of seeds' and from point to point.
        """
        ratios = [np.minimum(_ratios(n), _ratios(n * self.reducible)) for n in (self.sigma, self.rough)]
        return np.max(ratios, axis=0)


def noise_growth(
    l: Array, sigma: Array, size_index: NDArray[np.intp], log_p: Array, log_reducible: Array
) -> NoiseGrowth:
    """Growth of noise with size.

    Parameters
    ----------
    l
        Normalized curves, shape (runs, n).
    sigma
        Relative standard deviation over seeds of each size, shape (sizes, n); NaN with one seed.
    size_index
        Size of each run, shape (runs,).
    log_p, log_reducible
        `ln p`, and ln of the mean reducible loss at the end, shape (sizes,).
    """
    counts = np.bincount(size_index)
    whole = np.sqrt((sigma**2).mean(axis=1))
    rough = np.sqrt(means_by_size(roughness(l), size_index))
    # The logarithm of a standard deviation from n seeds has an error of about 1 / sqrt(2 (n - 1)); the roughness of
    # curves is known well, but each size has a rate and a task of its own.
    by_seeds = _line(log_p, whole, 1.0 / np.sqrt(2.0 * np.maximum(counts - 1, 1)))
    by_points = _line(log_p, rough, np.full(counts.size, 0.15))
    growth, t = max((by_seeds, by_points), key=lambda found: found[1])
    reducible = np.exp(log_reducible - log_reducible.mean())
    fall, _ = _line(log_p, reducible, np.zeros(counts.size))
    loud, times = _loudest(whole, counts - 1, reducible)
    return NoiseGrowth(
        sigma=whole, rough=rough, reducible=reducible, growth=growth, t=t, in_loss=growth * fall, loud=loud, times=times
    )


def _ratios(noise: Array) -> Array:
    """Each size's noise over the median of the others', shape (sizes,); 0 where it is unknown."""
    others = [np.delete(noise, i) for i in range(noise.size)]
    usual = [np.median(o[np.isfinite(o)]) if np.isfinite(o).any() else math.inf for o in others]
    return np.nan_to_num(noise) / np.maximum(usual, 1e-300)


def _line(log_p: Array, noise: Array, error: Array) -> tuple[float, float]:
    """Growth over the ladder and t of the slope of ln noise on ln p; 1 and 0 where it is unknown."""
    known = np.isfinite(noise) & (noise > 0)
    if known.sum() < 3:
        return 1.0, 0.0
    z, y, e = log_p[known], np.log(noise[known]), error[known]
    z = z - z.mean()
    slope = float(z @ (y - y.mean())) / float(z @ z)
    residual = y - y.mean() - slope * z
    from_fit = math.sqrt(float(residual @ residual) / max(known.sum() - 2, 1) / float(z @ z))
    from_seeds = float(np.sqrt((z**2 * e**2).sum())) / float(z @ z)
    return math.exp(slope * float(np.ptp(log_p))), slope / max(from_fit, from_seeds, 1e-12)


def _loudest(noise: Array, freedom: NDArray[np.intp], reducible: Array) -> tuple[int | None, float]:
    """The size whose noise stands out, in units of the loss too, and by what factor over the median of the others."""
    from scipy.special import fdtrc

    known = np.flatnonzero(np.isfinite(noise) & (noise > 0) & (freedom > 0))
    if known.size < 3:
        return None, 1.0
    top = int(known[np.argmax(noise[known])])
    others = np.array([i for i in known if i != top])
    usual = float(np.median(noise[others]))
    times = float(noise[top]) / usual
    chance = float(fdtrc(freedom[top], freedom[others].sum(), times**2)) * known.size
    in_loss = times * float(reducible[top] / np.median(reducible[others]))
    return (top, times) if chance < 1e-4 and times > LOUD and in_loss > IN_LOSS else (None, times)
