r"""The deterministic equivalent of power-law random features: the spectrum that draws of W scatter about.

For `kappa > 0`, with `K = H + kappa` and `D = diag(j^-2alpha)`,

.. math:: K^{-1} \simeq \operatorname{diag}\Big(\frac{1}{D_j m + \kappa}\Big), \qquad
    m = \frac{1}{1 + \frac1d \sum_j \frac{D_j}{D_j m + \kappa}},

(arXiv 2405.15074, section 2, at `z = -kappa`). It is enough to know it for `kappa > 0`, where all is smooth and real:
the curves need `sum_j f(lambda_j) rho_j` for decaying f, and positive weights on a fine logarithmic grid of eigenvalues
that reproduce `sum_j rho_j / (lambda_j + kappa)` for all kappa reproduce those too.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from ...common import Array

__all__ = ["equivalent_measures"]


PER_OCTAVE = 4  # eigenvalue nodes per factor 2
HEAD = 2048  # j summed one by one


def equivalent_measures(d: int, v: int, alpha: float, beta: float) -> tuple[Array, Array, Array, float]:
    """Nodes `lambda`, masses `rho`, counts `c`, shape (n,) each, and the frozen mass, of the deterministic equivalent.

    Parameters
    ----------
    d, v
        Parameters and data dimensions, `v >= d`; the cost grows with their logarithm.
    alpha, beta
        Exponents of spectrum and target.

    Examples
    --------
    >>> lam, rho, counts, frozen = equivalent_measures(1000, 4000, 0.8, 0.4)
    >>> float(rho.sum() + frozen), float((np.arange(1, 4001) ** -2.4).sum())
    (1.38, 1.38)
    >>> float(counts @ lam), float((np.arange(1, 4001) ** -1.6).sum())  # Tr H
    (2.27, 2.27)
    """
    j, weight = _dyadic_sum(v)
    spectrum, target = j ** (-2 * alpha), weight * j ** (-2 * (alpha + beta))
    top = float((weight * spectrum).sum()) / d + 1.0
    low = float(d) ** (-2 * alpha) if v > d else float(v) ** (-2 * alpha)
    low *= 1e-2
    octaves = np.log2(4 * top / low)
    lam = np.geomspace(low, 4 * top, int(np.ceil(octaves * PER_OCTAVE)))
    kappa = np.geomspace(low / 8, 32 * top, 2 * lam.size)
    m = _fixed_point(kappa, spectrum, weight / d)
    resolvent = 1.0 / (spectrum * m[:, None] + kappa[:, None])
    frozen_mass = _frozen(spectrum, weight / d, target)
    memory = (resolvent * target).sum(1) - frozen_mass / kappa  # sum rho / (lambda + kappa)
    noise = (resolvent * (weight * spectrum * m[:, None])).sum(
        1
    )  # Tr H / (H + kappa) = sum c lambda / (lambda + kappa)
    rho = _positive_weights(lam, kappa, memory)
    trace = _positive_weights(lam, kappa, noise)
    keep = (rho > 0) | (trace > 0)
    return lam[keep], rho[keep], (trace / lam)[keep], frozen_mass


def _dyadic_sum(v: int) -> tuple[Array, Array]:
    """Points and weights for `sum_{j=1}^v f(j)`: one by one up to HEAD, then Gauss rules on octaves of j."""
    head = np.arange(1.0, min(v, HEAD) + 1.0)
    points, weights = [head], [np.ones_like(head)]
    nodes, gauss = np.polynomial.legendre.leggauss(10)
    edge = HEAD + 0.5
    while edge < v + 0.5 and v > HEAD:
        end = min(2 * edge, v + 0.5)
        points.append((edge + end) / 2 + (end - edge) / 2 * nodes)
        weights.append((end - edge) / 2 * gauss)
        edge = end
    return np.concatenate(points), np.concatenate(weights)


def _fixed_point(kappa: Array, spectrum: Array, weight: Array) -> Array:
    """`m(kappa)` by Newton in `ln m` on `g = m + m/d sum D/(D m + kappa) - 1`, increasing in m: safe from above."""
    m = np.ones_like(kappa)
    for _ in range(200):
        inverse = 1.0 / (spectrum * m[:, None] + kappa[:, None])
        g = m + (inverse * (weight * spectrum * m[:, None])).sum(1) - 1.0
        slope = m + (inverse**2 * kappa[:, None] * (weight * spectrum * m[:, None])).sum(1)
        step = np.clip(g / slope, -1.0, 1.0)
        m = m * np.exp(-step)
        if np.abs(step).max() < 1e-13:
            break
    return m


def _frozen(spectrum: Array, weight: Array, target: Array) -> float:
    """Mass along zero eigenvalues: the limit of `kappa G(-kappa)`, with `m = mu kappa`, `sum D mu/(D mu + 1) = d`."""
    if weight.sum() <= 1.0 + 1e-12:  # v = d: no zero eigenvalues
        return 0.0
    log_mu = 0.0
    for _ in range(500):
        share = spectrum * np.exp(log_mu) / (spectrum * np.exp(log_mu) + 1.0)
        step = ((weight * share).sum() - 1.0) / (weight * share * (1.0 - share)).sum()
        log_mu -= float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-13:
            break
    return float((target / (spectrum * np.exp(log_mu) + 1.0)).sum())


def _positive_weights(lam: Array, kappa: Array, transform: Array) -> Array:
    """Weights w >= 0 with `sum_i w_i / (lambda_i + kappa) = transform(kappa)`, least squares of relative errors."""
    relative = 1.0 / (transform[:, None] * (lam + kappa[:, None]))
    column = 1.0 / relative.max(0)  # comparable columns, or nnls loses the small ones
    weights, _ = nnls(relative * column, np.ones_like(kappa), maxiter=50 * lam.size)
    return weights * column
