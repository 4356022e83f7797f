"""`gamma*` and the frontier's exponent of many laws at once: the corner of `compute_optimal` in floating point."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...common import Array

__all__ = ["optimal_exponents"]


def optimal_exponents(mu: ArrayLike, nu: ArrayLike) -> tuple[Array, Array]:
    r"""`gamma*` and the frontier's exponent `B = min_ij B_ij`, for many laws at once, in floating point.

    Parameters
    ----------
    mu, nu
        Exponents, shape (..., terms); NaN where a law has fewer terms.

    Returns
    -------
    gamma, B
        Shape (...); NaN where no pair of terms pulls in opposite directions or gamma* is not in (0, inf). A term
        with `mu = nu` that is slower than the corner sets `B`, not `gamma`.

    Examples
    --------
    >>> optimal_exponents([[0.5, 0.0], [0.34, 0.0]], [[0.0, 0.5], [0.0, 0.28]])
    (array([1. , 0.82352941]), array([0.25 , 0.15354839]))
    """
    mu, nu = np.broadcast_arrays(np.asarray(mu, dtype=np.float64), np.asarray(nu, dtype=np.float64))
    s = np.where(np.abs(mu - nu) <= 1e-12, 0.0, mu - nu)
    mu_i, nu_i, s_i = (e[..., :, None] for e in (mu, nu, s))
    mu_j, nu_j, s_j = (e[..., None, :] for e in (mu, nu, s))
    with np.errstate(divide="ignore", invalid="ignore"):
        opposed = (s_i > 0) & (s_j < 0)
        B = np.where(opposed, (mu_i * nu_j - mu_j * nu_i) / (s_i - s_j), np.inf)
        gamma = (nu_j - nu_i) / (mu_i - mu_j)
    flattened = B.reshape(*B.shape[:-2], -1)
    corner = np.argmin(flattened, axis=-1)[..., None]
    best = np.take_along_axis(flattened, corner, axis=-1)[..., 0]
    gamma = np.take_along_axis(gamma.reshape(flattened.shape), corner, axis=-1)[..., 0]
    exists = np.isfinite(best) & (gamma > 0) & np.isfinite(gamma)
    flat = np.where(s == 0, nu, np.inf).min(axis=-1)
    return np.where(exists, gamma, np.nan), np.where(exists, np.minimum(best, flat), np.nan)
