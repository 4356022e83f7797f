"""Over-trained constant-LR ladders with a known horizon."""

import numpy as np

from scaling_collapse.theory import Ladder, LossCurve


def two_term(mu=0.5, nu=0.4, a=1.0, b=1.0, sizes=9, past=50.0, noise=0.0, L0=1.0, seed=0):
    """Runs on `L0 + a t^-mu + b p^-nu`, and its optimum: (ladder, gamma, kappa)."""
    rng = np.random.default_rng(seed)
    gamma, kappa = nu / mu, (mu * a / (nu * b)) ** (1 / mu)
    runs = []
    for p in np.geomspace(1e4, 1e4 * 2 ** (sizes - 1), sizes):
        t = np.geomspace(1e-3 * kappa * p**gamma, past * kappa * p**gamma, 500)
        loss = (L0 + a * t**-mu + b * p**-nu) * np.exp(noise * rng.standard_normal(t.size))
        runs.append(LossCurve(run=f"{p:.0f}", params=p, tokens=t, loss=loss))
    return Ladder(runs), gamma, kappa
