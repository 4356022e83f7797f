"""Where a run stands in its family: its size, and how long it is trained compared with the family's rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...theory import Ladder, LossCurve

__all__ = ["SAME", "MultipleRule", "same_multiple"]

SAME = 0.1
"""Runs whose horizons differ by less than this, in ln, are of one multiple."""


class MultipleRule:
    """`gamma` of the family's rule `T = kappa p^gamma`: the multiple of a run is `T / p^gamma`.

    One horizon for each size: by regression. Sizes with several horizons: 1, so multiples are tokens a parameter. One
    size alone: unknown, and a run of another size counts as one of the same multiple.
    """

    def __init__(self, references: Ladder) -> None:
        groups = list(references.by_size.values())
        self.known = len(groups) > 1
        self.gamma = 1.0
        if self.known and references.horizons_apart() is None:
            ln_p = np.log(references.sizes)
            ln_T = [float(np.mean(np.log([c.horizon_tokens for c in group]))) for group in groups]
            self.gamma = float(np.polyfit(ln_p, ln_T, 1)[0])

    def multiple(self, params: float, horizon: float) -> float:
        """`ln T - gamma ln p`."""
        return float(np.log(horizon) - self.gamma * np.log(params))


def same_multiple(curves: Sequence[LossCurve], multiples: Sequence[float], wanted: float) -> list[LossCurve]:
    """The curves of that multiple."""
    return [c for c, m in zip(curves, multiples, strict=True) if abs(m - wanted) < SAME]
