"""Made-up ladders with a known answer."""

import numpy as np

from scaling_collapse.theory import Ladder, LossCurve


def law_ladder(
    *, sizes=8, seeds=5, L0=2.0, a=0.5, b=0.2, noise=1e-3, fast=0.0, mu=0.5, span=16.0, points=60, rng=0, gamma=1.0
):
    """Two-term ladder at its optimum: l(x) = (x^-mu + 1) / 2, final losses on L0 + a C^-b.

    Seeds differ by a factor on the reducible loss (`noise`, persistent) and point by point (`fast`).
    """
    rng = np.random.default_rng(rng)
    curves = []
    for p in np.geomspace(1e6, 1e6 * span, sizes):
        horizon = 20.0 * p**gamma
        C = 6 * p * horizon / 1e15
        x = np.linspace(0.02, 1.0, points)
        for seed in range(seeds):
            reducible = a * C**-b * (x**-mu + 1) / 2 * np.exp(noise * rng.standard_normal())
            reducible *= np.exp(fast * rng.standard_normal(points))
            curves.append(
                LossCurve(run=f"p{p:.0f}-s{seed}", params=p, tokens=x * horizon, loss=L0 + reducible, seed=seed)
            )
    return Ladder(curves)


def table_of(ladder, **more):
    """The ladder as a mapping of columns, as a user's table would have it."""
    columns = {
        "run": [c.run for c in ladder for _ in c.tokens],
        "params": [c.params for c in ladder for _ in c.tokens],
        "seed": [c.seed for c in ladder for _ in c.tokens],
        "tokens": np.concatenate([c.tokens for c in ladder]),
        "loss": np.concatenate([c.loss for c in ladder]),
    }
    return columns | more
