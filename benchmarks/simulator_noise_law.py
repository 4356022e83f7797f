"""The noise law in the exact solution, and under Adam: coefficient, discrete correction, and which of its two forms.

    python benchmarks/simulator_noise_law.py [--json FILE]

At equal tau, S = Tr Sigma of the preconditioned minibatch gradient, s the relative rate, the balance form of the
law is `L_sched - L_const = c (s S_sched - S_const)`, the published one `c (s - 1) S_sched`.
noise: both in the exact solution of SGD. adam: both for Adam itself on the same kind of problem, simulated in theta.
Read by docs/results/simulator.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from scaling_collapse.sgd_noise_model import Problem, from_eigenvalues, power_law, schedules, simulate, stability_limit

POINTS = {"Ia": (1.0, 0.25), "II": (0.9, 0.7), "III": (0.7, 1.2), "Ib": (0.35, 0.3), "Ic": (0.15, 0.8),
          "IVa": (0.4, 0.9), "IVb": (0.27, 0.8)}  # fmt: skip
FAMILY = ["linear", "cosine", "multi_cosine", "quadratic", "power", "exponential", "linear(decay=0.2)",
          "cosine(decay=0.2)"]  # fmt: skip


# noise law ---------------------------------------------------------------------------------------------------------


def fit_forms(pairs: list[tuple[np.ndarray, ...]]) -> dict[str, float]:
    """One coefficient for all schedules and each form: `s S_sched - S_const`, `(s - 1) S_sched`."""
    dL, s, S, S_const = (np.concatenate(c) for c in zip(*pairs, strict=True))
    out = {}
    for name, feature in (("balance", s * S - S_const), ("published", (s - 1) * S)):
        c = float(dL @ feature / (feature @ feature))
        out[f"{name}_c"] = c
        out[f"{name}_error"] = float(np.sqrt(np.mean((dL - c * feature) ** 2) / np.mean(dL**2)))
    return out


def noise_cases() -> dict[str, tuple[Problem, int, float, int]]:
    slow = np.geomspace(1e-6, 1e-4, 40)
    fast = from_eigenvalues(np.r_[np.ones(50), slow], np.r_[np.zeros(50), np.full(40, 0.1)], label_noise=0.1)
    cases = {f"all fast, eta lambda = {peak}": (fast, 20_000, peak, 64) for peak in (0.01, 0.1, 0.5)}
    cases["all fast, fed back"] = (fast, 20_000, 0.02, 1)
    for name, (alpha, beta) in POINTS.items():
        problem = power_law(256, v=1024, alpha=alpha, beta=beta)
        cases[f"phase {name}"] = (problem, 100_000, 0.3 * stability_limit(problem, 1), 1)
    return cases


def noise() -> dict[str, Any]:
    result = {}
    for name, (problem, steps, peak, batch) in noise_cases().items():
        grid = np.unique(np.round(np.linspace(0, steps, 2001)).astype(int))
        told: dict[str, Any] = {"steps": steps, "peak": peak, "batch": batch, "record": grid}
        const = simulate(problem, "constant", **told)
        pairs, ratios = [], []
        for schedule in FAMILY:
            run = simulate(problem, schedule, **told)
            on = np.maximum.accumulate(run.eta < peak * (1 - 1e-9)) & (run.steps > 0.1 * steps)
            S_const = np.interp(run.tau, const.tau, const.noise_trace)
            dL = run.loss - np.interp(run.tau, const.tau, const.loss)
            pairs.append((dL[on], run.eta[on] / peak, run.noise_trace[on], S_const[on]))
            ratios.append(run.noise_trace[-1] / S_const[-1])
        r = fit_forms(pairs)
        # S is linear in the loss under SGD: S = kappa L + const, so both forms are one with 1/c_pub = 1/c - kappa
        kappa = 2 * peak * problem.trace / batch
        lam, c1 = problem.eigenvalues, problem.counts
        correction = float((c1 * lam / (1 - peak * lam / 2)).sum() / (c1 * lam).sum())
        r |= {"kappa": kappa, "published_from_kappa": 1 / (1 / r["balance_c"] - kappa), "discrete": 0.25 * correction,
              "trace_ratio": float(np.mean(ratios))}  # fmt: skip
        result[name] = r
        print(
            f"{name:26s} balance c {r['balance_c']:.3f} (1/4 with discrete correction {r['discrete']:.3f}), error "
            f"{r['balance_error']:.1%} | published c {r['published_c']:.3f} (from kappa "
            f"{r['published_from_kappa']:.3f}), error {r['published_error']:.1%} | S/S_const at the end "
            f"{r['trace_ratio']:.2f}"
        )
    return result


# Adam --------------------------------------------------------------------------------------------------------------


def adam_run(problem: dict[str, np.ndarray], lr: float, batch: int, steps: int, schedule: str, seeds: int = 16):
    """Adam (0.9, 0.95) on the random features themselves, minibatch noise by its Gaussian limit; means over seeds.

    Returns k, L, Tr Sigma of the preconditioned gradient as the noise probe defines it, tau, Tr Sigma of the raw
    gradient and the mean root of Adam's second moment, at 400 points.
    """
    M, target, floor = problem["M"], problem["target"], float(problem["floor"])
    lam, U = np.linalg.eigh(M)
    root = (U * np.sqrt(np.maximum(lam, 0))).T
    rng = np.random.default_rng(1)
    theta, m, v = (np.zeros((seeds, len(M))) for _ in range(3))
    eta = lr * schedules.parse(schedule).s(np.arange(steps) / steps)
    rows, tau = [], 0.0
    for k in range(steps + 1):
        mean = theta @ M - target
        total = np.einsum("sd,sd->s", theta, mean - target) + floor
        if k and (k % (steps // 400) == 0 or k == steps):
            p = lr / np.sqrt(v / (1 - 0.95**k))
            trace = (p * (mean**2 + total[:, None] * np.diag(M))).sum(1) / batch
            raw = (mean**2 + total[:, None] * np.diag(M)).sum(1) / batch
            rows.append((k, 0.5 * total.mean(), trace.mean(), tau, raw.mean(), np.sqrt(v / (1 - 0.95**k)).mean()))
        if k == steps:
            break
        noise = rng.standard_normal((seeds, 1)) * mean + np.sqrt(total)[:, None] * (rng.standard_normal(m.shape) @ root)
        g = mean + noise / np.sqrt(batch)
        m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
        theta = theta - eta[k] * (m / (1 - 0.9 ** (k + 1))) / np.sqrt(v / (1 - 0.95 ** (k + 1)))
        tau += eta[k]
    return np.array(rows).T


def adam() -> dict[str, Any]:
    result = {}
    family = ["linear", "cosine", "linear(decay=0.5)", "cosine(decay=0.2)"]
    steps = 2000
    for alpha, beta, batch in ((1.0, 0.3, 16), (1.0, 0.3, 256), (0.7, 1.2, 64)):
        j = np.arange(1.0, 257.0)
        A = j[:, None] ** -alpha * np.random.default_rng(0).standard_normal((256, 64)) / 8
        problem = {"M": A.T @ A, "target": A.T @ j ** -(alpha + beta), "floor": (j ** (-2 * (alpha + beta))).sum()}
        for lr in (0.001, 0.003, 0.01, 0.03):
            _, L0, S0, tau0, raw0, root0 = adam_run(problem, lr, batch, steps, "constant")
            pairs, ratios, parts = [], [], []
            for schedule in family:
                k, L, S, tau, raw, root = adam_run(problem, lr, batch, steps, schedule)
                s = schedules.parse(schedule).s(k / steps)
                on = (s < 1 - 1e-9) & (k > 0.2 * steps)
                S_const = np.interp(tau, tau0, S0)
                pairs.append(((L - np.interp(tau, tau0, L0))[on], s[on], S[on], S_const[on]))
                ratios.append(float(S[-1] / S_const[-1]))
                parts.append([y[-1] / np.interp(tau[-1], tau0, y0) for y, y0 in ((raw, raw0), (root, root0))])
            progress = -np.polyfit(np.log(tau0[150:]), L0[150:], 1)[0] / (S0[-50:].mean() / 4)
            r = fit_forms(pairs) | {"trace_ratio": float(np.mean(ratios)), "progress": float(progress)}
            r |= dict(zip(("raw_ratio", "root_ratio"), np.mean(parts, axis=0).tolist(), strict=True))
            result[f"alpha {alpha} beta {beta} B {batch} lr {lr}"] = r
            print(
                f"Adam alpha {alpha} beta {beta} B {batch:3d} lr {lr:5.3f}: balance c {r['balance_c']:.3f}, error "
                f"{r['balance_error']:.0%} | published c {r['published_c']:.3f}, error {r['published_error']:.0%} | "
                f"S/S_const at the end {r['trace_ratio']:.2f} (raw {r['raw_ratio']:.2f}, root of second moment "
                f"{r['root_ratio']:.2f}) | progress over noise {progress:.2f}"
            )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here")
    target = parser.parse_args().json
    result = {"noise": noise(), "adam": adam()}
    if target:
        target.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
