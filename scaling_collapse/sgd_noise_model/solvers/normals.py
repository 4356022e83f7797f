"""Standard normal numbers inside numba threads: every stream from its own seed, whatever thread runs it.

xoshiro256++ (Blackman and Vigna 2021) seeded by splitmix64, and the ziggurat of 256 layers (Marsaglia and Tsang 2000,
in Doornik's form that takes layer and abscissa from different bits).
"""

from __future__ import annotations

import numpy as np

from ...common import njit

__all__ = ["normal", "seeded", "uniform"]

LAYERS = 256
TAIL = 3.6541528853610088  # where the lowest layer's tail begins
AREA = 4.92867323399e-3  # of each layer


def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Right edges of the layers and the density there."""
    edges = np.zeros(LAYERS + 1)
    edges[0], edges[1] = AREA / np.exp(-0.5 * TAIL**2), TAIL
    for i in range(2, LAYERS):
        edges[i] = np.sqrt(-2.0 * np.log(AREA / edges[i - 1] + np.exp(-0.5 * edges[i - 1] ** 2)))
    return edges, np.exp(-0.5 * edges**2)


EDGES, DENSITY = _tables()


@njit()
def seeded(seed, stream):
    """The state of a stream, shape (4,), from two whole numbers."""
    state = np.empty(4, np.uint64)
    z = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stream) * np.uint64(0xD1B54A32D192ED03)
    for i in range(4):
        z += np.uint64(0x9E3779B97F4A7C15)
        y = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        y = (y ^ (y >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state[i] = y ^ (y >> np.uint64(31))
    return state


@njit(inline="always")
def _bits(state):
    """The next 64 bits."""
    mixed = state[0] + state[3]
    out = ((mixed << np.uint64(23)) | (mixed >> np.uint64(41))) + state[0]
    shifted = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << np.uint64(45)) | (state[3] >> np.uint64(19))
    return out


@njit()
def uniform(state):
    """Uniform in (0, 1]."""
    return ((_bits(state) >> np.uint64(11)) + 1.0) * 2.0**-53


@njit()
def _slow_normal(state, layer, x):
    """The rare cases: the tail, and the wedge between the layers' rectangles; NaN means draw again."""
    if layer == 0:
        while True:
            far = -np.log(uniform(state)) / TAIL
            if -2.0 * np.log(uniform(state)) >= far * far:
                return TAIL + far if x > 0.0 else -(TAIL + far)
    if DENSITY[layer] + uniform(state) * (DENSITY[layer + 1] - DENSITY[layer]) < np.exp(-0.5 * x * x):
        return x
    return np.nan


@njit()
def normal(state):
    """Standard normal."""
    while True:
        bits = _bits(state)
        layer = np.int64(bits & np.uint64(255))
        x = (np.float64(bits >> np.uint64(11)) * 2.0**-52 - 1.0) * EDGES[layer]
        if abs(x) < EDGES[layer + 1]:
            return x
        x = _slow_normal(state, layer, x)
        if x == x:
            return x
