"""How often the 90 % intervals that `measure` prints hold what infinitely many seeds would give.

    python benchmarks/measured_intervals.py [--draws 400] [--workers 2]

The truth of each setting is the same ladder with 400 seeds a size at the true offset. Settings: 4 to 8 sizes, 2 to 5
seeds, noise of 0.5 to 2 % that lasts and up to 2 % from point to point, sizes that agree and sizes that do not, decay
and a constant rate, the offset given or fitted; the last three are hard (noise with heavy tails, noise that grows with
size, two seeds). Where the truth is an end of what is possible (a deviation of 0, a fraction of 1) only one tail can
miss it. Takes about 15 minutes on two cores.
"""

from __future__ import annotations

import argparse
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from faulty_ladders import Family, Fault, Noise, draw

from scaling_collapse.empirical import CollapseReport, measure_collapse
from scaling_collapse.empirical.collapse.curve_offset import curve_offset
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.empirical.collapse.evidence import evidence_at

NAMES = ("deviation", "gamma", "curve offset", "fraction", "L/L(1)")
SEEDS_OF_TRUTH = 400


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A ladder, what is wrong with it, and whether its offset is given."""

    name: str
    family: Family
    fault: Fault = field(default_factory=Fault)
    given: bool = True


def off(family: Family, error: float) -> Fault:
    """Horizons whose exponent is off by this share."""
    z = np.log(family.p / np.sqrt(family.p[0] * family.p[-1]))
    return Fault(horizon=np.exp(error * family.nu / family.mu * z))


def settings() -> list[Setting]:
    """What is measured."""
    small, usual = Noise(), Noise(persistent=0.01, fast=0.005)
    large = Noise(persistent=0.02, fast=0.01)
    six, short = Family(noise=small), Family(sizes=5, seeds=4, noise=usual)
    quiet, loud, constant = Family(L0=3.0, noise=usual), Family(noise=large), Family(constant=True, noise=usual)
    eight, wide = Family(sizes=8, seeds=3, noise=usual), Family(sizes=8, seeds=4, span=300.0, L0=1.0, noise=usual)
    rough = Family(seeds=3, noise=Noise(persistent=0.01, fast=0.02))
    tails = Family(noise=replace(large, tails=3.0))
    two = Family(sizes=4, seeds=2, noise=Noise(persistent=0.02, fast=0.005))
    still, cut = Family(L0=1.0, noise=small), Fault(horizon=np.array([1, 1, 1, 0.6, 1, 1]))
    grows = Fault(share=np.linspace(1, 3, 6), scatter=np.linspace(1, 2, 6))
    return [
        Setting(name="healthy, offset 3", family=quiet),
        Setting(name="horizons -10 %, 0.5 %", family=six, fault=off(six, -0.1)),
        Setting(name="horizons -35 %, 2 %", family=loud, fault=off(loud, -0.35)),
        Setting(name="horizons +20 %, 8 x 3", family=eight, fault=off(eight, 0.2)),
        Setting(name="one size at 0.6, 5 x 4", family=short, fault=Fault(horizon=np.array([1, 1, 0.6, 1, 1]))),
        Setting(name="constant rate, -10 %", family=constant, fault=off(constant, -0.1)),
        Setting(name="rough, -20 %, 6 x 3", family=rough, fault=off(rough, -0.2)),
        Setting(name="healthy, fitted, 6 x 5", family=quiet, given=False),
        Setting(name="one size at 0.6, fitted, 6 x 5", family=still, fault=cut, given=False),
        Setting(name="horizons -10 %, fitted, 8 x 4", family=wide, fault=off(wide, -0.1), given=False),
        Setting(name="hard: tails of t_3", family=tails, fault=off(tails, -0.3)),
        Setting(name="hard: noise grows", family=six, fault=grows),
        Setting(name="hard: 4 x 2", family=two, fault=off(two, -0.3)),
    ]  # fmt: skip


def truths(setting: Setting) -> tuple[float, ...]:
    """What the intervals should hold."""
    ladder, offset = draw(replace(setting.family, seeds=SEEDS_OF_TRUTH), setting.fault, 99)
    curves = curves_on_grid(ladder, None)
    found = evidence_at(curves, offset)
    own = curve_offset(curves.L, curves.size_index).value
    without = evidence_at(curves, 0.0).deviation.value
    return found.deviation.value, found.trend.gamma_error, own, found.collapse.fraction, without


def intervals(report: CollapseReport) -> tuple[tuple[float, float], ...]:
    """The intervals in the order of `NAMES`."""
    gamma = (math.nan, math.nan) if report.trend is None else report.trend.gamma_interval
    top = report.supercollapse.interval
    return report.deviation.interval, gamma, report.curve_offset.interval, top, report.without_offset.interval


def one_draw(setting: Setting, truth: tuple[float, ...], seed: int) -> list[float]:
    """1 where the interval holds the truth, 0 where it does not, NaN where there is none."""
    ladder, offset = draw(setting.family, setting.fault, 1000 + seed)
    report = measure_collapse(ladder, offset=offset if setting.given else None, draws=100)
    ends = intervals(report)
    return [
        math.nan if math.isnan(low) else float(low - 1e-12 <= true <= high + 1e-12)
        for (low, high), true in zip(ends, truth, strict=True)
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(f"| setting | {' | '.join(f'{name}: truth, held' for name in NAMES)} |")
    print("|---|" + "---|" * len(NAMES))
    with ProcessPoolExecutor(options.workers) as pool:
        for setting in settings():
            truth = truths(setting)
            held = np.array(list(pool.map(partial(one_draw, setting, truth), range(options.draws), chunksize=10)))
            cells = [f"{true:.3g}, {share:.3f}" for true, share in zip(truth, np.nanmean(held, axis=0), strict=True)]
            print(f"| {setting.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
