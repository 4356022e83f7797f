"""Whether `extrapolate` knows when it is right: made-up ladders of known truth, healthy and misspecified.

    python benchmarks/extrapolation_checks.py [--draws 400] [--only NAME]

Each ladder is two power laws at their optimum, `A t^-mu f(x) + B p^-nu`, with linear decay or a constant rate: 3 to 10
sizes of 1 to 5 seeds, spans of 6 to 300, offset 0 or 2; its next size is held back. Prints for each kind how often the
status was `ok`, and how often single runs lay in the 90 % band where it was and where it was not, for both methods.
Takes about 1 second a draw, kind and method.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass

import numpy as np

from scaling_collapse.empirical import extrapolate
from scaling_collapse.theory import Ladder, LossCurve


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is wrong with a ladder."""

    name: str
    healthy: bool
    scatter: float = 0.0
    """Level common to the seeds of a size, relative to the reducible loss."""
    drift: float = 0.0
    """Of the logarithm of the curve's shape, per e-fold of size."""
    exponent: float = 1.0
    """Factor on the exponent from the middle of the ladder on."""
    kappa: float = 1.0
    """Factor on all horizons."""
    tails: float = np.inf
    """Degrees of freedom of the noise."""


KINDS = (
    Kind(name="healthy", healthy=True),
    Kind(name="level scatter .5 %", healthy=True, scatter=0.005),
    Kind(name="level scatter 2 %", healthy=True, scatter=0.02),
    Kind(name="kappa off by 2", healthy=True, kappa=2.0),
    Kind(name="t3 tails", healthy=True, tails=3.0),
    Kind(name="t3 tails, scatter .5 %", healthy=True, tails=3.0, scatter=0.005),
    Kind(name="shape drifts", healthy=False, drift=0.05),
    Kind(name="shape drifts the other way", healthy=False, drift=-0.05),
    Kind(name="exponent halves", healthy=False, exponent=0.5),
    Kind(name="exponent doubles", healthy=False, exponent=2.0),
)


def ladder(kind: Kind, seed: int) -> tuple[Ladder, tuple[LossCurve, ...], int]:
    """A ladder of a kind, the runs of its next size, and its number of sizes."""
    rng = np.random.default_rng(seed)
    mu, nu = rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.6)
    sizes, seeds, L0 = int(rng.integers(3, 11)), int(rng.integers(1, 6)), float(rng.choice([0.0, 2.0]))
    span, constant = float(np.exp(rng.uniform(np.log(6), np.log(300)))), rng.random() < 0.3
    persistent, fast = float(np.exp(rng.uniform(np.log(1e-3), np.log(1e-2)))), float(rng.uniform(0, 5e-3))

    def noise(size: int) -> np.ndarray:
        if np.isinf(kind.tails):
            return rng.standard_normal(size)
        return rng.standard_t(kind.tails, size) * np.sqrt((kind.tails - 2) / kind.tails)

    P = np.geomspace(1.0, span, sizes)
    P = np.append(P, P[-1] * P[1])
    x = np.linspace(0.01, 1.0, 100)
    s = np.ones_like(x) if constant else 1 - x
    f = x**-mu if constant else (2 * x - x * x) ** -mu
    A, B = nu / (mu + nu), mu / (mu + nu)
    middle = np.log(span) / 2
    curves = []
    for i, p in enumerate(P):
        horizon = kind.kappa * p ** (nu / mu)
        R = A * horizon**-mu * f + B * p**-nu
        shape = (R / R[-1]) ** (1 + kind.drift * (np.log(p) - middle))
        end = R[-1] * np.exp(-(kind.exponent - 1) * nu * max(np.log(p) - middle, 0.0))
        R = end * shape * np.exp(kind.scatter * rng.standard_normal())
        for k in range(seeds):
            run = R * np.exp(persistent * noise(1)) * np.exp(fast * s * noise(x.size))
            curves.append(
                LossCurve(
                    run=f"p{i}-s{k}", params=1e6 * p, tokens=2e7 * x * horizon, loss=L0 + run, seed=k,
                    horizon_tokens=2e7 * horizon,
                )
            )  # fmt: skip
    top = 1e6 * P[-1]
    return Ladder(c for c in curves if c.params < top), tuple(c for c in curves if c.params == top), sizes


def tally(kind: Kind, draws: int, method: str) -> str:
    """One row: statuses and coverage."""
    statuses: Counter[str] = Counter()
    covered: dict[bool, list[float]] = {True: [], False: []}
    finals: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(draws):
        rest, held, _ = ladder(kind, seed)
        found = extrapolate(rest, held[0].params, tokens=held[0].horizon_tokens, method=method, draws=1000)
        statuses[str(found.status)] += 1
        if not found.claimed or np.isnan(found.low).any():
            continue
        late = found.x >= 0.1 - 1e-9
        L = np.stack([c.loss_at(found.x[late] * c.horizon_tokens) for c in held])
        inside = (found.low[late] <= L) & (found.high[late] >= L)
        ok = found.status == "ok"
        covered[ok].append(float(inside.mean()))
        finals[ok].append(float(inside[:, -1].mean()))

    def share(values: list[float]) -> str:
        return f"{np.mean(values):.2f}" if values else "-"

    cells = [kind.name, method, f"{statuses['ok'] / draws:.2f}", share(covered[True]), share(finals[True])]
    cells += [share(covered[False]), share(finals[False])]
    cells.append(", ".join(f"{name} {n}" for name, n in statuses.most_common() if name != "ok"))
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--only", help="part of a kind's name")
    parser.add_argument("--methods", nargs="+", default=["curves", "ends"])
    arguments = parser.parse_args()
    print("| ladder | method | ok | points, ok | finals, ok | points, not ok | finals, not ok | other statuses |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for kind in KINDS:
        if arguments.only is None or arguments.only in kind.name:
            for method in arguments.methods:
                print(tally(kind, arguments.draws, method), flush=True)


if __name__ == "__main__":
    main()
