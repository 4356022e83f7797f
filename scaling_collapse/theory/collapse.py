"""How well curves collapse: normalization, the collapse deviation Delta(x) and the noise floor sigma(x).

Definitions of Qiu et al. 2025 (arXiv 2507.02119, section 2), with this project's conventions: x runs evenly from
0.1 to 1 in 181 points, interpolation is linear in tokens, standard deviations are sample ones (ddof = 1), and
every size weighs the same however many seeds it has.

| symbol | shape | meaning |
|---|---|---|
| `x` | (n,) | normalized compute `t / t*` |
| `L` | (runs, n) | loss at `x t*` |
| `l` | (runs, n) | normalized curve, 1 at x = 1 |
| `size_index` | (runs,) | which size a run belongs to, 0 .. sizes - 1 |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..common import Array, InputError, Source
from .ladder import Ladder

__all__ = [
    "collapse_deviation",
    "default_grid",
    "losses_on_grid",
    "means_by_size",
    "noise_by_size",
    "noise_floor",
    "normalize",
    "size_weights",
]


def default_grid() -> Array:
    """The project's grid of normalized compute: 181 points, evenly from 0.1 to 1.

    >>> default_grid()[[0, 1, -1]]
    array([0.1  , 0.105, 1.   ])
    """
    return np.linspace(0.1, 1.0, 181)


def losses_on_grid(ladder: Ladder | Source, x: ArrayLike | None = None) -> Array:
    """`L(x t*)` of every run, shape (runs, n), linear in tokens; NaN where a run was not logged.

    Parameters
    ----------
    ladder
        The curves, or the path of a table, or a frame; each curve is cut at its own horizon `t*`.
    x
        Normalized compute, shape (n,); default `default_grid()`.
    """
    x = default_grid() if x is None else np.asarray(x, dtype=np.float64)
    return np.stack([curve.loss_at(x * curve.horizon_tokens) for curve in Ladder.of(ladder)])


def normalize(L: ArrayLike, offset: float) -> Array:
    r"""Normalized curves `l(x) = (L(x t*) - L_hat) / (L(t*) - L_hat)`, each run by its own final loss.

    Parameters
    ----------
    L
        Losses, shape (..., n); the last point is x = 1.
    offset
        `L_hat`, the irreducible loss in use; below every final loss.

    Raises
    ------
    InputError
        If a final loss is not above `offset`.

    References
    ----------
    Qiu et al. 2025, equation (2).

    Examples
    --------
    >>> normalize([[4.0, 3.0, 2.0]], offset=1.0)
    array([[3., 2., 1.]])
    """
    L = np.asarray(L, dtype=np.float64)
    reducible = L[..., -1:] - offset
    if not (reducible > 0).all():
        raise InputError(
            f"normalize needs an offset below every final loss; got offset {offset:g} and a final loss of "
            f"{np.nanmin(L[..., -1]):g}. Use a smaller offset."
        )
    return (L - offset) / reducible


def size_weights(size_index: ArrayLike) -> Array:
    """Weights of the runs, summing to 1, with which every size weighs the same, shape (runs,).

    >>> size_weights([0, 0, 1])
    array([0.25, 0.25, 0.5 ])
    """
    size_index = np.asarray(size_index)
    counts = np.bincount(size_index)
    return 1.0 / (np.count_nonzero(counts) * counts[size_index])


def collapse_deviation(l: ArrayLike, size_index: ArrayLike) -> Array:
    r"""`Delta(x) = sd_{p,omega}[l(x)] / mean_{p,omega}[l(x)]`, over sizes and seeds.

    With weights `w_i` that give every size the same total, the mean is `sum w_i l_i` and the variance
    `sum w_i (l_i - mean)^2 / (1 - sum w_i^2)`, which is the sample variance (ddof = 1) when all sizes have
    equally many seeds.

    Parameters
    ----------
    l
        Normalized curves, shape (..., runs, n), dimensionless.
    size_index
        Size of each run, shape (runs,).

    Returns
    -------
    ndarray
        `Delta`, shape (..., n), dimensionless; 0 at x = 1 by construction.

    References
    ----------
    Qiu et al. 2025, equation (3).

    Examples
    --------
    >>> collapse_deviation([[2.0, 1.0], [2.2, 1.0]], [0, 1])
    array([0.0673435, 0. ])
    """
    l = np.asarray(l, dtype=np.float64)
    w = size_weights(size_index)
    if w.size < 2:
        raise InputError(f"collapse_deviation needs at least 2 runs; got {w.size}. Add runs of another size.")
    w = w[:, None]
    mean = (w * l).sum(axis=-2, keepdims=True)
    variance = (w * (l - mean) ** 2).sum(axis=-2) / (1.0 - (w**2).sum())
    return np.sqrt(variance) / mean[..., 0, :]


def noise_floor(L: ArrayLike, size_index: ArrayLike, offset: float | ArrayLike) -> Array:
    r"""`sigma(x) = rms_p( sd_omega[L] / (mean_omega[L] - L_hat) )`: what another seed alone would change.

    Parameters
    ----------
    L
        Losses on the grid, shape (..., runs, n).
    size_index
        Size of each run, shape (runs,). Sizes with a single run do not contribute.
    offset
        `L_hat`; a scalar, or an array that broadcasts against shape (..., n).

    Returns
    -------
    ndarray
        `sigma`, shape (..., n), dimensionless; NaN where no size has two seeds.

    References
    ----------
    Qiu et al. 2025, section 2.2.

    Examples
    --------
    >>> noise_floor([[3.0, 2.0], [3.2, 2.0], [2.0, 1.5]], [0, 0, 1], offset=1.0)
    array([0.0673435, 0. ])
    """
    by_size = noise_by_size(L, size_index, offset)
    seeded = np.isfinite(by_size[..., -1]).reshape(-1, by_size.shape[-2]).any(axis=0)
    if not seeded.any():
        return np.full(by_size.shape[:-2] + by_size.shape[-1:], np.nan)
    return np.sqrt(np.mean(by_size[..., seeded, :] ** 2, axis=-2))


def means_by_size(values: ArrayLike, size_index: ArrayLike) -> Array:
    """Mean over the runs of each size, shape (sizes, ...).

    Parameters
    ----------
    values
        Shape (runs, ...).
    size_index
        Size of each run, shape (runs,).

    Examples
    --------
    >>> means_by_size([[1.0, 4.0], [3.0, 6.0], [5.0, 5.0]], [0, 0, 1])
    array([[2., 5.],
           [5., 5.]])
    """
    values, size_index = np.asarray(values, dtype=np.float64), np.asarray(size_index)
    return np.stack([values[size_index == size].mean(axis=0) for size in np.unique(size_index)])


def noise_by_size(L: ArrayLike, size_index: ArrayLike, offset: float | ArrayLike) -> Array:
    r"""`sd_omega[L] / (mean_omega[L] - L_hat)` of every size: what another seed of it would change.

    Parameters
    ----------
    L
        Losses on the grid, shape (..., runs, n).
    size_index
        Size of each run, shape (runs,).
    offset
        `L_hat`; a scalar, or an array that broadcasts against shape (..., n).

    Returns
    -------
    ndarray
        Shape (..., sizes, n), dimensionless; NaN for a size with one run.

    Examples
    --------
    >>> noise_by_size([[3.0, 2.0], [3.2, 2.0], [2.0, 1.5]], [0, 0, 1], offset=1.0)
    array([[0.0673435, 0. ],
           [ nan, nan]])
    """
    L, size_index = np.asarray(L, dtype=np.float64), np.asarray(size_index)
    sizes = np.unique(size_index)
    result = np.full((*L.shape[:-2], sizes.size, L.shape[-1]), np.nan)
    for i, size in enumerate(sizes):
        runs = L[..., size_index == size, :]
        if runs.shape[-2] >= 2:
            result[..., i, :] = runs.std(axis=-2, ddof=1) / (runs.mean(axis=-2) - offset)
    return result
