"""Quantiles of mixtures of normal distributions, by numpy alone."""

from __future__ import annotations

import numpy as np

from ...common import Array

__all__ = ["mixture_quantiles", "normal_cdf"]


def normal_cdf(z: Array) -> Array:
    """The standard normal distribution function, to 1.5e-7 (Abramowitz and Stegun 7.1.26).

    >>> normal_cdf(np.array([0.0, 1.6448536])).round(5)
    array([0.5 , 0.95])
    """
    a = np.abs(z) / np.sqrt(2.0)
    k = 1.0 / (1.0 + 0.3275911 * a)
    tail = ((((1.061405429 * k - 1.453152027) * k + 1.421413741) * k - 0.284496736) * k + 0.254829592) * k
    return 0.5 * (1.0 + np.sign(z) * (1.0 - tail * np.exp(-a * a)))


def mixture_quantiles(shares: Array, weight: Array, mean: Array, sd: Array) -> Array:
    """Quantiles at `shares` (n,) of mixtures with weights (J,), means and deviations (J, points): shape (n, points).

    >>> one = np.ones((1, 1))
    >>> mixture_quantiles(np.array([0.05, 0.5]), np.ones(1), 2 * one, one).round(4).ravel()
    array([0.3551, 2.    ])
    """
    low = np.broadcast_to((mean - 9 * sd).min(axis=0), (shares.size, mean.shape[1])).copy()
    high = np.broadcast_to((mean + 9 * sd).max(axis=0), low.shape).copy()
    for _ in range(26):  # halvings: to a millionth of a deviation
        middle = 0.5 * (low + high)
        below = np.tensordot(weight, normal_cdf((middle - mean[:, None]) / sd[:, None]), 1) < shares[:, None]
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
