"""Speed of the simulator: every solver against a named rival, measured in the same run.

    python benchmarks/simulator_speed.py [--quick] [--json FILE]

Rivals: `numpy` is the plain vectorized loop over steps (`solvers/exact_numpy.py`); for many schedules, a Python loop
over single runs; for Monte Carlo, numpy stepping all seeds at once, with the same O(d) form of the minibatch gradient.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from scaling_collapse.sgd_noise_model import (
    Problem,
    from_eigenvalues,
    monte_carlo,
    power_law,
    schedules,
    simulate,
    simulate_many,
    stability_limit,
)
from scaling_collapse.sgd_noise_model.solvers.simulation import Solver


def timed(call: Callable[[], Any], repeats: int) -> float:
    """Least wall-clock seconds of some repeats, after one to warm up."""
    call()
    return min(_once(call) for _ in range(repeats))


def _once(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def problem(d: int, alpha: float = 0.8, beta: float = 0.4) -> Problem:
    """A power-law spectrum with a floor."""
    j = np.arange(1.0, d + 1)
    return from_eigenvalues(np.append(j ** (-2 * alpha), 0), np.append(j ** (-2 * (alpha + beta)), 1e-4))


@numba.njit(fastmath={"reassoc", "contract"}, error_model="numpy")
def arithmetic_peak(lam, rho, passes):
    """The same multiply-adds as one step, on few enough modes to stay in L1: what arithmetic allows."""
    acc = 0.0
    for p in range(passes):
        a1, a2, q = -1e-9 * p, 1e-12 * p, 1e-15 * p
        for j in range(lam.size):
            r = rho[j] * (1.0 + lam[j] * (a1 + a2 * lam[j])) + q * lam[j]
            rho[j] = r
            acc += r
    return acc


@numba.njit(fastmath={"reassoc", "contract"}, error_model="numpy")
def triad(a, b, c, passes):
    """Stream triad over arrays of the solver's size: what the cache allows, in bytes."""
    for p in range(passes):
        s = 1e-9 * p
        for j in range(a.size):
            a[j] = a[j] + s * b[j] + c[j]


def machine_share(d: int, step_seconds: float) -> dict[str, float]:
    """Time per mode and step beside that of arithmetic alone (256 modes, in L1) and of a triad of size d."""
    small = np.linspace(0.1, 1, 256)
    passes = 100_000
    flops = timed(lambda: arithmetic_peak(small, small.copy(), passes), 5) / (passes * 256)
    a, b, c = (np.linspace(0.1, 1, d) for _ in range(3))
    passes = 20_000
    move = timed(lambda: triad(a, b, c, passes), 5) / (passes * d)
    own = step_seconds / d
    return {
        "ns_per_mode": own * 1e9,
        "arithmetic_ns": flops * 1e9,
        "triad_ns": move * 1e9,
        "share_of_arithmetic": flops / own,
        "share_of_triad": move / own,
        "gflops": 7 / own / 1e9,
        "gbytes_per_s": 32 / own / 1e9,
    }


def exact_against_numpy(d: int, steps: int, numpy_steps: int) -> dict[str, float]:
    p = problem(d)
    peak = 0.5 * stability_limit(p, 1)
    seconds = {}
    cases: list[tuple[Solver, int, int]] = [("numba", steps, 3), ("jax", steps, 1), ("numpy", numpy_steps, 2)]
    solver: Solver
    for solver, k, repeats in cases:
        run = lambda: simulate(p, "cosine", steps=k, peak=peak, solver=solver, record=[k])  # noqa: E731, B023
        seconds[solver] = timed(run, repeats) * steps / k
    return {
        **{f"{s}_s": t for s, t in seconds.items()},
        "numba_over_numpy": seconds["numpy"] / seconds["numba"],
        "jax_over_numpy": seconds["numpy"] / seconds["jax"],
        **machine_share(d, seconds["numba"] / steps),
    }


def fast_against_exact(d: int, steps: int) -> list[dict[str, Any]]:
    p = problem(d)
    rows = []
    for batch, share in ((1, 0.5), (32, 0.9)):
        peak = share * stability_limit(p, batch)
        kw: dict[str, Any] = {"steps": steps, "peak": peak, "batch": batch}
        for text in ("constant", "linear", "cosine", "wsd", "multi_cosine", "cyclic(cycles=20)"):
            exact_seconds = _once(lambda: simulate(p, text, **kw))  # noqa: B023
            fast_seconds = timed(lambda: simulate(p, text, solver="fast", **kw), 5)  # noqa: B023
            exact, fast = simulate(p, text, **kw), simulate(p, text, solver="fast", **kw)
            rows.append(
                {
                    "schedule": text, "batch": batch, "exact_s": exact_seconds, "fast_ms": 1e3 * fast_seconds,
                    "ratio": exact_seconds / fast_seconds, "error_told": fast.error,
                    "error_made": float(np.abs(fast.loss / exact.loss - 1).max()), "work": fast.work,
                }
            )  # fmt: skip
    return rows


EVERY = (
    "constant", "linear", "cosine", "multi_cosine", "quadratic", "power", "exponential", "inverse_sqrt", "polynomial",
    "step", "wsd", "wsd(shape='cosine')", "wsd(shape='sqrt')", "wsd(shape='1-sqrt')", "cyclic(cycles=20)",
    "cyclic(cycles=20, shape='sawtooth')", "cyclic(cycles=20, shape='triangle')", "cyclic(cycles=100)",
    "cosine(warmup=0.1)", "join", "from_array(values=(0.1, 1.0, 0.2, 0.7, 0.0), interpolate=False)",
)  # fmt: skip


def fast_accuracy(d: int, steps: int) -> dict[str, float]:
    """Largest error made and told over every schedule, four spectra and rates."""
    made, told, margin = [], [], []
    for alpha, beta, batch, share in ((1.0, 0.3, 1, 0.5), (1.0, 0.3, 32, 0.9), (0.3, 0.6, 1, 0.5), (0.3, 0.6, 32, 0.9)):
        p = power_law(d, v=4 * d, alpha=alpha, beta=beta)
        kw: dict[str, Any] = {"steps": steps, "peak": share * stability_limit(p, batch), "batch": batch}
        for text in EVERY:
            exact, fast = simulate(p, text, **kw), simulate(p, text, solver="fast", **kw)
            made.append(float(np.abs(fast.loss / exact.loss - 1).max()))
            told.append(fast.error)
            margin.append(told[-1] / made[-1])
    return {"cases": len(made), "error_made": max(made), "error_told": max(told), "least_told_over_made": min(margin)}


def growth() -> list[dict[str, Any]]:
    rows = []
    for d in (256, 1024, 4096):
        p = problem(d)
        peak = 0.5 * stability_limit(p, 1)
        for steps in (10**4, 10**5, 10**6):
            row: dict[str, Any] = {"d": d, "steps": steps}
            solver: Solver
            for solver in ("numba", "jax", "fast"):
                if solver == "jax" and d * steps > 2e9:
                    continue
                call = lambda: simulate(p, "cosine", steps=steps, peak=peak, solver=solver)  # noqa: E731, B023
                row[f"{solver}_ms"] = 1e3 * (timed(call, 3) if solver == "fast" or steps < 10**6 else _once(call))
            rows.append(row)
        for steps in (10**8, 10**10):
            call = lambda: simulate(p, "cosine", steps=steps, peak=peak, solver="fast")  # noqa: E731, B023
            rows.append({"d": d, "steps": steps, "fast_ms": 1e3 * timed(call, 3)})
    return rows


def many_schedules(count: int, d: int, steps: int) -> dict[str, float]:
    p = problem(d)
    peak = 0.5 * stability_limit(p, 1)
    many = [schedules.wsd(decay=f) for f in np.linspace(0.05, 1, count)]
    kw: dict[str, Any] = {"steps": steps, "peak": peak, "record": [steps]}
    together = timed(lambda: simulate_many(p, many, **kw), 2)
    loops = {s: timed(lambda: [simulate(p, m, solver=s, **kw) for m in many[:100]], 1) * count / 100  # noqa: B023
             for s in ("jax", "numba", "numpy")}  # fmt: skip
    return {
        "schedules": count, "d": d, "steps": steps, "vmap_s": together,
        **{f"loop_{s}_s": t for s, t in loops.items()},
        **{f"over_loop_{s}": t / together for s, t in loops.items()},
    }  # fmt: skip


def numpy_seeds(p: Problem, eta: np.ndarray, batch: int, seeds: int) -> np.ndarray:
    """All seeds of Monte Carlo at once in numpy."""
    rng = np.random.default_rng(0)
    r = np.tile(np.sqrt(p.initial), (seeds, 1))
    for e in eta:
        total = (r**2).sum(1) + p.frozen
        x = rng.chisquare(batch, seeds)
        xi = rng.standard_normal(r.shape)
        along = (xi * r).sum(1) + np.sqrt(p.frozen) * rng.standard_normal(seeds)
        noise = np.sqrt(total * x) / batch
        drift = x / batch - noise * along / total
        r = r - e * p.eigenvalues * (drift[:, None] * r + noise[:, None] * xi)
    return 0.5 * ((r**2).sum(1) + p.frozen)


def seeds_per_second(d: int, steps: int, batch: int) -> dict[str, float]:
    p = problem(d)
    peak = 0.3 * stability_limit(p, batch)
    eta = schedules.cosine().at(peak=peak, steps=steps).eta()
    ours = timed(lambda: monte_carlo(p, "cosine", steps=steps, peak=peak, batch=batch, seeds=64, record=[steps]), 2)
    rivals = {n: timed(lambda: numpy_seeds(p, eta, batch, n), 1) / n for n in (1, 64)}  # noqa: B023
    best = min(rivals.values())
    return {"d": d, "steps": steps, "numba": 64 / ours, "numpy": 1 / best, "ratio": 64 / ours * best,
            "threads": numba.get_num_threads()}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute instead of several")
    parser.add_argument("--json", help="write the figures here")
    told = parser.parse_args()
    quick = told.quick
    result: dict[str, Any] = {
        "machine": {"processor": platform.processor() or platform.machine(), "threads": numba.get_num_threads(),
                    "python": platform.python_version(), "numpy": np.__version__, "numba": numba.__version__},
        "exact, d = 4096, 1e5 steps": exact_against_numpy(4096, 100_000, 2_000 if quick else 100_000),
        "fast against exact numba, d = 4096": fast_against_exact(4096, 10**6 if quick else 10**7),
        "fast against exact, every schedule, d = 512, 1e6 steps": fast_accuracy(512, 10**5 if quick else 10**6),
        "many schedules": many_schedules(1000, 256, 200 if quick else 1000),
        "Monte Carlo seeds per second": [seeds_per_second(d, 500, 8) for d in (64, 512)],
    }  # fmt: skip
    if not quick:
        result["growth"] = growth()
    for name, figures in result.items():
        print(f"\n{name}")
        for row in figures if isinstance(figures, list) else [figures]:
            print("  " + ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    if told.json:
        with open(told.json, "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
