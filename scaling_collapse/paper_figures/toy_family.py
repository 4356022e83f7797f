r"""A toy family of models with tokens per parameter and an AdamW timescale, for the figures after Bergsma et al.

Least squares on modes `lambda_j = 1/j`, target `b_j = j^-beta`; a model of d parameters learns the first d. One-pass
SGD with batch B, decoupled weight decay wd and a linearly decayed rate eta; mode j has mean error m and variance v:

.. math:: m \leftarrow (1 - \eta(\lambda + w)) m - \eta w b, \qquad
          v \leftarrow (1 - \eta(\lambda + w))^2 v + \eta^2 \lambda\, 2 L / B, \qquad
          L = \tfrac12 \sum_j \lambda_j (m_j^2 + v_j) + \tfrac12 \sum_{j > d} \lambda_j b_j^2.

With this spectrum both power laws have one exponent, 2 beta, so that fixed tokens per parameter are compute-optimal
(gamma* = 1); there is no irreducible loss, so that `L(x) / L(1)` can collapse (`theory.families`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ..common import Array
from ..theory import tokens_for_tpp, weight_decay_for_timescale

__all__ = ["BATCH", "PEAK", "TAU", "TPP", "X", "described", "observed", "train"]

BETA, BATCH, PEAK = 0.3, 64, 0.4
TPP, TAU = 160.0, 0.3
"""Examples per parameter, and timescale of the weight average as a fraction of training, of the healthy family."""
X = np.linspace(0.02, 1.0, 197)
"""Fractions of training at which the loss is taken."""


def described(sizes: tuple[int, ...]) -> str:
    """What was simulated, for the line of data."""
    return (
        f"simulated: least squares on modes 1/j, SGD with decoupled weight decay, expected loss, {len(sizes)} sizes "
        f"from {sizes[0]} to {sizes[-1]}, no irreducible loss; not a language model"
    )


def train(
    size: int,
    *,
    tpp: float = TPP,
    tau: float = TAU,
    peak: float = PEAK,
    batch: int = BATCH,
    noise: Callable[[float], float] | None = None,
) -> Array:
    """Expected loss at `X` of a model of `size` parameters; `noise(x)` multiplies the gradient's variance."""
    if noise is None:
        return _healthy(size, tpp, tau, peak, batch)
    return _run(size, tpp, tau, peak, batch, noise)


@lru_cache(maxsize=256)
def _healthy(size: int, tpp: float, tau: float, peak: float, batch: int) -> Array:
    return _run(size, tpp, tau, peak, batch, lambda x: 1.0)


def _run(size: int, tpp: float, tau: float, peak: float, batch: int, noise: Callable[[float], float]) -> Array:
    examples = float(tokens_for_tpp(size, tpp))
    steps = round(examples / batch)
    decay = float(weight_decay_for_timescale(tau, batch, peak, examples))
    j = np.arange(1, size + 1, dtype=np.float64)
    power, target = 1.0 / j, j**-BETA
    # sum of j^-(1 + 2 beta) beyond d, by the integral from d + 1/2
    tail = 0.5 * (size + 0.5) ** (-2 * BETA) / (2 * BETA)
    m, v = -target, np.zeros(size)
    losses = np.empty(steps + 1)
    for k in range(steps + 1):
        loss = losses[k] = 0.5 * float(power @ (m**2 + v)) + tail
        eta = peak * (1.0 - k / steps)
        keep = 1.0 - eta * (power + decay)
        m = keep * m - eta * decay * target
        v = keep**2 * v + (eta**2 * 2.0 * loss * noise(k / steps) / batch) * power
    return np.interp(X * steps, np.arange(steps + 1), losses)


def observed(loss: Array, seed: int, scatter: float = 2e-3) -> Array:
    """The loss as a log shows it: with independent relative errors of `scatter`."""
    return loss * np.exp(scatter * np.random.default_rng(seed).standard_normal(loss.size))
