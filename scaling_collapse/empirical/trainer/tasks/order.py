r"""A fixed random order of n things, each position computed alone: no list of n numbers is kept or saved.

A Feistel network is a bijection of [0, 4^h): split a number into two halves of h bits and repeat
`(a, b) -> (b, a xor f_r(b))` with any functions f_r. Numbers that land outside [0, n) go through it again ("cycle
walking"), which makes it a bijection of [0, n) (Black and Rogaway 2002, Ciphers with Arbitrary Finite Domains,
section 3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["shuffled"]

ROUNDS = 6


def shuffled(positions: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """Where each position of [0, n) goes in the random order that `seed` fixes, shape as `positions`.

    Parameters
    ----------
    positions
        Whole numbers in [0, n).
    n
        Number of things, in [1, 2^62].
    seed
        Which order, >= 0.

    Examples
    --------
    >>> order = shuffled(np.arange(10), 10, seed=1)
    >>> sorted(order.tolist()) == list(range(10)), bool((shuffled(np.array([7]), 10, seed=1) == order[7]).all())
    (True, True)
    """
    half = np.uint64(max(1, (max(n - 1, 1).bit_length() + 1) // 2))
    keys = np.random.SeedSequence(seed).generate_state(ROUNDS, np.uint64).astype(np.uint64)
    x = positions.astype(np.uint64)
    outside = np.ones(x.shape, dtype=bool)
    while outside.any():  # the domain is less than 4 n, so a number needs at most 4 passes on average
        x[outside] = _feistel(x[outside], half, keys)
        outside = x >= n
    return x.astype(np.int64)


def _feistel(x: NDArray[np.uint64], half: np.uint64, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mask = (np.uint64(1) << half) - np.uint64(1)
    a, b = x >> half, x & mask
    for key in keys:
        a, b = b, a ^ (_mix(b + key) & mask)
    return (a << half) | b


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of 64 bits (the finalizer of SplitMix64); overflow wraps, as unsigned arrays do."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
