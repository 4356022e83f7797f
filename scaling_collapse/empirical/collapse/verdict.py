r"""From Delta(x), sigma(x) and the normalized curves to a verdict.

Two measured quantities decide:

- `spread`: how much sizes differ beyond noise, relative to how far the curve falls,
  `sqrt(mean_x B(x)) / sqrt(mean_x (l(x) - 1)^2)`, B the between-size variance of l with the variance that noise gives
  to the sizes' means taken off. A universal curve has 0; the ladder collapses where it is at most `TOLERANCE`.
- `x_from`: the smallest x from which on `Delta < sigma` holds on at least `TAIL_SHARE` of the grid. It is a
  supercollapse where `x_from` is at most `SUPER_FROM`, whatever the spread: sizes then differ by less than seeds do.
  (Near x = 1 Delta vanishes by construction, so a short tail proves nothing.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...common import Array

__all__ = ["SUPER_FROM", "TAIL_SHARE", "TOLERANCE", "classify", "excess_spread", "supercollapse_from"]

TOLERANCE = 0.05
TAIL_SHARE = 0.9
SUPER_FROM = 2 / 3


def supercollapse_from(x: Array, delta: Array, sigma: Array) -> tuple[float, float]:
    """Fraction of the grid with `Delta < sigma`, and the x from which on it holds on 90 % of the rest.

    Parameters
    ----------
    x
        Grid, shape (n,); x = 1 never counts.
    delta, sigma
        Collapse deviation and noise floor, shape (n,).

    Returns
    -------
    fraction, x_from
        `x_from` is NaN where the last point before the end is not below the noise floor; both are NaN without sigma.

    Examples
    --------
    >>> x = np.array([0.25, 0.5, 0.75, 1.0])
    >>> supercollapse_from(x, np.array([3.0, 1.0, 0.5, 0.0]), np.ones(4))
    (0.3333333333333333, 0.75)
    """
    counts = x < 1
    if np.isnan(sigma[counts]).any():
        return float("nan"), float("nan")
    below = (delta < sigma)[counts]
    share_of_tail = np.cumsum(below[::-1])[::-1] / np.arange(below.size, 0, -1)
    holds = np.flatnonzero((share_of_tail >= TAIL_SHARE) & below)
    x_from = float(x[counts][holds[0]]) if holds.size else float("nan")
    return float(below.mean()), x_from


def excess_spread(l: Array, size_index: NDArray[np.intp]) -> float:
    r"""How much sizes differ beyond noise, relative to how far the mean curve falls.

    Noise of a size's mean comes from its seeds; where no size has two, from the roughness of each curve along x (half
    the mean squared difference of neighbouring points, twice over because the final loss is as noisy as the others).

    Parameters
    ----------
    l
        Normalized curves, shape (runs, n).
    size_index
        Size of each run, shape (runs,).

    Returns
    -------
    float
        Dimensionless, >= 0.

    Examples
    --------
    >>> x = np.linspace(0.1, 1, 181)
    >>> print(f"{excess_spread(np.stack([1 / x, 1 / x, 1.1 / x - 0.1]), np.arange(3)):.4f}")
    0.0558
    """
    sizes = np.unique(size_index)
    groups = [l[size_index == s] for s in sizes]
    means = np.stack([g.mean(axis=0) for g in groups])
    counts = np.array([len(g) for g in groups])
    between = means.var(axis=0, ddof=1)
    if (counts >= 2).any():
        within = np.mean([g.var(axis=0, ddof=1) for g in groups if len(g) >= 2], axis=0)
        noise = within * (1.0 / counts).mean()
    else:
        relative = np.diff(np.diff(np.log(np.maximum(l, 1e-300)), axis=1), axis=1)
        rough = (relative**2).mean(axis=1).mean() / 6.0  # second differences: the trend is taken off
        noise = 2.0 * rough * means.mean(axis=0) ** 2
    mean = means.mean(axis=0)
    excess = max(float((between - noise).mean()), 0.0)
    return float(np.sqrt(excess) / np.sqrt(((mean - 1.0) ** 2).mean()))


def classify(spread: float, x_from: float) -> str:
    """`"supercollapse"`, `"collapse"` or `"no collapse"`; NaN `x_from` (no seeds, no tail) rules the first out.

    >>> classify(0.07, 0.3), classify(0.02, float("nan")), classify(0.2, 0.8)
    ('supercollapse', 'collapse', 'no collapse')
    """
    if x_from <= SUPER_FROM:
        return "supercollapse"
    return "collapse" if spread <= TOLERANCE else "no collapse"
