r"""Many cosines of whole-number frequencies, fast: `y_b = sum_m A_m cos(2 pi (k_m . x_b + phase_m))`.

Modes are the outer loop and examples the inner one, a block of them at a time, so that everything the inner loop
touches stays in the first-level cache; components of k that are zero, 3 of 8 for the paper's target, cost nothing. The
cosine is a polynomial in the square of the turns left after rounding, which vectorizes where a call does not.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev, polynomial
from numpy.typing import NDArray

from ....common import njit

__all__ = ["Cosines"]

Floats = NDArray[np.float32]
Sparse = tuple[Floats, NDArray[np.int64], NDArray[np.int64]]
"""The components of k that are not zero, mode after mode; the axis of each; where each mode's begin, and their end."""
BLOCK = 512


class Cosines:
    """The sum of some modes as a function of x; the zeros of their frequencies are left out.

    Parameters
    ----------
    frequencies
        k, whole numbers, shape (M, d).
    amplitudes, phases
        A and phase (in turns), shape (M,).

    Examples
    --------
    >>> cosines = Cosines(np.array([[1, 0], [2, 3]]), np.float32([1, 1]), np.float32([0, 0.25]))
    >>> x = np.array([[0.0, 0.5], [0.25, 0.25]], dtype=np.float32)
    >>> y = np.cos(2 * np.pi * x[:, 0]) + np.cos(2 * np.pi * (x @ [2, 3] + 0.25))
    >>> bool(np.abs(cosines(x) - y).max() < 1e-5)
    True
    """

    def __init__(self, frequencies: NDArray[np.int64], amplitudes: Floats, phases: Floats) -> None:
        there = frequencies != 0
        first = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        self.sparse = (frequencies[there].astype(np.float32), np.nonzero(there)[1], first)
        self.amplitudes, self.phases = amplitudes, phases

    def __call__(self, x: Floats) -> Floats:
        """`y`, shape (n,), at inputs x of shape (n, d), float32; absolute error about 1e-5 for y of order 1."""
        columns = np.ascontiguousarray(x.T, dtype=np.float32)
        return _kernel(columns, self.sparse, self.amplitudes, self.phases, _COSINE)


def _cosine_polynomial(degree: int = 6) -> Floats:
    """Coefficients in `u = r^2`, lowest first, of `cos(2 pi r)` for |r| <= 1/2; in float32 the error is 3e-8."""
    u = chebyshev.chebpts1(64)  # interpolation at Chebyshev points is within a hair of the minimax polynomial
    fit = chebyshev.chebfit(u, np.cos(2 * np.pi * np.sqrt((u + 1) / 8)), degree)
    return polynomial.Polynomial(chebyshev.cheb2poly(fit))(polynomial.Polynomial([-1.0, 8.0])).coef.astype(np.float32)


_COSINE = _cosine_polynomial()


@njit(fastmath={"reassoc", "contract", "nsz"}, nogil=True)
def _kernel(x: Floats, sparse: Sparse, amplitude: Floats, phase: Floats, c: Floats) -> Floats:
    """Inputs of shape (d, n). Assumes clean arrays."""
    k, axis, first = sparse
    d, n = x.shape
    out = np.empty(n, dtype=np.float32)
    # Buffers that start at zero: a loop vectorizes only where no index can be negative.
    part = np.zeros((d, BLOCK), dtype=np.float32)
    turns = np.empty(BLOCK, dtype=np.float32)
    total = np.empty(BLOCK, dtype=np.float32)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        part[:, :size] = x[:, start : start + size]
        total[:] = 0
        for m in range(phase.size):
            turns[:] = phase[m]
            for j in range(first[m], first[m + 1]):
                row, times = axis[j], k[j]
                for b in range(size):
                    turns[b] += times * part[row, b]
            A = amplitude[m]
            for b in range(size):
                r = turns[b] - np.floor(turns[b] + np.float32(0.5))
                u = r * r
                cosine = c[0] + u * (c[1] + u * (c[2] + u * (c[3] + u * (c[4] + u * (c[5] + u * c[6])))))
                total[b] += A * cosine
        out[start : start + size] = total[:size]
    return out
