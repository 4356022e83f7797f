"""`NewSize`: a size that has not been run, its horizon and what its tokens cost, read off the ladder's own trends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...common import PFLOP, Array
from ...theory import Ladder

__all__ = ["NewSize", "ladder_ends", "new_size"]

SAME_HORIZON = 0.05
"""A given horizon is the ladder's own where it lies this near, in the logarithm."""
SAME_COST = 0.01
"""FLOPs per token and parameter are one number where they spread by less, in the logarithm."""


@dataclass(frozen=True, kw_only=True)
class NewSize:
    """The size to predict.

    Parameters
    ----------
    params, horizon
        Parameters and the horizon `t*` in tokens.
    compute_per_token
        FLOPs per token and parameter.
    notes
        Sentences about what was extrapolated.
    """

    params: float
    horizon: float
    compute_per_token: float
    notes: tuple[str, ...]

    def compute(self, tokens: Array) -> Array:
        """FLOPs after that many tokens."""
        return self.compute_per_token * self.params * tokens

    @property
    def C(self) -> float:
        """Compute at the horizon, PFLOPs."""
        return self.compute_per_token * self.params * self.horizon / PFLOP


def new_size(ladder: Ladder, params: float, tokens: float | None) -> NewSize:
    """The size `params` with the horizon `tokens`, by default that of the power law through the ladder's horizons."""
    p = np.array(ladder.sizes)
    horizons, compute = ladder_ends(ladder)
    horizon, about_horizon = _horizon(p, horizons, params, tokens)
    per_token, about_compute = _compute_per_token(p, compute / (p * horizons), params)
    notes = tuple(note for note in (about_horizon, about_compute) if note)
    return NewSize(params=float(params), horizon=horizon, compute_per_token=per_token, notes=notes)


def ladder_ends(ladder: Ladder) -> tuple[Array, Array]:
    """Horizon in tokens and compute there in FLOPs of each size, means over its runs, shape (sizes,)."""
    groups = ladder.by_size.values()
    horizons = [np.mean([c.horizon_tokens for c in curves]) for curves in groups]
    compute = [np.mean([c.horizon_compute for c in curves]) for curves in groups]
    return np.array(horizons, dtype=np.float64), np.array(compute, dtype=np.float64)


def _horizon(p: Array, horizons: Array, params: float, tokens: float | None) -> tuple[float, str]:
    """The new size's horizon, and what is to be said about it."""
    gamma, intercept = np.polyfit(np.log(p), np.log(horizons), 1)
    off = np.log(horizons) - intercept - gamma * np.log(p)
    rule = float(np.exp(intercept + gamma * math.log(params)))
    if tokens is None:
        return rule, (
            f"The horizon, {rule:.4g} tokens, was extrapolated from the ladder's own t* = kappa p^gamma, gamma = "
            f"{gamma:.4f} (which its sizes meet within {np.expm1(np.abs(off).max()):.1%})."
        )
    if abs(math.log(tokens / rule)) <= SAME_HORIZON:
        return float(tokens), ""
    return float(tokens), (
        f"The given horizon is {tokens / rule:.3g} times what the ladder's own rule gives ({rule:.4g}): law and curve "
        "are those of sizes that follow the rule."
    )


def _compute_per_token(p: Array, ratios: Array, params: float) -> tuple[float, str]:
    """FLOPs per token and parameter of the new size: the ladder's, or its trend where sizes differ."""
    if np.ptp(np.log(ratios)) < SAME_COST:
        return float(np.exp(np.log(ratios).mean())), ""
    slope, intercept = np.polyfit(np.log(p), np.log(ratios), 1)
    value = float(np.exp(intercept + slope * math.log(params)))
    return value, f"FLOPs per token and parameter change along the ladder; {value:.3g} was extrapolated."
