"""Made-up curves for which every claim of a validation has a known answer."""

from dataclasses import replace

import numpy as np
from empirical_ladders import two_term

from scaling_collapse.theory import Ladder, LossCurve

MU, NU, L0 = 0.5, 0.45, 1.0
GAMMA, KAPPA = NU / MU, (MU / NU) ** (1 / MU)


def overtrained(*, noise=0.0, horizon=1.0, seed=0):
    """Two terms at a constant rate, far past the horizon; `horizon` marks it that much too far."""
    ladder, gamma, kappa = two_term(MU, NU, noise=noise, seed=seed)
    runs = []
    for c in ladder:
        size = float(np.round(c.params))
        runs.append(
            replace(c, params=size, schedule="const", horizon_tokens=horizon * kappa * size**gamma, compute=None)
        )
    return Ladder(runs)


def decayed(*, gamma=GAMMA, seeds=4, noise=5e-3, fast=5e-4, schedule="linear", rng=0, sizes=6, bend=0.0):
    """Two terms, sizes cut at `t* ~ p^gamma` with the same middle horizon, noise on the reducible loss.

    `fast` noise of a decayed ladder dies at the end. `bend` changes the shape of large sizes, as no horizon can.
    """
    rng = np.random.default_rng(rng)
    p = np.round(np.geomspace(1e4, 1e4 * 2 ** (sizes - 1), sizes))
    middle = np.exp(np.log(p).mean())
    runs = []
    for size in p:
        horizon = KAPPA * middle**GAMMA * (size / middle) ** gamma
        x = np.linspace(0.02, 1.0, 120)
        t = x * horizon
        s = np.ones(x.size) if schedule == "const" else 1 - x
        for seed in range(seeds):
            reducible = t**-MU + size**-NU
            reducible *= np.exp(noise * rng.standard_normal() + fast * rng.standard_normal(x.size) * np.sqrt(s))
            reducible *= 1 + bend * np.log(size / middle) * np.exp(-(((x - 0.3) / 0.1) ** 2))
            runs.append(
                LossCurve(run=f"{size:.0f}-{seed}", params=size, tokens=t, loss=L0 + reducible, seed=seed, lr=1e-3 * s,
                          schedule=schedule)
            )  # fmt: skip
    return Ladder(runs)


def schedules(*, c=0.25, noise=1e-4, seed=0):
    """Runs of one size under the published noise law with coefficient c, traces included."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0.005, 1.0, 300)
    shapes = {
        "const": np.ones_like(t),
        "linear": 1 - t,
        "cosine": (1 + np.cos(np.pi * t)) / 2,
        "late": np.minimum(1.0, (1 - t) / 0.3),
        "half": 1 - 0.5 * t,
    }
    runs = []
    for name, s in shapes.items():
        tau = np.r_[t[0], t[0] + np.cumsum(np.diff(t) * (s[1:] + s[:-1]) / 2)]
        trace = 0.2 * tau**-0.2
        loss = (1 + 0.4 * tau**-0.3 + c * (s - 1) * trace) * np.exp(noise * rng.standard_normal(t.size))
        runs.append(
            LossCurve(run=name, params=1e6, tokens=1e8 * t, loss=loss, lr=1e-3 * s, noise_trace=trace, schedule=name)
        )
    return Ladder(runs)
