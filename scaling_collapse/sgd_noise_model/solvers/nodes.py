"""Fewer rows for the same curve: eigenvalues merged into Gauss quadrature nodes.

The loss depends on the problem only through `sum_j rho_j(0) f(lambda_j)` (memory of the start) and
`sum_j c_j lambda_j^2 f(lambda_j)` (response to noise), f smooth on a scale set by lambda itself. Bins of a fixed
ratio of eigenvalues therefore need few nodes each: an m-point Gauss rule for the bin's own discrete measure
reproduces its first 2 m moments. The two measures get rules of their own, so a node carries either a start or a count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from .recursion import Recursion

__all__ = ["gauss_nodes", "merged_rows"]


BIN_RATIO = 2.0


def merged_rows(recursion: Recursion, points: int) -> Recursion:
    """The recursion of fewer rows: nodes that remember (c = 0), then those that feel noise (rho = 0).

    Parameters
    ----------
    recursion
        That whose rows are merged.
    points
        Nodes per bin and measure, >= 1; the moments 0 ... 2 points - 1 of each bin are exact.
    """
    order = np.argsort(recursion.lam)
    lam = recursion.lam[order]
    memory, mass = gauss_nodes(lam, recursion.rho[order], points)
    noise, weight = gauss_nodes(lam, recursion.counts[order] * lam**2, points)
    zeros = np.zeros_like
    return recursion._replace(
        lam=np.concatenate([memory, noise]),
        counts=np.concatenate([zeros(memory), weight / noise**2]),
        rho=np.concatenate([mass, zeros(noise)]),
    )


def gauss_nodes(x: Array, weight: Array, points: int) -> tuple[Array, Array]:
    """Nodes and weights that stand for the discrete measure `sum_j weight_j delta(x_j)`, bin by bin.

    Parameters
    ----------
    x
        Increasing, > 0, shape (n,).
    weight
        >= 0, shape (n,); zeros are dropped.
    points
        Nodes per bin; a bin that holds no more points than that is kept as it is.

    Examples
    --------
    >>> x = np.linspace(1.0, 1.9, 50)
    >>> nodes, weights = gauss_nodes(x, np.ones(50), 3)
    >>> nodes.size, float(weights @ nodes**5), float((x**5).sum())
    (3, 430.8, 430.8)
    """
    keep = weight > 0
    x, weight = x[keep], weight[keep]
    if not x.size:
        return x, weight
    which = np.floor(np.log(x / x[0]) / np.log(BIN_RATIO) + 1e-9).astype(np.int64)
    _, which, size = np.unique(which, return_inverse=True, return_counts=True)
    alone = (size <= points)[which]
    rest, w, bin_ = x[~alone], weight[~alone], which[~alone]
    if not rest.size:
        return x, weight
    _, bin_ = np.unique(bin_, return_inverse=True)
    nodes, weights = _gauss_rules(rest, w, bin_, points)
    return np.concatenate([x[alone], nodes]), np.concatenate([weight[alone], weights])


def _gauss_rules(x: Array, w: Array, bin_: NDArray[np.intp], points: int) -> tuple[Array, Array]:
    """Stieltjes' procedure in all bins at once, then the eigenvalues of the Jacobi matrices (Golub and Welsch)."""
    bins = int(bin_[-1]) + 1
    mass = np.bincount(bin_, w)
    centre: Array = np.bincount(bin_, w * x) / mass
    width = np.sqrt(np.bincount(bin_, w * (x - centre[bin_]) ** 2) / mass)
    u = (x - centre[bin_]) / np.maximum(width, 1e-300)[bin_]  # mean 0, variance 1 in each bin
    jacobi = np.zeros((bins, points, points))
    previous, current = np.zeros_like(u), np.ones_like(u)
    norm, beta = mass, np.zeros(bins)
    for k in range(points):
        a = np.bincount(bin_, w * u * current**2) / norm
        jacobi[:, k, k] = a
        if k == points - 1:
            break
        previous, current = current, (u - a[bin_]) * current - beta[bin_] * previous
        new = np.bincount(bin_, w * current**2)
        beta = new / norm
        jacobi[:, k, k + 1] = jacobi[:, k + 1, k] = np.sqrt(beta)
        norm = np.maximum(new, 1e-300)  # fewer distinct points than nodes: the rest get no weight
    value, vector = np.linalg.eigh(jacobi)
    nodes: Array = np.clip(centre[:, None] + width[:, None] * value, x.min(), x.max())
    weights = np.asarray(mass[:, None] * vector[:, 0, :] ** 2, dtype=np.float64)
    keep = weights > 1e-15 * mass[:, None]
    return nodes[keep], weights[keep]
