r"""How well a ladder that does not exist yet would see an error of the horizons' exponent, and what it costs.

N sizes, evenly spaced in `ln p` over a span, with n seeds each, whose `ln S` has the standard deviation `noise` a run.
An error eps of the exponent gamma makes a drift of `b eps / gamma`, against the error of the slope:

    t = (|eps| / gamma) b sd(ln p) sqrt(N n) / noise,      dof = N (n - 1),

with `sd` dividing by N. For two power laws this is `|eps| mu w_B sd(ln p) sqrt(N n) / noise`: at the optimum
`b = gamma mu w_B`. The cost is `sum 6 p t* n` with `t* ~ p^gamma`, so `C ~ p^(1 + gamma)`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .power import power_of_trend, smallest_shift

__all__ = [
    "MOST_SEEDS",
    "SIZES",
    "SPANS",
    "LadderDesign",
    "Recipe",
    "cheapest_designs",
    "design_of",
    "noise_for",
    "predicted_power",
]

SPANS = (4.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
SIZES = range(4, 13)
MOST_SEEDS = 20
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is known of the runs before there is a ladder of them.

    Parameters
    ----------
    noise
        Standard deviation of ln S of one run.
    exponent
        b, of the reducible loss in compute.
    gamma
        Horizons grow as `p^gamma`.
    smallest
        Compute of one run of the smallest size, FLOPs.
    """

    noise: float
    exponent: float
    gamma: float
    smallest: float


@dataclass(frozen=True, kw_only=True)
class LadderDesign:
    """A ladder that could be run.

    Parameters
    ----------
    sizes, seeds, span
        How many sizes, runs of each, and the factor in parameters between the smallest and the largest.
    compute
        What all of its runs cost, FLOPs.
    power
        Probability that it shows the effect.
    smallest_effect
        The relative error of gamma that it shows with the wanted probability.
    """

    sizes: int
    seeds: int
    span: float
    compute: float
    power: float
    smallest_effect: float

    @property
    def runs(self) -> int:
        """How many."""
        return self.sizes * self.seeds


def _slope_error(*, sizes: int, seeds: int, span: float, noise: float) -> float:
    """Standard error of the slope of ln S on ln p."""
    z = np.linspace(0.0, math.log(span), sizes)
    return noise / math.sqrt(seeds * float(((z - z.mean()) ** 2).sum()))


def predicted_power(effect: float, *, exponent: float, sizes: int, seeds: int, span: float, noise: float) -> float:
    """Probability that `measure` finds a drift at 5 % in a ladder whose horizons are off by `effect`.

    Parameters
    ----------
    effect
        Relative error of gamma.
    exponent
        b, of the reducible loss in compute.
    sizes, seeds, span
        Of the ladder, at least 2 sizes and seeds, span > 1.
    noise
        Standard deviation of ln S of one run.

    Examples
    --------
    >>> design = dict(sizes=6, seeds=5, span=30)
    >>> round(predicted_power(0.2, exponent=0.2, noise=0.08, **design), 2)
    0.86
    """
    error = _slope_error(sizes=sizes, seeds=seeds, span=span, noise=noise)
    return power_of_trend(abs(effect) * exponent / error, sizes * (seeds - 1))


def noise_for(effect: float, probability: float, *, exponent: float, sizes: int, seeds: int, span: float) -> float:
    """The noise of ln S of one run at which the design shows the effect with this probability."""
    per_noise = _slope_error(sizes=sizes, seeds=seeds, span=span, noise=1.0)
    return abs(effect) * exponent / per_noise / smallest_shift(sizes * (seeds - 1), probability=probability)


def design_of(
    recipe: Recipe, effect: float, probability: float, *, sizes: int, seeds: int, span: float
) -> LadderDesign:
    """A ladder with its price and its power."""
    shape = {"sizes": sizes, "seeds": seeds, "span": span}
    shift = smallest_shift(sizes * (seeds - 1), probability=probability)
    cost = np.linspace(0.0, math.log(span), sizes) * (1.0 + recipe.gamma)
    return LadderDesign(
        **shape,
        compute=recipe.smallest * seeds * float(np.exp(cost).sum()),
        power=predicted_power(effect, exponent=recipe.exponent, noise=recipe.noise, **shape),
        smallest_effect=shift * _slope_error(noise=recipe.noise, **shape) / recipe.exponent,
    )


def cheapest_designs(
    recipe: Recipe,
    effect: float,
    probability: float,
    *,
    sizes: Iterable[int] = SIZES,
    seeds: Iterable[int] = range(2, MOST_SEEDS + 1),
    spans: Iterable[float] = SPANS,
) -> tuple[LadderDesign, ...]:
    """Ladders that show the effect with this probability, of which no other has fewer runs and costs less as well.

    At most six, the cheapest first; none where none of these shapes reaches it.

    Examples
    --------
    >>> recipe = Recipe(noise=0.03, exponent=0.2, gamma=1.0, smallest=1e15)
    >>> found = cheapest_designs(recipe, 0.2, 0.9)
    >>> [(d.sizes, d.seeds, d.span) for d in found][-1], min(d.power for d in found) >= 0.9
    ((4, 2, 30.0), True)
    """
    enough = []
    for N, span in itertools.product(sizes, spans):
        for n in seeds:
            power = predicted_power(effect, exponent=recipe.exponent, noise=recipe.noise, sizes=N, seeds=n, span=span)
            if power >= probability:
                enough.append(design_of(recipe, effect, probability, sizes=N, seeds=n, span=span))
                break
    enough.sort(key=lambda d: (d.compute, d.runs))
    front: list[LadderDesign] = []
    for design in enough:
        if not front or design.runs < front[-1].runs:
            front.append(design)
    keep = (
        np.unique(np.linspace(0, len(front) - 1, SHOWN).round().astype(int))
        if len(front) > SHOWN
        else range(len(front))
    )
    return tuple(front[int(i)] for i in keep)
