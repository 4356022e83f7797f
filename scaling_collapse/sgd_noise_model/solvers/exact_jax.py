"""The exact recursion in jax: differentiable with respect to the rates, vmapped over schedules, on any device.

jax is an optional extra; nothing here imports it before it is used.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array, require
from .recursion import Recursion

__all__ = ["final_loss_function", "run", "run_many"]


@lru_cache(maxsize=1)
def _stepper() -> Any:
    """`(total, weighted)` at all steps 0 ... K, jitted; float64 holds inside `enable_x64` only."""
    jax = require("jax", "the jax solver", extra="jax")
    jnp = jax.numpy

    def all_steps(recursion: Recursion, source: Any, inverse_batch: Any, eta: Any) -> Any:
        lam, _, rho, frozen, s2, _ = recursion

        def step(rho: Any, e: Any) -> Any:
            t = rho.sum() + frozen
            step = e * lam
            factor = 1.0 - 2.0 * step + step**2 * (1.0 + inverse_batch)
            return rho * factor + e**2 * inverse_batch * (t + s2) * source, (t, lam @ rho)

        last, (total, weighted) = jax.lax.scan(step, rho, eta)
        end = last.sum() + frozen, lam @ last
        return jnp.append(total, end[0]), jnp.append(weighted, end[1])

    single = jax.jit(all_steps)
    many = jax.jit(jax.vmap(all_steps, in_axes=(None,) * 3 + (0,)))
    return single, many


def run(recursion: Recursion, eta: Array, record: NDArray[np.int64]) -> tuple[Array, Array]:
    """As `exact_numpy.run`."""
    with require("jax", "the jax solver", extra="jax").enable_x64(True):
        total, weighted = _stepper()[0](recursion, recursion.counts * recursion.lam**2, 1.0 / recursion.batch, eta)
        return np.asarray(total)[record], np.asarray(weighted)[record]


def run_many(recursion: Recursion, eta: Array, record: NDArray[np.int64]) -> tuple[Array, Array]:
    """As `run` for rates of shape (schedules, K); returns shape (schedules, n) each."""
    with require("jax", "simulate_many", extra="jax").enable_x64(True):
        total, weighted = _stepper()[1](recursion, recursion.counts * recursion.lam**2, 1.0 / recursion.batch, eta)
        return np.asarray(total)[:, record], np.asarray(weighted)[:, record]


def final_loss_function(recursion: Recursion) -> Any:
    """A traceable function: rates, shape (K,), to the final reducible loss; its gradient costs sqrt(K) memory.

    Call and differentiate it inside `jax.enable_x64(True)`.
    """
    jax = require("jax", "optimal_schedule", extra="jax")
    jnp = jax.numpy
    lam, counts, rho, frozen, s2, batch = recursion
    inverse_batch = 1.0 / batch
    source = counts * lam**2

    def step(rho: Any, e: Any) -> Any:
        t = rho.sum() + frozen
        step = e * lam
        factor = 1.0 - 2.0 * step + step**2 * (1.0 + inverse_batch)
        return rho * factor + e**2 * inverse_batch * (t + s2) * source, None

    @jax.checkpoint
    def block(rho: Any, rates: Any) -> Any:
        return jax.lax.scan(step, rho, rates)[0], None

    def final(eta: Any) -> Any:
        size = int(np.ceil(np.sqrt(eta.shape[0])))
        blocks = -(-eta.shape[0] // size)
        padded = jnp.concatenate([eta, jnp.zeros(size * blocks - eta.shape[0])])  # a rate of 0 changes nothing
        rho_end, _ = jax.lax.scan(block, jnp.asarray(rho), padded.reshape(blocks, size))
        return 0.5 * (rho_end.sum() + frozen)

    return final
