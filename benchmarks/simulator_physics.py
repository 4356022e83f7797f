"""What the simulator says about scaling and noise; the figures of docs/results/simulator.md.

    python benchmarks/simulator_physics.py [--only PART ...] [--out FOLDER] [--json FILE]

phases: local gamma and frontier exponent against d in all seven phases, from the deterministic equivalent.
ladder: Delta / sigma of simulated ladders for fast, persistent and mixed seed noise, and the variance formula.
supercollapse: six sizes x 32 seeds at the compute-optimal horizon, through `measure_collapse` like any real ladder.
optimum: the best schedule against the usual ones, each at its best peak.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scaling_collapse.empirical import measure_collapse
from scaling_collapse.sgd_noise_model import (
    Problem,
    best_peak,
    from_eigenvalues,
    optimal_schedule,
    power_law,
    seed_variance,
    simulate,
    simulate_ladder,
    stability_limit,
)
from scaling_collapse.theory import (
    Ladder,
    collapse_deviation,
    default_grid,
    losses_on_grid,
    noise_floor,
    normalize,
    phase_frontier_exponent,
    phase_gamma,
)

POINTS = {"Ia": (1.0, 0.25), "II": (0.9, 0.7), "III": (0.7, 1.2), "Ib": (0.35, 0.3), "Ic": (0.15, 0.8),
          "IVa": (0.4, 0.9), "IVb": (0.27, 0.8)}  # fmt: skip


# phases ------------------------------------------------------------------------------------------------------------


def loss_against_compute(d: int, alpha: float, beta: float, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """`ln(C/6)` and `ln R` of one size at constant LR, half the stability limit, B = 1."""
    v = 4 * d if alpha < 0.5 else 2**28
    problem = power_law(d, v=v, alpha=alpha, beta=beta, features="equivalent")
    steps = int(3000 * d ** max(gamma, 1.0))
    record = np.unique(np.geomspace(max(1.0, steps / 1e7), steps, 500).astype(np.int64))
    run = simulate(
        problem, "constant", steps=steps, peak=0.5 * stability_limit(problem, 1), solver="fast", record=record
    )
    return np.log(run.steps * float(d)), np.log(run.loss)


def local_exponents(sizes: np.ndarray, curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """From the crossings of neighbouring sizes' curves: where one overtakes the other, their mean size is optimal."""
    tokens, compute, loss = [], [], []
    for i in range(len(sizes) - 1):
        (c1, l1), (c2, l2) = curves[i], curves[i + 1]
        c = np.linspace(max(c1[0], c2[0]), min(c1[-1], c2[-1]), 4000)
        gap = np.interp(c, c1, l1) - np.interp(c, c2, l2)
        k = int(np.flatnonzero((gap[:-1] < 0) & (gap[1:] >= 0))[-1])
        at = c[k] - gap[k] * (c[1] - c[0]) / (gap[k + 1] - gap[k])
        compute.append(at)
        loss.append(np.interp(at, c1, l1))
        tokens.append(at - 0.5 * np.log(float(sizes[i]) * sizes[i + 1]))
    return np.diff(tokens) / np.diff(np.log(sizes[:-1])), -np.diff(loss) / np.diff(compute)


def phases() -> dict[str, Any]:
    sizes = 2 ** np.arange(6, 23)
    result = {}
    for name, (alpha, beta) in POINTS.items():
        gamma, exponent = float(phase_gamma(alpha, beta)), float(phase_frontier_exponent(alpha, beta))
        curves = [loss_against_compute(int(d), alpha, beta, gamma) for d in sizes]
        local_gamma, local_exponent = local_exponents(sizes, curves)
        result[name] = {"alpha": alpha, "beta": beta, "gamma": gamma, "exponent": exponent, "d": sizes[1:-1],
                        "local_gamma": local_gamma, "local_exponent": local_exponent}  # fmt: skip
        print(f"{name:4s} alpha {alpha} beta {beta}: gamma* {gamma:.3f}, exponent {exponent:.3f}")
        for i in (0, 4, 8, 12, len(sizes) - 3):
            print(f"     d = {sizes[i + 1]:8d}: gamma {local_gamma[i]:.3f}, exponent {local_exponent[i]:.3f}")
    return result


# ladder ------------------------------------------------------------------------------------------------------------

LADDER_SCHEDULES = ("constant", "linear", "cosine", "wsd(decay=0.2)")
SEEDS = 32


def fast_problem(size: int) -> Problem:
    """Signal in slow modes, noise in 4 fast ones; the same for every size, so that sizes do not differ."""
    slow = np.geomspace(1e-5, 1e-3, 40)
    return from_eigenvalues(
        np.r_[np.ones(4), slow], np.r_[np.zeros(4), np.full(40, 0.01)], label_noise=1.0, params=size
    )


def ladder_of(kind: str, schedule: str) -> tuple[Ladder, float]:
    if kind == "fast":
        problems, told = [fast_problem(d) for d in range(1, 7)], {"steps": [20_000] * 6, "peak": 0.05, "batch": 8}
    elif kind == "persistent":
        problems, told = [fast_problem(d) for d in range(1, 7)], {"steps": [20_000] * 6, "peak": 0.05, "batch": 10**7}
    else:
        one = power_law(64, v=512, alpha=1.0, beta=0.25, seed=1)
        problems = [replace(one, params=d) for d in range(1, 7)]
        told = {"steps": [20_000] * 6, "peak": 0.3, "batch": 4}
    start = "fixed" if kind == "fast" else "random"
    ladder = simulate_ladder(problems, schedule, seeds=SEEDS, start=start, **told)
    return ladder, problems[0].label_noise / 2


def variance_formula(ladder: Ladder, offset: float) -> dict[str, Any]:
    """Delta measured, and from per-size sigma and rho plus the spread between sizes, in sample."""
    L, index = losses_on_grid(ladder), ladder.size_index
    x = default_grid()
    delta, sigma = collapse_deviation(normalize(L, offset), index), noise_floor(L, index, offset)
    R = L - offset
    within, centres, loudest = [], [], np.zeros(x.size)
    for i in range(len(ladder.sizes)):
        r = R[index == i]
        s = r.std(0, ddof=1) / r.mean(0)
        loudest = np.maximum(loudest, np.maximum(s, s[-1]))
        rho = np.array([np.corrcoef(r[:, k], r[:, -1])[0, 1] for k in range(r.shape[1])])
        within.append(s**2 + s[-1] ** 2 - 2 * rho * s * s[-1])
        centres.append(np.log(r.mean(0) / r[:, -1].mean()))
    # the sample variance of p sizes x n seeds, split as in the analysis of variance
    p, n = len(within), SEEDS
    formula = np.sqrt(
        (p * (n - 1) * np.mean(within, axis=0) + n * (p - 1) * np.var(centres, axis=0, ddof=1)) / (p * n - 1)
    )
    late = (x >= 0.8) & (x < 1.0)
    off = np.abs(formula[:-1] / delta[:-1] - 1)
    quiet = np.maximum(sigma, sigma[-1])[:-1] < 0.1
    all_quiet = loudest[:-1] < 0.1
    return {
        "ratio": float((delta[late] / sigma[late]).mean()),
        "ratio_low": float((delta[late] / sigma[late]).min()),
        "ratio_high": float((delta[late] / sigma[late]).max()),
        "sigma": float(sigma.max()),
        "delta_late": float(delta[late].mean()),
        "super": float((delta[:-1] < sigma[:-1]).mean()),
        "quiet_share": float(quiet.mean()),
        "formula_quiet_worst": float(off[quiet].max()) if quiet.any() else None,
        "formula_all_quiet_worst": float(off[all_quiet].max()) if all_quiet.any() else None,
        "formula_loud_worst": float(off[~quiet].max()) if not quiet.all() else None,
    }


def told(r: dict[str, Any]) -> str:
    """How far the formula is off, in words."""
    parts = [f"sigma <= {r['sigma']:.3f}"]
    if r["formula_quiet_worst"] is not None:
        parts.append(
            f"formula off by {r['formula_quiet_worst']:.1%} at worst where sigma < 0.1 ({r['quiet_share']:.0%} of x)"
        )
    if r["formula_all_quiet_worst"] is not None:
        parts.append(f"{r['formula_all_quiet_worst']:.1%} where that of every size is")
    if r["formula_loud_worst"] is not None:
        parts.append(f"{r['formula_loud_worst']:.1%} beyond")
    return ", ".join(parts)


def optimal_ladder(schedule: str, batch: int, sizes: list[int]) -> tuple[Ladder, float]:
    """Phase Ia near its compute-optimal horizon, one draw of W per size, constant peak."""
    problems = [power_law(d, v=8 * d, alpha=1.0, beta=0.25, seed=d) for d in sizes]
    return simulate_ladder(problems, schedule, steps=lambda p: 4.0 * p.params**1.9 / batch, peak=0.3, batch=batch,
                           seeds=SEEDS), 0.0  # fmt: skip


def ladder() -> dict[str, Any]:
    result: dict[str, Any] = {}
    for kind in ("fast", "persistent", "mixed"):
        for schedule in LADDER_SCHEDULES:
            r = result[f"{kind} {schedule}"] = variance_formula(*ladder_of(kind, schedule))
            print(f"{kind:10s} {schedule:15s} Delta/sigma on [0.8, 1) {r['ratio']:.3f} ({r['ratio_low']:.3f} to "
                  f"{r['ratio_high']:.3f}); {told(r)}")  # fmt: skip
    for batch in (4, 16):
        for schedule in LADDER_SCHEDULES:
            r = variance_formula(*optimal_ladder(schedule, batch, [32, 48, 64, 96, 128, 192]))
            result[f"optimal B={batch} {schedule}"] = r
            print(
                f"sizes 32 to 192, B = {batch:2d}, {schedule:15s} Delta {r['delta_late']:.4f}, Delta/sigma "
                f"{r['ratio']:.3f} on [0.8, 1), Delta < sigma on {r['super']:.0%} of x; {told(r)}"
            )
    for noise in (0.1, 1.0, 10.0, 40.0, 160.0):
        slow = np.geomspace(1e-5, 1e-3, 40)
        family = [from_eigenvalues(np.r_[np.ones(4), slow], np.r_[np.zeros(4), np.full(40, 0.01)], label_noise=noise,
                                   params=d) for d in range(1, 7)]  # fmt: skip
        made = simulate_ladder(family, "constant", steps=[20_000] * 6, peak=0.05, batch=8, seeds=SEEDS)
        r = result[f"label noise {noise}"] = variance_formula(made, noise / 2)
        print(f"label noise {noise:5.1f}: {told(r)}")
    problem = power_law(64, v=512, alpha=1.0, beta=0.25, seed=1)
    for schedule in LADDER_SCHEDULES:
        closed = seed_variance(problem, schedule, steps=20_000, peak=0.3, batch=4, start="random")
        x = closed.expected.steps / 20_000
        late = (x >= 0.8) & (x < 1)
        ratio = np.sqrt(np.maximum(closed.log_ratio_variance[late], 0)) / closed.sigma[late]
        result[f"closed form, mixed {schedule}"] = float(ratio.mean())
        print(f"closed form, mixed {schedule:15s} Delta/sigma on [0.8, 1) {ratio.mean():.3f}")
    return result


# supercollapse -----------------------------------------------------------------------------------------------------


def optimal_horizon(d: int, alpha: float, beta: float, share: float) -> float:
    """Examples at which 1.15 d overtakes d / 1.15 at equal compute, constant LR, from the deterministic equivalent."""
    curves = []
    for size in (round(d / 1.15), round(1.15 * d)):
        problem = power_law(size, v=4 * size, alpha=alpha, beta=beta, features="equivalent")
        record = np.unique(np.geomspace(1, 2000 * size, 400).astype(int))
        peak = share * stability_limit(problem, 1)
        run = simulate(problem, "constant", steps=2000 * size, peak=peak, solver="fast", record=record)
        curves.append((np.log(run.steps * float(size)), np.log(run.loss)))
    c = np.linspace(max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves), 4000)
    gap = np.interp(c, *curves[0]) - np.interp(c, *curves[1])
    return float(np.exp(c[np.flatnonzero((gap[:-1] < 0) & (gap[1:] >= 0))[-1]])) / d


def supercollapse() -> dict[str, Any]:
    alpha, beta, share, sizes = 0.35, 0.3, 0.3, [384, 512, 768, 1024, 1536, 2048]
    gamma, log_kappa = np.polyfit(np.log(sizes), np.log([optimal_horizon(d, alpha, beta, share) for d in sizes]), 1)
    problems = [power_law(d, v=4 * d, alpha=alpha, beta=beta, seed=d) for d in sizes]
    result: dict[str, Any] = {"gamma": float(gamma)}
    print(f"phase Ib, d = 384 to 2048, v = 4 d, one draw of W each, B = 1, 32 seeds; local gamma {gamma:.3f}")
    for schedule in LADDER_SCHEDULES:
        made = simulate_ladder(
            problems,
            schedule,
            steps=lambda p: np.exp(log_kappa) * p.params**gamma,
            peak=lambda p: share * stability_limit(p, 1),
            seeds=SEEDS,
        )
        report = measure_collapse(made, offset=0.0)
        late = slice(140, -1)
        r = result[schedule] = {
            "verdict": report.verdict,
            "share_below": float(report.supercollapse.fraction),
            "from_x": float(report.supercollapse.x_from),
            "size_spread": float(report.deviation.value),
            "delta_late": float(report.delta[late].mean()),
            "sigma_late": float(report.sigma[late].mean()),
        }
        print(
            f"  {schedule:15s} {r['verdict']}: Delta < sigma on {r['share_below']:.0%} of x, from {r['from_x']:.2f}; "
            f"on [0.8, 1) Delta {r['delta_late']:.5f}, sigma {r['sigma_late']:.5f}; sizes differ by "
            f"{r['size_spread']:.1%} of the fall beyond noise"
        )
    return result


# optimum -----------------------------------------------------------------------------------------------------------

BASELINES = ("constant", "linear", "cosine", "wsd(decay=0.2)", "wsd(decay=1.0, shape='1-sqrt')",
             "wsd(decay=0.2, shape='1-sqrt')")  # fmt: skip
OPTIMA = {"Ia": (1.0, 0.25, 1024, 1), "II": (0.8, 0.6, 1024, 1), "IVa": (0.4, 0.7, 512, 8)}


def optimum() -> dict[str, Any]:
    result = {}
    for phase, (alpha, beta, v, batch) in OPTIMA.items():
        problem = power_law(128, v=v, alpha=alpha, beta=beta)
        baselines = {name: best_peak(problem, name, steps=4000, batch=batch) for name in BASELINES}
        found = {
            c: optimal_schedule(problem, steps=4000, batch=batch, monotone=c == "monotone")
            for c in ("free", "monotone")
        }
        limit = stability_limit(problem, batch)
        result[phase] = {
            "limit": limit,
            **{name: loss for name, (_, loss) in baselines.items()},
            **{c: o.final_loss for c, o in found.items()},
            **{f"{c}_eta": o.rates for c, o in found.items()},
            "x": found["free"].knots,
        }
        best = min(baselines.values(), key=lambda b: b[1])
        print(f"{phase}: free {found['free'].final_loss:.6g}, monotone {found['monotone'].final_loss:.6g}; baselines "
              + ", ".join(f"{n} {b[1]:.6g}" for n, b in baselines.items())
              + f"; gain over the best {1 - found['free'].final_loss / best[1]:.2%}; limit {limit:.3g}")  # fmt: skip
    return result


# pictures ----------------------------------------------------------------------------------------------------------


def draw(result: dict[str, Any], out: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    out.mkdir(parents=True, exist_ok=True)
    if "phases" in result:
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
        for name, r in result["phases"].items():
            for ax, local, limit in (
                (axes[0], r["local_gamma"], r["gamma"]),
                (axes[1], r["local_exponent"], r["exponent"]),
            ):
                ax.semilogx(r["d"], local / limit, label=f"{name} ({limit:.3g})")
        for ax, title in zip(axes, ("local gamma / gamma*", "local frontier exponent / its limit"), strict=True):
            ax.axhline(1, color="0.6", lw=0.8)
            ax.set(xlabel="d", title=title)
            ax.legend(fontsize=7)
        figure.savefig(out / "phases.png", dpi=150)
    if "optimum" in result:
        figure, axes = plt.subplots(1, 3, figsize=(10, 3), constrained_layout=True)
        for ax, (phase, r) in zip(axes, result["optimum"].items(), strict=True):
            ax.plot(r["x"], r["free_eta"] / r["limit"], label="free")
            ax.plot(r["x"], r["monotone_eta"] / r["limit"], "--", label="monotone")
            ax.set(xlabel="progress x", ylabel="eta / stability limit", title=f"phase {phase}")
            ax.legend(fontsize=8)
        figure.savefig(out / "optimal_schedules.png", dpi=150)


def main() -> None:
    parts = {
        "phases": phases,
        "ladder": ladder,
        "supercollapse": supercollapse,
        "optimum": optimum,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=parts, default=list(parts))
    parser.add_argument("--out", type=Path, help="write the pictures into this folder")
    parser.add_argument("--json", type=Path, help="write the figures here")
    told = parser.parse_args()
    result = {}
    for name in told.only:
        print(f"\n{name}")
        result[name] = parts[name]()
    if told.out:
        draw(result, told.out)
    if told.json:
        told.json.write_text(json.dumps(result, indent=1, default=lambda a: a.tolist()))


if __name__ == "__main__":
    main()
