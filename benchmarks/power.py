"""Predicted against simulated power: how often a ladder with wrong horizons shows a drift with size.

    python benchmarks/power.py [--draws 1000] [--part grid|measured|fitted]

The grid: 4, 6 and 10 sizes, 2 and 5 seeds, spans of 6, 30 and 300, exponents of the horizons off by 10, 20 and 40 %,
noise so that the predicted powers run from .1 to 1. Curves are those of two power laws at their (wrong) horizons,
`A t*^-mu x^-mu + B p^-nu`, mu = nu = 1/2. Noise of three kinds, each with the same standard deviation of ln S: a factor
on the fall of each run (`shape`), on its last loss (`end`), or from point to point (`fast`). Simulated is the share of
draws in which the trend of the evidence that `measure` uses is significant at 5 %; predicted comes from sizes, seeds,
span, noise and the law's exponent alone.

`measured`: `Power` of a healthy ladder says which error of the exponent it would have shown with 90 % probability; that
error is put into a second ladder, which must show it in 83 to 97 % of draws. The offset is known, or fitted in both.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from scaling_collapse.empirical import CollapseReport, measure_collapse
from scaling_collapse.empirical.collapse.curves_on_grid import CurvesOnGrid, curves_on_grid
from scaling_collapse.empirical.collapse.evidence import evidence_at
from scaling_collapse.empirical.collapse.ladder_designs import noise_for, predicted_power
from scaling_collapse.empirical.collapse.power import power_of
from scaling_collapse.empirical.collapse.steepness import steepness
from scaling_collapse.empirical.fits.intervals import t_quantile
from scaling_collapse.theory import Ladder, LossCurve

MU = NU = 0.5
EXPONENT = MU / 2  # b = mu w_B gamma, balanced, gamma = 1
X = np.geomspace(0.099, 1.0, 60)
KINDS = ("shape", "end", "fast")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One ladder of the grid."""

    sizes: int
    seeds: int
    span: float
    effect: float
    noise: float
    kind: str


def curves(s: Setting, amount: float, rng: np.random.Generator) -> CurvesOnGrid:
    """Draw a ladder whose exponent is off by the effect; `amount` of noise of the setting's kind, offset 0."""
    log_p = np.linspace(0.0, np.log(s.span), s.sizes)
    log_t = log_p + s.effect * (log_p - log_p.mean())
    clean = 0.5 * np.exp(-MU * log_t)[:, None] * X**-MU + 0.5 * np.exp(-NU * log_p)[:, None]
    L = np.repeat(clean, s.seeds, axis=0)
    draw = rng.standard_normal((L.shape[0], 1))
    if s.kind == "shape":
        L = L[:, -1:] + (L - L[:, -1:]) * np.exp(amount * draw)
    elif s.kind == "end":
        L[:, -1:] *= np.exp(amount * draw)
    else:
        L = L * np.exp(amount * rng.standard_normal(L.shape) * np.sqrt(1 - X))
    index = np.repeat(np.arange(s.sizes), s.seeds)
    return CurvesOnGrid(x=X, L=L, size_index=index, log_p=log_p, log_horizon=log_t, starts_late=False)


def amount_of(s: Setting) -> float:
    """How much noise of this kind gives ln S of one run the setting's standard deviation."""
    amount = s.noise
    for _ in range(6 if s.kind != "shape" else 0):
        many = curves(Setting(**vars(s) | {"sizes": 2, "seeds": 1000, "effect": 0.0}), amount, np.random.default_rng(1))
        error = steepness(many.x, many.L / many.L[:, -1:], many.size_index).slope.error
        amount *= s.noise / float(error.mean() * np.sqrt(1000))
    return amount


def simulated(s: Setting, draws: int, seed: int) -> float:
    """Share of draws with a drift at 5 %."""
    amount, rng, seen = amount_of(s), np.random.default_rng(seed), 0
    for _ in range(draws):
        trend = evidence_at(curves(s, amount, rng), 0.0).trend
        seen += abs(trend.t) > stdtrit(trend.dof, 0.975)
    return seen / draws


def grid() -> list[Setting]:
    """The settings: noise cycles through what makes the predicted powers spread."""
    powers = itertools.cycle((0.15, 0.35, 0.6, 0.85, 0.97))
    found = []
    every = itertools.product((4, 6, 10), (2, 5), (6, 30, 300), (0.1, 0.2, 0.4))
    for i, (sizes, seeds, span, effect) in enumerate(every):
        design = {"sizes": sizes, "seeds": seeds, "span": span}
        kind = KINDS[(i + i // 3) % 3]
        noise = noise_for(effect, next(powers), exponent=EXPONENT, **design)
        most = {"shape": 0.5, "end": 0.2, "fast": 0.03}[kind]  # as far as ln S stays near normal
        found.append(Setting(**design, effect=effect, kind=kind, noise=min(float(f"{noise:.2g}"), most)))
    return found


def show_grid(draws: int) -> float:
    """The table of the grid; returns the largest difference."""
    print("| sizes | seeds | span | effect | noise | kind | predicted | simulated | difference |")
    print("|---|---|---|---|---|---|---|---|---|")
    worst = 0.0
    for i, s in enumerate(grid()):
        design = {"sizes": s.sizes, "seeds": s.seeds, "span": s.span}
        want = predicted_power(s.effect, exponent=EXPONENT, noise=s.noise, **design)
        got = simulated(s, draws, i)
        worst = max(worst, abs(got - want))
        print(
            f"| {s.sizes} | {s.seeds} | {s.span:g} | {s.effect:.0%} | {s.noise:.3g} | {s.kind} | {want:.3f} | "
            f"{got:.3f} | {got - want:+.3f} |",
            flush=True,
        )
    return worst


def show_measured(draws: int) -> float:
    """How often the error that a ladder says it would have shown is shown, offset known; the largest miss of .90."""
    print("| sizes | seeds | span | kind | noise | shown |")
    print("|---|---|---|---|---|---|")
    worst = 0.0
    for i, (sizes, seeds, span) in enumerate(itertools.product((4, 6, 10), (2, 5), (6, 30, 300))):
        kind = KINDS[i % 3]
        s = Setting(sizes=sizes, seeds=seeds, span=span, effect=0.0, kind=kind, noise=0.01 * np.log(span) ** 0.5)
        amount, rng, shown = amount_of(s), np.random.default_rng(i), 0
        for _ in range(draws):
            said = power_of(evidence_at(curves(s, amount, rng), 0.0), (), np.empty(0)).gamma_error_at_offset
            trend = evidence_at(curves(replace(s, effect=-said), amount, rng), 0.0).trend
            shown += abs(trend.t) > stdtrit(trend.dof, 0.975)
        worst = max(worst, abs(shown / draws - 0.9))
        print(f"| {sizes} | {seeds} | {span:g} | {kind} | {s.noise:.3f} | {shown / draws:.3f} |", flush=True)
    return worst


def show_fitted(draws: int) -> None:
    """The same by `measure_collapse` with a fitted offset; shown: 0 lies outside the 95 % interval of gamma's error."""
    print("| sizes | seeds | span | noise of finals | median error said | shown | median error said, offset known |")
    print("|---|---|---|---|---|---|---|")
    for sizes, seeds, span, noise in ((6, 5, 30, 0.01), (6, 5, 300, 0.01), (8, 3, 100, 0.003), (8, 5, 1000, 0.02)):
        s = Setting(sizes=sizes, seeds=seeds, span=span, effect=0.0, kind="end", noise=noise)
        said, at_offset, shown, known = [], [], 0, 0
        for k in range(draws):
            rng = np.random.default_rng(k)
            power = measure_collapse(ladder_of(curves(s, noise, rng)), draws=100).power
            said.append(power.gamma_error)
            at_offset.append(power.gamma_error_at_offset)
            if not said[-1] < 0.9:
                continue
            known += 1
            report = measure_collapse(ladder_of(curves(replace(s, effect=-said[-1]), noise, rng)), draws=100)
            shown += shows(report)
        print(
            f"| {sizes} | {seeds} | {span:g} | {noise:g} | {np.nanmedian(said):.0%} | {shown / max(known, 1):.3f} of "
            f"{known} | {np.nanmedian(at_offset):.0%} |",
            flush=True,
        )


def ladder_of(grid_curves: CurvesOnGrid) -> Ladder:
    """The runs as a ladder that `measure_collapse` takes, with an irreducible loss of 3."""
    p, t = np.exp(grid_curves.log_p), np.exp(grid_curves.log_horizon)
    index = grid_curves.size_index
    return Ladder(
        LossCurve(
            run=f"{k}",
            params=1e6 * float(p[i]),
            tokens=2e7 * X * t[i],
            loss=L + 3.0,
            horizon_tokens=2e7 * float(t[i]),
            seed=k,
        )
        for k, (i, L) in enumerate(zip(index, grid_curves.L, strict=True))
    )


def shows(report: CollapseReport) -> bool:
    """Whether the error of gamma is significant at 5 %, what is not known of the offset included."""
    trend = report.trend
    if trend is None or not trend.dof:
        return False
    curve = curves_on_grid(report.ladder, report.x)
    ends = (end for end in report.law.L0_interval if end < curve.finals.min())
    moved = [abs(evidence_at(curve, end).trend.gamma_error - trend.gamma_error) for end in ends]
    by_offset = max(moved, default=0.0) / t_quantile(trend.dof)
    return abs(trend.gamma_error) > stdtrit(trend.dof, 0.975) * np.hypot(trend.error / trend.exponent, by_offset)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--part", choices=("grid", "measured", "fitted"))
    told = parser.parse_args()
    if told.part in (None, "grid"):
        print(f"Largest difference: {show_grid(told.draws):.3f}")
    if told.part in (None, "measured"):
        print(f"Largest miss of .90: {show_measured(told.draws):.3f}")
    if told.part in (None, "fitted"):
        show_fitted(max(told.draws // 10, 20))


if __name__ == "__main__":
    main()
