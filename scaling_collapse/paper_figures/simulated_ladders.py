"""A simulated ladder at its compute-optimal horizon, for what no trained ladder covers: every schedule, many seeds.

Power-law random features in phase Ib (alpha = 0.35, beta = 0.3), one draw of the features per size, batch 1, peak
rate 0.3 of the stability limit; the horizon is where a size 15 % larger overtakes one 15 % smaller at equal compute.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..sgd_noise_model import Problem, power_law, simulate, simulate_ladder, stability_limit
from ..theory import Ladder

__all__ = ["SCHEDULES", "described", "simulated_ladder"]

ALPHA, BETA, SHARE = 0.35, 0.3, 0.3
SCHEDULES = {
    "constant": "constant",
    "linear": "linear",
    "cosine": "cosine",
    "multi-cosine": "multi_cosine",
    "WSD, last 20 %": "wsd(decay=0.2)",
}
"""Name on the picture to what `simulate` reads."""


def _sizes(fast: bool) -> tuple[int, ...]:
    return (128, 192, 256, 384, 512) if fast else (256, 384, 512, 768, 1024)


def _seeds(fast: bool) -> int:
    return 8 if fast else 24


def described(fast: bool) -> str:
    """What was simulated, for the line of data."""
    sizes = _sizes(fast)
    return (
        f"simulated random features (phase Ib, {len(sizes)} sizes from {sizes[0]} to {sizes[-1]}, {_seeds(fast)} seeds,"
        " compute-optimal horizon, exact SGD, offset 0)"
    )


@lru_cache(maxsize=16)
def simulated_ladder(schedule: str, fast: bool) -> Ladder:
    """Single runs of every size and seed under a schedule of `SCHEDULES`, up to the compute-optimal horizon."""
    sizes = _sizes(fast)
    gamma, log_kappa = _horizon(sizes)
    problems = [_problem(d) for d in sizes]
    return simulate_ladder(
        problems,
        SCHEDULES[schedule],
        steps=lambda p: float(np.exp(log_kappa) * p.params**gamma),
        peak=lambda p: SHARE * stability_limit(p, 1),
        seeds=_seeds(fast),
    )


@lru_cache(maxsize=16)
def _problem(d: int) -> Problem:
    return power_law(d, v=4 * d, alpha=ALPHA, beta=BETA, seed=d)


@lru_cache(maxsize=4)
def _horizon(sizes: tuple[int, ...]) -> tuple[float, float]:
    """`gamma` and `ln kappa` of the horizons of the smallest and largest size."""
    ends = np.array([sizes[0], sizes[-1]])
    steps = np.log([_overtaken(int(d)) for d in ends])
    gamma, log_kappa = np.polyfit(np.log(ends), steps, 1)
    return float(gamma), float(log_kappa)


def _overtaken(d: int) -> float:
    """Examples after which `1.15 d` features are better than `d / 1.15` at equal compute, constant rate, expected."""
    curves = []
    for size in (round(d / 1.15), round(1.15 * d)):
        problem = power_law(size, v=4 * size, alpha=ALPHA, beta=BETA, features="equivalent")
        record = np.unique(np.geomspace(1, 2000 * size, 400).astype(int))
        peak = SHARE * stability_limit(problem, 1)
        run = simulate(problem, "constant", steps=2000 * size, peak=peak, solver="fast", record=record)
        curves.append((np.log(run.steps * float(size)), np.log(run.loss)))
    c = np.linspace(max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves), 4000)
    gap = np.interp(c, *curves[0]) - np.interp(c, *curves[1])
    return float(np.exp(c[np.flatnonzero((gap[:-1] < 0) & (gap[1:] >= 0))[-1]])) / d
