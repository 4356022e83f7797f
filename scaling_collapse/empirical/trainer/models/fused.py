r"""Passes over memory made one: gelu, division by the root mean square, and their gradients, for float32 on a CPU.

At the widths of a ladder the products are short, and what lies between them costs as much. Here each such step is one
vectorized loop; gelu in its tanh form is `z / (1 + exp(-v))` with `v = 2 sqrt(2/pi) (z + 0.044715 z^3)`, and its
exponential a polynomial times a power of two. Relative errors are about 1e-6; elsewhere (GPU, other types, compiled)
torch's own operations do the same.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.polynomial import chebyshev, polynomial
from numpy.typing import NDArray
from torch import Tensor

from ....common import njit

__all__ = ["fusible", "gelu_backward_fused", "gelu_fused", "rms_backward_fused", "rms_fused"]

Floats = NDArray[np.float32]
FAST = {"reassoc", "contract", "nsz", "arcp"}  # NaN and infinities keep their meaning
C = np.float32(2 * math.sqrt(2 / math.pi))
CUBIC = np.float32(0.044715)
LOG2E = np.float32(math.log2(math.e))
# 2^f for f in [-1/2, 1/2], lowest power first: interpolated at Chebyshev points, as near to minimax as float32 sees
_AT = chebyshev.chebpts1(7) / 2
P0, P1, P2, P3, P4, P5, P6 = polynomial.polyfit(_AT, 2.0**_AT, 6).astype(np.float32)
LARGEST = np.float32(60)  # beyond 2^60 the exponential is held: products of a few of its powers stay finite
ONE, HALF, THREE = np.float32(1), np.float32(0.5), np.float32(3)


def fusible(*tensors: Tensor) -> bool:
    """Whether the loops here take these tensors."""
    return not torch.compiler.is_compiling() and all(
        t.dtype == torch.float32 and t.device.type == "cpu" and t.is_contiguous() for t in tensors
    )


def gelu_fused(z: Tensor) -> Tensor:
    """`gelu(z)`, any shape."""
    out = torch.empty_like(z)
    _gelu(_flat(z), _flat(out))
    return out


def gelu_backward_fused(g: Tensor, z: Tensor) -> Tensor:
    """`g gelu'(z)`."""
    out = torch.empty_like(z)
    _gelu_backward(_flat(g), _flat(z), _flat(out))
    return out


def rms_fused(h: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """`h` over its root mean square along the last axis, and the factor, with a last axis of 1."""
    out, factor = torch.empty_like(h), h.new_empty(*h.shape[:-1], 1)
    _rms(_rows(h), np.float32(epsilon), _rows(out), _flat(factor))
    return out, factor


def rms_backward_fused(g: Tensor, r: Tensor, factor: Tensor) -> Tensor:
    """`factor (g - r mean(g r))`."""
    out = torch.empty_like(g)
    _rms_backward(_rows(g), _rows(r), _flat(factor), _rows(out))
    return out


def _flat(t: Tensor) -> Floats:
    return t.detach().view(-1).numpy()


def _rows(t: Tensor) -> Floats:
    return t.detach().view(-1, t.shape[-1]).numpy()


@njit(fastmath=FAST, error_model="numpy", inline="always")
def _exponential(z: np.float32) -> np.float32:
    """`exp(-v(z))`, between 2^-60 and 2^60."""
    t = -LOG2E * C * z * (ONE + CUBIC * z * z)
    t = min(max(t, -LARGEST), LARGEST)
    n = np.floor(t + HALF)
    f = t - n
    p = P0 + f * (P1 + f * (P2 + f * (P3 + f * (P4 + f * (P5 + f * P6)))))
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return p * power


@njit(fastmath=FAST, error_model="numpy", nogil=True)
def _gelu(z: Floats, out: Floats) -> None:
    for i in range(z.size):
        out[i] = z[i] / (ONE + _exponential(z[i]))


@njit(fastmath=FAST, error_model="numpy", nogil=True)
def _gelu_backward(g: Floats, z: Floats, out: Floats) -> None:
    for i in range(z.size):
        x = z[i]
        e = _exponential(x)
        s = ONE / (ONE + e)  # and e s is 1 - s without its cancellation
        out[i] = g[i] * (s + x * s * (e * s) * C * (ONE + THREE * CUBIC * x * x))


@njit(fastmath=FAST, error_model="numpy", nogil=True)
def _rms(h: Floats, epsilon: np.float32, out: Floats, factor: Floats) -> None:
    width = np.float32(h.shape[1])
    for i in range(h.shape[0]):
        row, to = h[i], out[i]
        total = np.float32(0)
        for j in range(row.size):
            total += row[j] * row[j]
        f = ONE / np.sqrt(total / width + epsilon)
        factor[i] = f
        for j in range(row.size):
            to[j] = row[j] * f


@njit(fastmath=FAST, error_model="numpy", nogil=True)
def _rms_backward(g: Floats, r: Floats, factor: Floats, out: Floats) -> None:
    width = np.float32(g.shape[1])
    for i in range(g.shape[0]):
        gi, ri, to, f = g[i], r[i], out[i], factor[i]
        total = np.float32(0)
        for j in range(gi.size):
            total += gi[j] * ri[j]
        total /= width
        for j in range(gi.size):
            to[j] = (gi[j] - ri[j] * total) * f
