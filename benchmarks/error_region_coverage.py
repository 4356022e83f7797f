"""How often the 90 % region of `admitted_errors` holds the errors that were put in.

    python benchmarks/error_region_coverage.py [--draws 200]

Two-term ladders of 8 sizes over a factor of 30, several noise levels: `persistent` multiplies the whole reducible loss
of a run, `fast` every logged point (and dies out with the learning rate where the shape is that of a decay). Prints one
row per setting: coverage, how often the joint intervals hold each error, and the findings. Takes minutes on one core.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import product
from typing import Literal

import numpy as np

from scaling_collapse.theory import Ladder, LossCurve, admitted_errors

MU, NU, A, B, L0, SPAN = 0.5, 0.45, 1.3, 2.0, 1.5, 30.0
Shape = Literal["power", "common"]
SHAPES: tuple[Shape, ...] = ("power", "common")
# persistent, fast, error of gamma / gamma*, error of the offset / smallest reducible loss
LEVELS = (
    (0.003, 0.003, 0.05, 0.05),
    (0.01, 0.002, 0.01, 0.01),
    (0.01, 0.01, 0.05, 0.05),
    (0.02, 0.02, -0.05, 0.05),
    (0.05, 0.01, 0.05, -0.05),
    (0.01, 0.05, 0.0, 0.0),
)


def decayed(x: np.ndarray) -> np.ndarray:
    """A shape that is no power of x, 1 at the end."""
    shape = (2 * x - x * x + 0.002) ** -MU + 0.2 * (1 - x)
    return shape / shape[-1]


def ladder(
    shape: Shape, seeds: int, persistent: float, fast: float, gamma_error: float, offset_error: float, draw: int
) -> tuple[Ladder, float, float, float]:
    """The ladder, the offset in use, and the errors of gamma and of the offset in it."""
    rng = np.random.default_rng(draw)
    gamma = NU / MU * (1 + gamma_error)
    kappa = (MU * A / (NU * B)) ** (1 / MU) * (1e6 * SPAN**0.5) ** (NU / MU - gamma)
    x = np.linspace(0.1, 1, 181)
    f, quiet = (x**-MU, np.ones_like(x)) if shape == "power" else (decayed(x), 1 - x)
    curves, ends = [], []
    for p in np.geomspace(1e6, 1e6 * SPAN, 8):
        horizon = kappa * p**gamma
        R = A * horizon**-MU * f + B * p**-NU
        ends.append(R[-1])
        for seed in range(seeds):
            noisy = R * np.exp(persistent * rng.standard_normal()) * (1 + fast * quiet * rng.standard_normal(x.size))
            curves.append(LossCurve(run=f"{p:.6g}-{seed}", params=p, tokens=x * horizon, loss=L0 + noisy, seed=seed))
    e = offset_error * min(ends)
    return Ladder(curves), L0 + e, gamma - NU / MU, e


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200)
    draws = parser.parse_args().draws
    print("| shape | seeds | persistent | fast | gamma | L_hat | region | eps | e | findings |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for shape, seeds, levels in product(SHAPES, (5, 1), LEVELS):
        region, eps_held, e_held, findings = 0, 0, 0, Counter()
        for draw in range(draws):
            family, offset, eps, e = ladder(shape, seeds, *levels, draw)
            found = admitted_errors(family, offset, shape=shape)
            region += found.contains(eps, e)
            eps_held += found.gamma_error.low <= eps <= found.gamma_error.high
            e_held += found.offset_error.low <= e <= found.offset_error.high
            findings[found.status] += 1
        cells = [shape, seeds, *levels, *(f"{held / draws:.3f}" for held in (region, eps_held, e_held)), dict(findings)]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
