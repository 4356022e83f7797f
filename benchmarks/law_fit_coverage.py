"""How often the 90 % intervals of `fit_scaling_law` hold the law, and how wide they are.

    python benchmarks/law_fit_coverage.py [--draws 400] [--processes 2]

Ladders on `L0 + a C^-b`, C over a factor of 256, whose runs differ by a factor on the reducible loss. Settings differ
in sizes, seeds and noise: the same at every size, falling or growing with size by a factor of 4, Student's t with 3
degrees of freedom, and a level that all seeds of a size share. Prints coverage of L0, a and b, and the median width of
each interval over the ideal: the width that holds 90 % of the estimates of ladders like this. About 4 minutes on two
cores.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from multiprocessing.pool import Pool as PoolOfProcesses

import numpy as np

from scaling_collapse.empirical import fit_scaling_law
from scaling_collapse.theory import Ladder, LossCurve

A, B, SPAN = 0.5, 0.2, 16.0
NAMES = ("L0", "a", "b")


@dataclass(frozen=True)
class Setting:
    """Sizes, seeds, and what their final losses scatter by, relative to the reducible loss."""

    name: str
    sizes: int
    seeds: int
    noise: float
    L0: float = 1.0
    growth: float = 0.0
    tail: int = 0
    level: float = 0.0


SETTINGS = (
    Setting("8 x 5", 8, 5, 2e-3),
    Setting("8 x 5, noise 1 %", 8, 5, 1e-2),
    Setting("5 x 3", 5, 3, 2e-3),
    Setting("6 x 1", 6, 1, 2e-3),
    Setting("6 x 2", 6, 2, 1e-3),
    Setting("10 x 5", 10, 5, 5e-3),
    Setting("8 x 5, noise falls", 8, 5, 2e-3, growth=-0.5),
    Setting("8 x 5, noise grows", 8, 5, 2e-3, growth=0.5),
    Setting("8 x 5, t(3)", 8, 5, 2e-3, tail=3),
    Setting("6 x 5, levels 0.5 %", 6, 5, 2e-3, level=5e-3),
    Setting("6 x 5, levels 0.3 %", 6, 5, 5e-3, level=3e-3),
    Setting("8 x 5, L0 = 0", 8, 5, 1e-2, L0=0.0),
    Setting("5 x 3, L0 = 0", 5, 3, 2e-3, L0=0.0),
)


def ladder(setting: Setting, draw: int) -> Ladder:
    rng = np.random.default_rng(draw)
    p = np.geomspace(1e6, 1e6 * SPAN, setting.sizes)
    shape = (setting.sizes, setting.seeds)
    own = rng.standard_t(setting.tail, shape) / 3**0.5 if setting.tail else rng.standard_normal(shape)
    noise = setting.noise * (p / p.mean()) ** setting.growth
    factor = np.exp(noise[:, None] * own + setting.level * rng.standard_normal((setting.sizes, 1)))
    C = 120.0 * p * p / 1e15
    finals = setting.L0 + A * C[:, None] ** -B * factor
    return Ladder(
        LossCurve(
            run=f"{i}-{j}",
            params=float(p[i]),
            tokens=p[i] * np.array([10.0, 20.0]),
            loss=np.array([9.0 * L, L]),
            seed=j,
        )
        for (i, j), L in np.ndenumerate(finals)
    )


def one(setting: Setting, draw: int) -> np.ndarray:
    """Estimate, low and high end of each number, shape (3, 3)."""
    fit = fit_scaling_law(ladder(setting, draw), draws=400, seed=draw)
    return np.array([(getattr(fit, name), *getattr(fit, f"{name}_interval")) for name in NAMES])


def row(setting: Setting, draws: int, pool: PoolOfProcesses) -> str:
    estimate, low, high = np.array(pool.map(partial(one, setting), range(draws), chunksize=10)).transpose(2, 0, 1)
    truth = np.array([setting.L0, A, B])
    held = ((low <= truth) & (truth <= high)).mean(axis=0)
    ideal = np.diff(np.nanquantile(estimate, (0.05, 0.95), axis=0), axis=0)[0]
    width = np.nanmedian(high - low, axis=0) / ideal
    unfitted = np.isnan(low).any(axis=1).sum()
    cells = [setting.name, *(f"{v:.3f}" for v in held), *(f"{v:.2f}" for v in width), unfitted]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    print("| sizes x seeds | L0 | a | b | width of L0 | of a | of b | no interval |\n|" + "---|" * 8)
    with Pool(arguments.processes) as pool:
        for setting in SETTINGS:
            print(row(setting, arguments.draws, pool), flush=True)


if __name__ == "__main__":
    main()
