"""How often what `admitted_errors` says at 90 % holds the errors that were put in.

    python benchmarks/error_region_coverage.py [--draws 400] [--processes 2] [--only common power alone]

Two-term ladders of 8 sizes over a factor of 30. Runs of a size differ by a factor on the whole reducible loss and,
point by point, by fast noise that dies out with the learning rate where the shape is that of a decay. The horizons are
`short` times shorter than the compute-optimal ones at the middle size, and LR noise is a share of the reducible loss at
mid curve: it falls with the rate where the shape is that of a decay, and stays where the rate does. `drawn` takes both
from the prior that `admitted_errors` states. Prints a row per setting: coverage of the joint region, of each joint
interval, of each interval alone (where the other error is 0), findings, and how often one of them was "separable" while
the region it rests on, at 95 %, did not hold the truth. About an hour on two cores.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from multiprocessing.pool import Pool as PoolOfProcesses
from typing import Literal

import numpy as np

from scaling_collapse.theory import ErrorEstimate, Ladder, LossCurve, admitted_errors

MU, NU, A, B, L0, SPAN = 0.5, 0.45, 1.3, 2.0, 1.5, 30.0
WRONG = " and wrong"
Shape = Literal["power", "common"]


@dataclass(frozen=True)
class Setting:
    """What is wrong with a ladder: errors are fractions of gamma* and of the smallest reducible loss."""

    shape: Shape
    seeds: int
    gamma: float
    offset: float
    short: float = 1.0
    share: float = 0.0
    persistent: float = 0.01
    fast: float = 0.01
    drawn: bool = False


BOTH = (0.1, 0.05)
COMMON = (
    *(Setting("common", 5, *BOTH, short=k) for k in (1, 2, 4, 8, 0.25)),
    *(Setting("common", 5, *BOTH, share=q) for q in (0.05, 0.15)),
    Setting("common", 5, *BOTH, drawn=True),
    Setting("common", 5, 0.0, 0.0, short=4, share=0.15),
    Setting("common", 5, -0.05, 0.05, short=4, persistent=0.02, fast=0.2),
    Setting("common", 1, *BOTH, short=8),
    Setting("common", 1, *BOTH, drawn=True),
)
POWER = (
    *(Setting("power", 5, *BOTH, short=k) for k in (1, 4, 8, 0.25)),
    Setting("power", 5, *BOTH, share=0.15),
    Setting("power", 1, *BOTH, short=8),
)
ALONE = (
    *(Setting("common", 5, 0.1, 0.0, short=k) for k in (1, 2, 4, 8, 0.25)),
    *(Setting("common", 5, 0.1, 0.0, share=q) for q in (0.05, 0.15)),
    *(Setting("common", n, 0.1, 0.0, drawn=True) for n in (5, 1)),
    *(Setting("common", 5, 0.0, 0.05, short=k) for k in (1, 8, 0.25)),
    *(Setting("common", 5, 0.0, 0.05, share=q) for q in (0.05, 0.15)),
    Setting("common", 1, 0.0, 0.05, short=8),
    *(Setting("power", n, 0.1, 0.0, short=k) for n in (5, 1) for k in (1, 8, 0.25)),
    *(Setting("power", n, 0.0, 0.05, short=k) for n in (5, 1) for k in (1, 8, 0.25)),
    *(Setting("power", 5, *errors, share=0.15) for errors in ((0.1, 0.0), (0.0, 0.05))),
)
SETTINGS = {"common": COMMON, "power": POWER, "alone": ALONE}


def decayed(x: np.ndarray) -> np.ndarray:
    """A shape that is no power of x, 1 at the end."""
    shape = (2 * x - x * x + 0.002) ** -MU + 0.2 * (1 - x)
    return shape / shape[-1]


def ladder(setting: Setting, draw: int) -> tuple[Ladder, float, float, float]:
    """The ladder, the offset in use, and the errors of gamma and of the offset in it."""
    rng = np.random.default_rng(draw)
    short, share = setting.short, setting.share
    if setting.drawn:
        short, share = np.exp(1.4 * rng.standard_normal()), min(0.1216 * abs(rng.standard_normal()), 0.5)
    gamma = NU / MU * (1 + setting.gamma)
    kappa = (MU * A / (NU * B)) ** (1 / MU) * (1e6 * SPAN**0.5) ** (NU / MU - gamma) / short
    x = np.linspace(0.1, 1, 181)
    power = setting.shape == "power"
    f, rate = (x**-MU, np.ones_like(x)) if power else (decayed(x), 1 - x)
    curves, ends = [], []
    for p in np.geomspace(1e6, 1e6 * SPAN, 8):
        horizon = kappa * p**gamma
        R = (A * horizon**-MU * f + B * p**-NU) * (1 + share / (1 - share) * rate / rate[x.size * 4 // 9])
        ends.append(R[-1])
        for seed in range(setting.seeds):
            noisy = R * np.exp(setting.persistent * rng.standard_normal())
            noisy *= 1 + setting.fast * rate * rng.standard_normal(x.size)
            curves.append(LossCurve(run=f"{p:.6g}-{seed}", params=p, tokens=x * horizon, loss=L0 + noisy, seed=seed))
    e = setting.offset * min(ends)
    return Ladder(curves), L0 + e, gamma - NU / MU, e


def holds(error: ErrorEstimate, true: float) -> bool:
    return error.low <= true <= error.high


def one(setting: Setting, draw: int) -> tuple[bool, bool | None, bool | None, bool | None, bool | None, str]:
    """What holds in one draw: region, joint eps, joint e, eps alone, e alone (None: does not apply); the finding."""
    family, offset, eps, e = ladder(setting, draw)
    found = admitted_errors(family, offset, shape=setting.shape)
    region = found.contains(eps, e)
    gamma_alone = holds(found.gamma_alone, eps) if e == 0 else None
    offset_alone = holds(found.offset_alone, e) if eps == 0 else None
    if (e == 0) != (eps == 0):  # the joint ones have rows of their own: they take long
        return region, None, None, gamma_alone, offset_alone, "not asked"
    joint = holds(found.gamma_error, eps), holds(found.offset_error, e)
    sure = "" if found.contains(eps, e, level=0.95) else WRONG  # a finding rests on the region at (1 + level) / 2
    return region, *joint, gamma_alone, offset_alone, found.status + sure


def row(setting: Setting, draws: int, pool: PoolOfProcesses) -> str:
    results = pool.map(partial(one, setting), range(draws), chunksize=5)
    shares = ["-" if column[0] is None else f"{np.mean(column):.3f}" for column in list(zip(*results, strict=True))[:5]]
    wrong = np.mean([r[-1] == "separable" + WRONG for r in results])
    kappa = "drawn" if setting.drawn else f"{setting.short:g}"
    share = "drawn" if setting.drawn else f"{setting.share:g}"
    noise = f"{setting.persistent:g}, {setting.fast:g}"
    findings = ", ".join(f"{name} {n}" for name, n in Counter(r[-1].removesuffix(WRONG) for r in results).most_common())
    cells = [setting.shape, setting.seeds, kappa, share, noise, setting.gamma, setting.offset, *shares]
    return "| " + " | ".join(map(str, [*cells, findings, f"{wrong:.3f}"])) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", choices=SETTINGS, nargs="*", default=[*SETTINGS], help="some of the settings")
    arguments = parser.parse_args()
    print(
        "| shape | seeds | short | LR noise | noise | gamma | L_hat | region | eps | e | eps alone | e alone", end=" "
    )
    print("| findings | separable and wrong |\n|" + "---|" * 14)
    with Pool(arguments.processes) as pool:
        for setting in (setting for name in arguments.only for setting in SETTINGS[name]):
            print(row(setting, arguments.draws, pool), flush=True)


if __name__ == "__main__":
    main()
