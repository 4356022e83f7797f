"""The verdict of `measure` on ladders whose faults are known: how often it is right, and names the right culprit.

    python benchmarks/verdict.py [--draws 30] [--healthy 120] [--fitted]

Faults: 14 kinds (`tests/faulty_ladders.py`) at 2 strengths and 3 levels of noise, 6 sizes over a factor of 30, 5 seeds.
`sick` is the share of draws without a clean bill: `no collapse`, `undecided`, or `collapse` with the right culprit
named; for faults of the law, where the curves' own verdict stands, any verdict with the culprit named. `culprit` is the
share in which the first culprit has the right kind, cause and name. Healthy ladders: 4 to 10 sizes, 1 to 5 seeds, spans
of 6 to 1,000, offset 0 or large, a constant rate or decay, normal noise or heavy tails.

The offset is known, or with `--fitted` left to the fit; `offset wrong` needs one to be passed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from faulty_ladders import LEVELS, Family, Fault, Noise, draw, faults, healthy

from scaling_collapse.empirical import CollapseReport, measure_collapse

SHORT = {"no collapse": "no", "undecided": "?", "collapse": "yes", "supercollapse": "super"}


def right(report: CollapseReport, fault: Fault, family: Family) -> bool:
    """Whether the first culprit is the one that was planted."""
    if not report.culprits:
        return False
    first = report.culprits[0]
    if first.kind not in fault.kinds or first.cause not in fault.causes:
        return False
    if not fault.subjects or first.subject is None:
        return True
    if first.kind == "run":
        return first.subject == "p{}-s{}".format(*fault.subjects)
    return isinstance(first.subject, float) and any(abs(first.subject / family.p[i] - 1) < 1e-6 for i in fault.subjects)


def one_kind(index: int, *, strong: bool, noise: Noise, draws: int, fitted: bool) -> tuple[str, Counter, float, float]:
    """Name of the fault, verdicts, share called sick, share with the right culprit."""
    verdicts: Counter[str] = Counter()
    sick = named = 0
    name = ""
    for seed in range(draws):
        family = Family(noise=noise)
        fault = faults(family, strong, np.random.default_rng(1000 + seed))[index]
        name = fault.name
        ladder, offset = draw(family, fault, seed)
        report = measure_collapse(ladder, offset=None if fitted else offset, draws=100)
        verdicts[str(report.verdict)] += 1
        correct = right(report, fault, family)
        named += correct
        # A fault of the law leaves the curves' verdict alone; a weak drift is a collapse at best, with the drift named.
        told = report.verdict in ("no collapse", "undecided") or (correct and report.verdict == "collapse")
        sick += told or (correct and fault.kinds == ("law",))
    return name, verdicts, sick / draws, named / draws


def print_faults(draws: int, fitted: bool) -> None:
    """One row for each kind, strength and level of noise."""
    print("| fault | strength | noise | verdicts | sick | culprit |\n|---|---|---|---|---|---|")
    count = len(faults(Family(), True, np.random.default_rng(0)))
    for index in range(count):
        for strong in (True, False):
            for noise in LEVELS:
                name, verdicts, sick, named = one_kind(index, strong=strong, noise=noise, draws=draws, fitted=fitted)
                if fitted and name == "offset wrong":
                    continue
                said = ", ".join(f"{SHORT[v]} {n}" for v, n in verdicts.most_common())
                strength = "strong" if strong else "weak"
                print(
                    f"| {name} | {strength} | {noise.persistent:.1%} | {said} | {sick:.0%} | {named:.0%} |", flush=True
                )


def print_healthy(draws: int, fitted: bool) -> None:
    """One row for each level of noise."""
    print("\n| healthy | verdicts | `no collapse` | a culprit named |\n|---|---|---|---|")
    for noise in LEVELS:
        verdicts: Counter[str] = Counter()
        named = 0
        for seed in range(draws):
            family = healthy(np.random.default_rng(seed), noise)
            ladder, offset = draw(family, Fault(), seed)
            report = measure_collapse(ladder, offset=None if fitted else offset, draws=100)
            verdicts[str(report.verdict)] += 1
            named += bool(report.culprits)
        said = ", ".join(f"{SHORT[v]} {n}" for v, n in verdicts.most_common())
        wrong = verdicts["no collapse"] / draws
        print(f"| {noise.persistent:.1%} noise | {said} | {wrong:.1%} | {named / draws:.1%} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--healthy", type=int, default=120)
    parser.add_argument("--fitted", action="store_true")
    options = parser.parse_args()
    start = time.perf_counter()
    print_healthy(options.healthy, options.fitted)
    print()
    print_faults(options.draws, options.fitted)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
