r"""Power-law Fourier regression: a target whose spectrum falls off as a power of frequency, evaluated fast.

`y(x) = sum_i w_i sqrt(2) cos(2 pi k_i . x + phi_i)` for x uniform on [-1/2, 1/2]^d, with `|k_i|` Pareto
distributed, directions uniform, k rounded to integers, w normal, phi 0 or pi/2 (Qiu et al. 2025, arXiv
2507.02119, appendix on the MLP task).

Rounded frequencies repeat, and k and -k are one mode: with `c_i = w_i sqrt(2) exp(i phi_i)` the target is the
real part of `sum_i c_i exp(2 pi i k_i . x)`, so equal modes add up (`c` for k, its conjugate for -k). 10,000
drawn modes become about 3,000 distinct ones. Two conventions follow from the merging; `published=True` undoes both,
for a target that keeps a constant and whose variance is 1 at most on average over draws:

* modes rounded to k = 0 are constants, which say nothing about x, and are dropped;
* the amplitudes are scaled after merging, so that every drawn target has variance exactly 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import InputError
from .tasks.cosines import Cosines

__all__ = ["FourierTask"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class FourierTask:
    """One draw of the power-law Fourier target; equal parameters give the equal target.

    Parameters
    ----------
    dimensions
        `d`, number of inputs, >= 1.
    exponent
        Pareto exponent of the frequencies, `P(|k| > r) = r^-exponent` for r >= 1, > 0. Larger is smoother.
    modes
        Number of modes drawn, >= 1; fewer are left once equal ones are merged.
    seed
        Seed of the draw, >= 0.
    published
        Keep the constant, and scale the drawn weights to norm 1 before merging.

    Raises
    ------
    InputError
        If a parameter is out of its domain, or if every drawn frequency rounds to zero.

    Examples
    --------
    >>> task = FourierTask(dimensions=8, exponent=2.0, modes=10_000)
    >>> task.frequencies.shape[1], round(float((task.amplitudes**2).sum() / 2), 6)
    (8, 1.0)
    """

    dimensions: int = 8
    exponent: float = 2.0
    modes: int = 10_000
    seed: int = 0
    published: bool = False

    def __post_init__(self) -> None:
        for name, least in (("dimensions", 1), ("modes", 1), ("seed", 0)):
            value = getattr(self, name)
            if value < least:
                raise InputError(f"FourierTask needs `{name}` >= {least}; got {value}. Raise it.")
        if not (math.isfinite(self.exponent) and self.exponent > 0):
            raise InputError(f"FourierTask needs a positive `exponent`; got {self.exponent}. Try 1.5 or 2.")

    @cached_property
    def _modes(self) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Distinct frequencies (modes, d), amplitudes (modes,) and phases (modes,) in turns."""
        rng = np.random.default_rng(self.seed)
        radius = (1.0 - rng.random(self.modes)) ** (-1.0 / self.exponent)
        direction = rng.standard_normal((self.modes, self.dimensions))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        k = np.rint(radius[:, None] * direction).astype(np.int64)
        c = rng.standard_normal(self.modes) * 1j ** rng.integers(0, 2, self.modes)

        first = np.take_along_axis(k, (k != 0).argmax(axis=1)[:, None], axis=1)[:, 0]
        k[first < 0] *= -1  # of k and -k keep the one whose first nonzero component is positive
        c[first < 0] = c[first < 0].conj()
        if self.published:
            c *= math.sqrt(2.0) / np.linalg.norm(c)
        else:
            k, c = k[first != 0], c[first != 0]
        if not len(k):
            raise InputError(f"FourierTask needs a frequency other than zero; got {self}. Raise `modes`.")
        distinct, group = np.unique(k, axis=0, return_inverse=True)
        total = np.zeros(len(distinct), dtype=complex)
        np.add.at(total, group.reshape(-1), c)
        if not self.published:
            total *= math.sqrt(2.0) / np.linalg.norm(total)
        phase = np.angle(total) / (2 * np.pi)
        return distinct, np.abs(total).astype(np.float32), phase.astype(np.float32)

    @property
    def frequencies(self) -> NDArray[np.int64]:
        """Distinct frequencies `k`, shape (merged modes, d), cycles per unit of x."""
        return self._modes[0]

    @property
    def amplitudes(self) -> Floats:
        """Amplitude of each distinct mode, shape (merged modes,); half the sum of squares is 1."""
        return self._modes[1]

    @property
    def phases(self) -> Floats:
        """Phase of each distinct mode, shape (merged modes,), in turns (fractions of 2 pi)."""
        return self._modes[2]

    def __call__(self, x: ArrayLike) -> Floats:
        """Target `y(x)`, shape (n,), at inputs x of shape (n, d); float32, absolute error about 1e-5."""
        x = np.ascontiguousarray(x, dtype=np.float32)
        if x.ndim != 2 or x.shape[1] != self.dimensions:
            raise InputError(f"FourierTask needs inputs of shape (n, {self.dimensions}); got {x.shape}.")
        return self._cosines(x)

    @cached_property
    def _cosines(self) -> Cosines:
        return Cosines(*self._modes)
