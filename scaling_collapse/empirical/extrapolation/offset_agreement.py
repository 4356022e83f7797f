r"""Whether the offset at which curves collapse, L_c, is the irreducible loss L0 of the final losses.

Theory says so where sizes are trained at their optimum; on other ladders the two differ. Two hypotheses are kept,

    joined    L0 = L_c
    apart     ln(L_min - L0) = ln(L_min - L_c) + eta,  eta normal with standard deviation `APART`

and the Bayes factor between them is the odds at which the curves (`shape_posterior`) and the final losses
(`level_posterior`) predict each other's offset. The joined law is given up where it is below `REJECTED`; where it
stands, a prediction is the joined law's, as theory has it, and the band is that of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...common import Array
from .ladder_curves import LadderCurves
from .level_posterior import LevelPosterior, level_posterior
from .shape_posterior import ShapePosterior
from .size_levels import SizeLevels, size_levels

__all__ = ["OffsetAgreement", "PredictedEnd", "agree_on_offset"]

APART = 0.5
"""Standard deviation of eta: reducible losses by the two offsets differ by a factor of about 1.6."""
REJECTED = 1 / 20
"""Odds against which the joined law is given up: what is called strong evidence."""


@dataclass(frozen=True, kw_only=True)
class PredictedEnd:
    """A new size's final loss by both laws.

    Parameters
    ----------
    loss
        The prediction, by the law that stands.
    disagree
        Whether each law's prediction lies outside of the other's 90 % interval, though both stand.
    """

    loss: float
    disagree: bool


@dataclass(frozen=True, kw_only=True)
class OffsetAgreement:
    """The law of the final losses under both hypotheses.

    Parameters
    ----------
    shape, sizes, levels
        The curves' posterior, the level of every run, and the law's posterior at each point of a grid of u.
    u
        That grid, of `ln(L_min - L0)`, L_min the smallest final loss, shape (g,).
    of_curves
        Weights of the grid by the curves alone, shape (g,).
    joined_weights, apart_weights
        Posterior weights of the grid under each hypothesis, shape (g,).
    odds
        Bayes factor of joined against apart.
    """

    shape: ShapePosterior
    sizes: SizeLevels
    levels: LevelPosterior
    u: Array
    of_curves: Array
    joined_weights: Array
    apart_weights: Array
    odds: float

    @property
    def joined(self) -> bool:
        """Whether the joined law stands."""
        return self.odds >= REJECTED

    @property
    def weights(self) -> Array:
        """Weights of the hypothesis that stands."""
        return self.joined_weights if self.joined else self.apart_weights

    @property
    def scatter(self) -> float:
        """By how much sizes miss the law beyond their seeds: the posterior root mean square of tau."""
        return self.levels.root_mean_square(self.weights, np.broadcast_to(self.levels.level, self.levels.noise.shape))

    def end(self, C: float) -> PredictedEnd:
        """The final loss at C, PFLOPs."""
        one, other = (
            self.levels.quantiles(weights, C, (0.05, 0.5, 0.95))
            for weights in (self.joined_weights, self.apart_weights)
        )
        apart = not (one[0] <= other[1] <= one[2] or other[0] <= one[1] <= other[2])
        return PredictedEnd(loss=float(one[1] if self.joined else other[1]), disagree=self.joined and apart)


def agree_on_offset(curves: LadderCurves, shape: ShapePosterior) -> OffsetAgreement:
    """Both hypotheses weighed on one grid that resolves what the curves say and what the final losses say."""
    sizes = size_levels(shape)
    finals = sizes.finals
    smallest = min(float(f.mean()) for f in finals)
    gap = smallest - (curves.means.min() - np.exp(shape.u))  # a level may lie a little below the smallest loss seen
    of_shape, of_curves = np.log(gap[gap > 0]), shape.u_weights[gap > 0]
    widest = (min(shape.widest[0], of_shape.min()), np.log(smallest))
    coarse = np.linspace(*widest, 40)
    evidence = level_posterior(curves.C, finals, coarse).ln_evidence
    seen = coarse[evidence > evidence.max() - 14.0]
    step = coarse[1] - coarse[0]
    near = np.linspace(max(seen[0] - step, widest[0]), min(seen[-1] + step, widest[1]), 40)
    u = np.unique(np.concatenate([coarse[::2], near, np.linspace(of_shape.min(), of_shape.max(), 40)]))
    width = _widths(u)
    levels = level_posterior(curves.C, finals, u)
    of_curves = _density(of_shape, of_curves, u) * width
    of_curves /= of_curves.sum()
    kernel = np.exp(-0.5 * ((u[:, None] - u) / APART) ** 2) * width[:, None]
    apart = (kernel / kernel.sum(axis=0)) @ of_curves
    likelihood = np.exp(levels.ln_evidence - levels.ln_evidence.max())
    together, separate = likelihood * of_curves, likelihood * apart
    odds = float(together.sum() / separate.sum())
    return OffsetAgreement(
        shape=shape, sizes=sizes, levels=levels, u=u, of_curves=of_curves,
        joined_weights=together / together.sum() if odds > 0 else of_curves, apart_weights=separate / separate.sum(),
        odds=odds,
    )  # fmt: skip


def _widths(u: Array) -> Array:
    """The stretch of the grid that each point stands for."""
    edges = np.concatenate([u[:1], (u[1:] + u[:-1]) / 2, u[-1:]])
    return np.diff(edges)


def _density(of_shape: Array, weights: Array, u: Array) -> Array:
    """Density over u by the curves, interpolated in the logarithm; next to nothing outside of their window."""
    order = np.argsort(of_shape)
    density = weights[order] / _widths(of_shape[order])
    ln_density = np.log(np.maximum(density / density.max(), 1e-30))
    return np.exp(np.interp(u, of_shape[order], ln_density, left=-60.0, right=-60.0))
