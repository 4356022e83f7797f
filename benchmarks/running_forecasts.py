"""How well `forecast_running` says where a run will end, beside simpler ways; published, own and simulated ladders.

    python benchmarks/running_forecasts.py --curves DIR [--draws 100] [--write docs/results/running.md]

DIR holds the published tables. Every size is forecast from the smaller ones (OLMo: all seeds at the same multiple;
others: 3 seeds of each size, 2 runs forecast) after 20, 30 and 50 % of training. Errors are in percent of the final
loss. Rivals:

- aligned: the part seen, laid upon `L / L(T)` of the next smaller size by least squares in logarithms, from 10 % on;
- last: the last value seen over the same size's `L / L(T)` there;
- power law: `c + a x^-b` through the part seen.

Simulated ladders know the truth: two powers and an irreducible part, a shape that drifts with size, sizes that are
tuned unequally, seeds that wander, noise, logs of any cadence. Takes about 5 minutes.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scaling_collapse import examples
from scaling_collapse.empirical import RunningForecast, forecast_running, read_curves
from scaling_collapse.theory import Ladder, LossCurve

SEEN = (0.2, 0.3, 0.5)
PUBLISHED = {
    "OLMo": "olmo_ladder_c4",
    "CIFAR-5M": "qiu_cifar5m_linear",
    "chess": "qiu_chess_linear",
    "MLP": "qiu_mlp_linear",
}
OWN = ("mlp", "fourier3", "demo", "chess", "text", "mlp-constant")
Row = tuple[float, ...]
HEAD = [
    "| ladder | seen | runs | error | bias | in band | rest in band | half | aligned | bias | last | bias | power |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
]


def multiple(curve: LossCurve) -> float:
    """Tokens over what the family's rule gives, where the table says."""
    return float(np.ravel(curve.extra.get("multiple", 1.0))[0])


def beginning(curve: LossCurve, share: float) -> LossCurve:
    """What was logged up to that share of training."""
    seen = curve.tokens <= (share + 1e-9) * curve.horizon_tokens
    return LossCurve(
        run=curve.run, params=curve.params, tokens=curve.tokens[seen], loss=curve.loss[seen], clock=curve.clock,
        schedule=curve.schedule, seed=curve.seed,
    )  # fmt: skip


def cases(ladder: Ladder, seeds: int, targets: int) -> Iterator[tuple[LossCurve, Ladder]]:
    """(run, references) of every size and multiple that has smaller sizes."""
    groups: dict[tuple[float, float], list[LossCurve]] = {}
    for curve in ladder:
        groups.setdefault((multiple(curve), curve.params), []).append(curve)
    for (m, p), curves in groups.items():
        smaller = [c for (n, q), cs in groups.items() if n == m and q < p for c in cs[:seeds]]
        if smaller:
            yield from ((curve, Ladder(smaller)) for curve in curves[:targets])


def rivals(part: LossCurve, horizon: float, references: Ladder) -> tuple[float, float, float]:
    """Final loss by alignment, by the last value, by a power law."""
    next_smaller = references.by_size[max(references.sizes)]
    x, L = part.tokens / horizon, part.loss
    late = (x >= 0.1) & (x > 0)

    def ratio(at: np.ndarray) -> np.ndarray:
        return np.mean([np.log(c.loss_at(at * c.horizon_tokens) / c.horizon_loss) for c in next_smaller], axis=0)

    aligned = np.exp(np.nanmean(np.log(L[late]) - ratio(x[late])))
    last = L[-1] * np.exp(-ratio(x[-1:])[0])
    best = (np.inf, np.nan)
    for b in np.geomspace(0.02, 4, 60):
        design = np.stack([np.ones(late.sum()), x[late] ** -b], axis=1)
        (c, a), *_ = np.linalg.lstsq(design, L[late], rcond=None)
        if c < 0:
            a, c = float(design[:, 1] @ L[late] / (design[:, 1] @ design[:, 1])), 0.0
        best = min(best, (float(((design @ [c, a] - L[late]) ** 2).sum()), c + a))
    return float(aligned), float(last), best[1]


def row(curve: LossCurve, references: Ladder, share: float) -> tuple[Row, RunningForecast]:
    """Error, inside, share of the rest inside, half-width, errors of the rivals; in percent where they are losses."""
    part, horizon, final = beginning(curve, share), curve.horizon_tokens, curve.horizon_loss
    found = forecast_running(part, references, horizon=horizon, check=False)
    later = (curve.tokens > part.tokens[-1]) & (curve.tokens <= horizon)
    low, high = (np.interp(curve.tokens[later], found.tokens, side) for side in (found.loss_low, found.loss_high))
    inside = float(((low <= curve.loss[later]) & (curve.loss[later] <= high)).mean())
    percent = [100 * (value / final - 1) for value in (found.final, *rivals(part, horizon, references))]
    half = 50 * (found.high - found.low) / final
    return (percent[0], float(found.low <= final <= found.high), inside, half, *percent[1:]), found


def line(name: str, seen: float, rows: list[Row]) -> str:
    """One row of the table."""
    e, covered, rest, half, aligned, last, power = np.array(rows).T
    cells = [
        f"{np.abs(e).mean():.3f}", f"{e.mean():+.3f}", f"{100 * covered.mean():.0f} %", f"{100 * rest.mean():.0f} %",
        f"{half.mean():.3f}", f"{np.abs(aligned).mean():.3f}", f"{aligned.mean():+.3f}", f"{np.abs(last).mean():.3f}",
        f"{last.mean():+.3f}", f"{np.abs(power).mean():.3f}",
    ]  # fmt: skip
    return f"| {name} | {100 * seen:.0f} % | {len(rows)} | " + " | ".join(cells) + " |"


def other_length_lines(ladder: Ladder) -> list[str]:
    """OLMo's runs from sizes up to their own that were trained at the other lengths only."""
    every = []
    for curve in (c for c in ladder if c.seed == 0):
        others = [c for c in ladder if c.params <= curve.params and multiple(c) != multiple(curve)]
        if len({c.params for c in others}) > 1:
            every.append((curve, Ladder(others)))
    return [line("OLMo, other lengths", share, [row(c, refs, share)[0] for c, refs in every]) for share in SEEN]


def ladder_lines(name: str, ladder: Ladder, seeds: int, targets: int) -> list[str]:
    """Three lines of one ladder."""
    every = list(cases(ladder, seeds, targets))
    return [line(name, share, [row(curve, refs, share)[0] for curve, refs in every]) for share in SEEN]


# --- simulated ladders


def simulated(rng: np.random.Generator) -> Ladder:
    """3 to 7 sizes by factors of 2, 1 to 4 seeds; every strength is drawn."""
    sizes, seeds = int(rng.integers(3, 8)), int(rng.integers(1, 5))
    mu, w, irreducible = rng.uniform(0.2, 1.0), rng.uniform(0.3, 0.9), rng.uniform(0.0, 0.7)
    drift = rng.normal(0, 0.04)
    tuning, level, wander, noise = (
        10 ** rng.uniform(*ends) for ends in ((-3, -1.5), (-3, -1.5), (-3.5, -2), (-4, -2.3))
    )
    decays, points = rng.random() < 0.7, int(rng.integers(40, 400))
    curves = []
    for i in range(sizes):
        p, n = 1e6 * 2.0**i, int(points * rng.uniform(0.7, 1.4))
        x = np.arange(1, n + 1) / n
        steep = mu * (1 + drift * np.log(2.0**i) + tuning * rng.normal())
        height = p**-0.1 * np.exp(level * rng.normal())
        for seed in range(seeds):
            early = np.cumsum(rng.normal(size=n)) / np.sqrt(n)
            slow = wander * (early - early[-1]) * (-np.log(x) + 0.2) / 2
            fast = noise * rng.normal(size=n) * (np.sqrt(1 - 0.9 * x) if decays else 1.0)
            reducible = height * (w * x**-steep + 1 - w) * np.exp(slow + fast + 0.3 * wander * rng.normal())
            base = irreducible / (1 - irreducible) * 1e6**-0.1 * 2.0 ** (-0.1 * sizes)
            curves.append(LossCurve(run=f"{i}-{seed}", params=p, tokens=20 * p * x, loss=base + reducible, seed=seed))
    return Ladder(curves)


def simulated_lines(draws: int, seed: int = 1) -> list[str]:
    """The largest size of each ladder from the smaller ones; one run of each."""
    rows: dict[tuple[str, float], list[Row]] = {}
    for draw in range(draws):
        ladder = simulated(np.random.default_rng((seed, draw)))
        top = max(ladder.sizes)
        smaller = ladder.select(lambda c, top=top: c.params < top)
        curve = ladder.by_size[top][0]
        kind = "simulated, 2 or 3 references" if len(smaller.sizes) < 4 else "simulated, 4 to 6 references"
        for share in SEEN:
            numbers, found = row(curve, smaller, share)
            key = kind if found.status == "ok" else f"simulated, {found.status}"
            rows.setdefault((key, share), []).append(numbers)
    return [line(name, share, found) for (name, share), found in sorted(rows.items())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=Path)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--only", nargs="*", help="names of ladders")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    lines, started = list(HEAD), time.perf_counter()
    print(*lines, sep="\n")

    def add(more: list[str]) -> None:
        lines.extend(more)
        print(*more, sep="\n", flush=True)

    def wanted(name: str) -> bool:
        return not options.only or name in options.only

    for name, file in PUBLISHED.items():
        if options.curves and wanted(name):
            few = (9, 9) if name == "OLMo" else (3, 2)
            add(ladder_lines(name, read_curves(options.curves / f"{file}.parquet"), *few))
    if options.curves and wanted("OLMo, other lengths"):
        add(other_length_lines(read_curves(options.curves / "olmo_ladder_c4.parquet")))
    for name in OWN:
        if wanted(f"own {name}"):
            add(ladder_lines(f"own {name}", examples.load(name), 3, 2))
    if wanted("simulated"):
        add(simulated_lines(options.draws))
    print(f"{time.perf_counter() - started:.0f} s")
    if options.write:
        text = options.write.read_text()
        table = "<!-- tables -->\n" + "\n".join(lines) + "\n<!-- end of tables -->"
        marked = re.compile(r"<!-- tables -->.*?<!-- end of tables -->", re.DOTALL)
        options.write.write_text(marked.sub(lambda _: table, text))


if __name__ == "__main__":
    main()
