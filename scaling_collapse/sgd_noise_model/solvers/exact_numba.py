"""The exact recursion in numba: one pass over the modes per step, all arithmetic in registers.

Only the order of the sums differs from numpy's (`fastmath` allows that and fused multiply-add, nothing else), which
lets the compiler use the vector unit; measured in benchmarks/simulator_speed.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...common import Array, njit
from .recursion import Recursion

__all__ = ["run"]


@njit(fastmath={"reassoc", "contract"}, error_model="numpy")
def _run(lam, source, rho, frozen, s2, inverse_batch, eta, record, total, weighted):
    t = frozen
    for j in range(lam.size):
        t += rho[j]
    at = 0
    for k in range(eta.size + 1):
        if at < record.size and record[at] == k:
            w = 0.0
            for j in range(lam.size):
                w += lam[j] * rho[j]
            total[at] = t
            weighted[at] = w
            at += 1
        if k < eta.size:
            a1 = -2.0 * eta[k]
            a2 = eta[k] * eta[k] * (1.0 + inverse_batch)
            q = eta[k] * eta[k] * inverse_batch * (t + s2)
            acc = 0.0
            for j in range(lam.size):
                r = rho[j] * (1.0 + lam[j] * (a1 + a2 * lam[j])) + q * source[j]
                rho[j] = r
                acc += r
            t = frozen + acc


def run(recursion: Recursion, eta: Array, record: NDArray[np.int64]) -> tuple[Array, Array]:
    """As `exact_numpy.run`."""
    total, weighted = np.empty(record.size), np.empty(record.size)
    _run(
        lam=recursion.lam,
        source=recursion.counts * recursion.lam**2,
        rho=recursion.rho.copy(),
        frozen=recursion.frozen,
        s2=recursion.s2,
        inverse_batch=1.0 / recursion.batch,
        eta=eta,
        record=record,
        total=total,
        weighted=weighted,
    )
    return total, weighted
