r"""Normalized curves in floating point: the terms of a numeric law at its horizon, without overflow at any size."""

from __future__ import annotations

import numpy as np
import sympy

from ...common import Array, InputError
from .along_horizon import Horizon
from .power_law_sum import PowerLawSum

__all__ = ["LossAtHorizon"]


class LossAtHorizon:
    """What each term of `law` is at `horizon`, as logarithms, and by how much it is larger at `x` times that.

    Parameters
    ----------
    law, horizon
        Of numbers only.
    """

    def __init__(self, law: PowerLawSum, horizon: Horizon) -> None:
        _, a, self.mu, nu = law.arrays
        self.law = law
        self.gamma, self.logs = float(horizon.gamma), float(horizon.logs)
        self.log_kappa = float(sympy.log(horizon.kappa))
        self.sign = np.sign(a)
        self.log_c = np.log(np.abs(a)) - self.mu * self.log_kappa
        self.delta = nu + self.gamma * self.mu

    def normalized(self, x: Array, p: Array) -> Array:
        """`l(x, p)`; `x` and `p` broadcast against each other."""
        x, p = x[..., None], p[..., None]
        log_weight = self.log_c - self.delta * np.log(p)
        growth = x**-self.mu
        if self.law.has_logs:
            log_weight, growth = self._with_logs(log_weight, growth, x, p)
        weight, growth = self._under_powers(log_weight, growth)
        total = weight.sum(axis=-1)
        if not (total > 0).all():
            raise InputError(
                "NormalizedCurve needs a loss above L0 at the horizon of each size; got one below for "
                f"{self.law.expr}. Give larger sizes, or change the negative coefficient."
            )
        return (weight * growth).sum(axis=-1) / total

    def _with_logs(self, log_weight: Array, growth: Array, x: Array, p: Array) -> tuple[Array, Array]:
        _, _, log_t, log_p = self.law.exponents
        with np.errstate(invalid="ignore", divide="ignore"):
            log_horizon = self.log_kappa + self.gamma * np.log(p) + self.logs * np.log(np.log(p))
        before = log_horizon + np.log(x)
        if not ((p > 1).all() and (before > 0).all()):
            raise InputError(
                "NormalizedCurve with logarithms needs p > 1 and x t* > 1; got p = "
                f"{np.min(p):g} and x = {np.min(x):g}. Give larger sizes."
            )
        log_log = log_t * np.log(log_horizon) + (log_p - self.logs * self.mu) * np.log(np.log(p))
        return log_weight + log_log, growth * (before / log_horizon) ** log_t

    def _under_powers(self, log_weight: Array, growth: Array) -> tuple[Array, Array]:
        """Weights over the largest, and growths; the parts of a power of a sum become one."""
        alone = len(self.law.single)
        log_weights, growths, signs = [log_weight[..., :alone]], [growth[..., :alone]], [self.sign[:alone]]
        for power, members in zip(self.law.powers, self.law.members, strict=True):
            c, part = float(power.exponent), list(members)
            inner, grown = log_weight[..., part] / c, growth[..., part] ** (1 / c)
            largest = inner.max(axis=-1, keepdims=True)
            share = np.exp(inner - largest)
            total = share.sum(axis=-1, keepdims=True)
            log_weights.append(c * (largest + np.log(total)))
            growths.append(((share * grown).sum(axis=-1, keepdims=True) / total) ** c)
            signs.append(np.ones(1))
        log_weight = np.concatenate(log_weights, axis=-1)
        shape = np.broadcast_shapes(*(one.shape[:-1] for one in growths))
        growth = np.concatenate([np.broadcast_to(one, (*shape, one.shape[-1])) for one in growths], axis=-1)
        weight = np.concatenate(signs) * np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
        return weight, growth
