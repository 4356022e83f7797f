"""The exact recursion in plain numpy: the reference that the other solvers are compared with.

The recursion (recursion.py) follows from
`r <- r - (eta / B) sum_i H^(1/2)-weighted z_i (z_i . r + noise)` and Wick's rule for Gaussian z
(arXiv 2405.15074, section 2, extended to label noise and any eta_k).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from .recursion import Recursion

__all__ = ["run"]


def run(recursion: Recursion, eta: Array, record: NDArray[np.int64]) -> tuple[Array, Array]:
    """`sum_j rho_j` (frozen included) and `sum_j lambda_j rho_j` at the recorded steps, shape (n,) each."""
    lam, counts, rho, frozen, s2, batch = recursion
    total, weighted = np.empty(record.size), np.empty(record.size)
    at = 0
    for k in range(eta.size + 1):
        t = rho.sum() + frozen
        if at < record.size and record[at] == k:
            total[at], weighted[at] = t, lam @ rho
            at += 1
        if k < eta.size:
            step = eta[k] * lam
            rho = rho * (1 - 2 * step + step**2 * (1 + 1 / batch)) + counts * step**2 * (t + s2) / batch
    return total, weighted
