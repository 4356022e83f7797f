"""`AllocationComparison`: the compute-optimal horizon by the law of loss, beside that by the Pareto frontier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Result, count, value_in_words
from .horizon_fit import HorizonFit
from .intervals import Interval
from .loss_surface import LossSurface

__all__ = ["AllocationComparison", "compare_allocations"]


@dataclass(frozen=True, kw_only=True, repr=False)
class AllocationComparison(Result):
    """Two answers to one question: after how many tokens a size is the best for its compute.

    Parameters
    ----------
    gamma, gamma_interval, frontier_gamma, frontier_gamma_interval
        Exponent of tokens in parameters, by the law and by the frontier.
    params
        Where their tokens are compared: the middle of the sizes that the frontier uses.
    tokens, tokens_interval, frontier_tokens
        D* there.
    ratio
        The law's tokens over the frontier's.
    disagree
        Whether the intervals of gamma have nothing in common, or the frontier's tokens lie outside those of the law by
        more than a factor of 1.5.
    level
        Coverage of the intervals.
    """

    gamma: float
    gamma_interval: Interval
    frontier_gamma: float
    frontier_gamma_interval: Interval
    params: float
    tokens: float
    tokens_interval: Interval
    frontier_tokens: float
    ratio: float
    disagree: bool
    level: float

    def headline(self) -> str:
        """Both horizons of the middle size."""
        return (
            f"AllocationComparison: {count(self.params)} parameters are best after {count(self.tokens)} tokens by the "
            f"law, {count(self.frontier_tokens)} by the frontier"
        )

    def lines(self) -> list[tuple[str, str]]:
        """The exponents with their intervals, and the verdict."""
        return [
            ("gamma, law", value_in_words(self.gamma, self.gamma_interval, self.level)),
            ("gamma, frontier", value_in_words(self.frontier_gamma, self.frontier_gamma_interval, self.level)),
            ("law over frontier", f"{self.ratio:.3g}"),
            ("they disagree", "yes" if self.disagree else "no"),
        ]


FAR = 1.5


def compare_allocations(surface: LossSurface, horizon: HorizonFit) -> AllocationComparison:
    """The law's and the frontier's horizons side by side, where the frontier knows its own best.

    Parameters
    ----------
    surface
        With a law (`claimed`).
    horizon
        Of the same runs.
    """
    used = [s.params for s in horizon.sizes if s.status == "used"]
    params = float(np.exp(np.mean(np.log(used))))
    tokens, frontier = float(surface.optimal_tokens(params)), float(horizon.horizon_tokens(params))
    low, high = surface.optimal_tokens_interval(params)
    gamma, frontier_gamma = surface.gamma_interval, horizon.gamma_interval
    apart = gamma[0] > frontier_gamma[1] or frontier_gamma[0] > gamma[1]
    return AllocationComparison(
        gamma=surface.gamma,
        gamma_interval=gamma,
        frontier_gamma=horizon.gamma,
        frontier_gamma_interval=frontier_gamma,
        params=params,
        tokens=tokens,
        tokens_interval=(low, high),
        frontier_tokens=frontier,
        ratio=tokens / frontier,
        disagree=apart or not low / FAR < frontier < high * FAR,
        level=surface.level,
    )
