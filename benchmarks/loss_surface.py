"""The law of loss over sizes and data: speed and objective against rivals, coverage, OLMo.

Claims: the objective of the fit is no worse than that of 1,000 starts of L-BFGS (as published fits are made), and 100
times faster; 90 % intervals hold the truth in 85 to 95 % of draws on grids with a known law; on the OLMo ladder the
largest sizes are predicted from the smaller ones. Rivals, on the same points: 1,000 starts of L-BFGS with exact slopes,
least squares of the logarithms from one start, and variable projection with non-negative least squares and Nelder-Mead
outside, as others fit it (squared residuals of the loss, no robustness).

Run: python benchmarks/loss_surface.py [--curves DIR] [--draws 400] [--only speed|coverage|olmo]
"""

import argparse
import sys
import time
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares, minimize, nnls

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from surface_grids import grid_ladder, true_law  # noqa: E402

from scaling_collapse.common import HUBER_DELTA, InputError, huber  # noqa: E402
from scaling_collapse.empirical import extrapolate_surface, fit_loss_surface, read_curves  # noqa: E402
from scaling_collapse.empirical.fits.fit_surface import fit_points  # noqa: E402
from scaling_collapse.empirical.fits.surface_fit import task_of  # noqa: E402
from scaling_collapse.empirical.fits.surface_law import FORMS, log_surface  # noqa: E402
from scaling_collapse.empirical.fits.surface_points import surface_points  # noqa: E402
from scaling_collapse.empirical.fits.surface_solution import as_law, search  # noqa: E402

NAMES = ("L0", "a", "b", "k")


def points_of(ladder):
    return surface_points(ladder)


# --- rivals


def with_lbfgs(task, form, starts=1000, seed=0):
    """The best of many starts of L-BFGS on the same objective, with exact slopes; starts as wide as published ones."""
    free, rng = (5 if form == "sum" else 6), np.random.default_rng(seed)
    top = float(np.exp(task.y.min()))

    def objective(q):
        full = np.zeros((1, 6))
        full[0, :free] = q
        value, slopes = log_surface(full, task.n, task.d)
        r = value[0] - task.y
        return huber(r).sum(), (np.clip(r, -HUBER_DELTA, HUBER_DELTA)[:, None] * slopes[0][:, :free]).sum(axis=0)

    bounds = [(0.0, top), (-20, 20), (np.log(0.01), np.log(3)), (-20, 20), (np.log(0.01), np.log(3))]
    bounds += [(np.log(0.03), np.log(8))] * (free - 5)
    best = (np.inf, np.zeros(free))
    for _ in range(starts):
        q = [rng.uniform(0, top), rng.uniform(-3, 1), np.log(rng.uniform(0.05, 1.5)), rng.uniform(-3, 1)]
        q += [np.log(rng.uniform(0.05, 1.5))] + [rng.uniform(-2, 1)] * (free - 5)
        found = minimize(
            objective, q, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000, "ftol": 1e-15}
        )
        if found.fun < best[0]:
            best = float(found.fun), found.x
    return best[0], np.concatenate([best[1], np.zeros(6 - free)])


def with_plain_logs(task, form):
    """Least squares of the log residuals from one start."""
    free = 5 if form == "sum" else 6

    def residuals(q):
        return log_surface(np.concatenate([q, np.zeros(6 - free)])[None], task.n, task.d)[0][0] - task.y

    middle = float(np.exp(task.y.mean()))
    start = np.array([middle / 2, np.log(middle / 4), np.log(0.3), np.log(middle / 4), np.log(0.3), 0.0])[:free]
    q = least_squares(residuals, start, bounds=([0.0] + [-20.0] * (free - 1), 20.0)).x
    return float(huber(residuals(q)).sum()), np.concatenate([q, np.zeros(6 - free)])


def with_projected_squares(task):
    """Variable projection of the sum: non-negative least squares of the loss inside, Nelder-Mead outside."""
    losses = np.exp(task.y)

    def solve(exponents):
        a, b = np.exp(exponents)
        parts = np.stack([np.ones(losses.size), np.exp(-a * task.n), np.exp(-b * task.d)], axis=1)
        found, distance = nnls(parts, losses)
        return found, distance

    grid = product(np.log(np.geomspace(0.05, 1.5, 16)), repeat=2)
    start = min(grid, key=lambda e: solve(e)[1])
    best = minimize(lambda e: solve(e)[1], start, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14})
    (L0, A, B), _ = solve(best.x)
    little = 1e-12
    q = np.array([L0, np.log(max(A, little)), best.x[0], np.log(max(B, little)), best.x[1], 0.0])
    return float(huber(log_surface(q[None], task.n, task.d)[0][0] - task.y).sum()), q


# --- what is measured


def timed(call, repeats=1):
    """Shortest wall time of some calls, and the last answer."""
    runs = []
    for _ in range(repeats):
        begin = time.perf_counter()
        answer = call()
        runs.append((time.perf_counter() - begin, answer))
    return min(seconds for seconds, _ in runs), runs[-1][1]


def speed(ladders):
    print(f"\n{'points':<26} {'form':<8} {'method':<28} {'objective':>12} {'F/F_ours - 1':>13} {'s':>8} {'ratio':>7}")
    for name, ladder in ladders.items():
        task = task_of(points_of(ladder))
        for form in FORMS:
            ours, found = timed(partial(search, task, form), repeats=5)
            F = float(found.objective[0])
            rivals = {"1,000 starts of L-BFGS": with_lbfgs, "least squares of logs": with_plain_logs}
            calls = {label: partial(rival, task, form) for label, rival in rivals.items()}
            if form == "sum":
                calls["projected, squares of loss"] = partial(with_projected_squares, task)
            print(f"{name:<26} {form:<8} {'this package':<28} {F:12.5e} {0:13.1e} {ours:8.3f} {1:7.0f}")
            for label, call in calls.items():
                seconds, (other, _) = timed(call)
                gap = other / max(F, 1e-300) - 1
                print(
                    f"{name:<26} {form:<8} {label:<28} {other:12.5e} {gap:13.1e} {seconds:8.3f} {seconds / ours:7.0f}"
                )


CASES = {
    "6 x 3, seeds .1 %": {"sizes": np.geomspace(1e7, 1e9, 6), "point": 1e-3},
    "6 x 3, seeds .1 %, levels .2 %": {"sizes": np.geomspace(1e7, 1e9, 6), "point": 1e-3, "level": 2e-3},
    "5 x 4, 2 seeds .05 %": {
        "sizes": np.geomspace(1e7, 1e9, 5),
        "multiples": (5.0, 20.0, 80.0, 320.0),
        "point": 5e-4,
        "seeds": 2,
    },
    "4 x 3 of OLMo's span, levels .1 %": {
        "sizes": np.geomspace(2e8, 1.3e9, 4),
        "multiples": (10.0, 20.0, 40.0),
        "point": 3e-4,
        "level": 1e-3,
    },
    "10 x 5, seeds .2 %, levels .2 %": {
        "sizes": np.geomspace(1e7, 3e9, 10),
        "multiples": (5.0, 10.0, 20.0, 40.0, 80.0),
        "point": 2e-3,
        "level": 2e-3,
    },
}


def coverage(draws, first=0):
    """How often 90 % intervals hold the truth: of the numbers where the right form was chosen, of answers always."""
    print(f"\n90 % intervals that hold the truth, {draws} draws each (numbers of the law; profile in brackets)")
    columns = (*NAMES, "gamma", "N*(C)", "loss", "mean loss", "right form", "claimed", "ok")
    print(f"{'case':<36} {'truth':<9}" + "".join(f"{c:>13}" for c in columns))
    for (case, options), k in product(CASES.items(), (1.0, 0.3)):
        law = true_law(k=k)
        hits = {c: [] for c in columns} | {f"{c} profile": [] for c in NAMES}
        for seed in range(first, first + draws):
            _count(hits, law, k, seed, options)
        cells = []
        for c in columns:
            share = f"{np.mean(hits[c]):.3f}" if hits[c] else "-"
            if hits.get(f"{c} profile"):
                share += f" ({np.mean(hits[f'{c} profile']):.2f})"
            cells.append(f"{share:>13}")
        print(f"{case:<36} {'sum' if k == 1 else f'k = {k}':<9}" + "".join(cells), flush=True)


def _count(hits, law, k, seed, options):
    """One draw: a grid, its fit, and a new size four times as large at 20 tokens a parameter."""
    points = points_of(grid_ladder(law, rng=seed, **options))
    found = fit_points(points, draws=300, seed=seed)
    hits["claimed"].append(found.claimed)
    hits["ok"].append(found.status == "ok")
    if not found.claimed:
        return
    right = found.form == ("sum" if k == 1 else "coupled")
    hits["right form"].append(right)
    for name in NAMES if right else ():
        truth = float(getattr(law, name))
        if name in found.profile:
            hits[name].append(_inside(found.intervals[name], truth))
            hits[f"{name} profile"].append(_inside(found.profile[name], truth))
    N = 4 * points.sizes[-1]
    rng = np.random.default_rng([seed, 9])
    level, point = (options.get(x, 0.0) * rng.standard_normal() for x in ("level", "point"))
    predicted = found.predict(N, 20 * N)
    mean = float(law.loss(N, 20 * N)) * np.exp(level)
    hits["loss"].append(_inside(predicted.interval, mean * np.exp(point)))
    hits["mean loss"].append(_inside(predicted.expected_interval, mean))
    hits["gamma"].append(_inside(found.gamma_interval, float(law.gamma)))
    budget = 6 * 20 * points.sizes[-1] ** 2
    hits["N*(C)"].append(_inside(found.optimal(budget).params_interval, float(law.optimal_params(budget))))


def _inside(interval, truth):
    return interval[0] - 1e-9 <= truth <= interval[1] + 1e-9


def olmo(path):
    """Each larger size from those below it: final losses by the law and by rivals, whole curves by the law."""
    ladder = read_curves(path)
    fit = fit_loss_surface(ladder)
    print(f"\nOLMo, all sizes\n{fit!r}")
    print(f"\n{'run':<24} {'from':>6} {'by the law':>11} {'band':>7} {'in':>3} {'L-BFGS':>8} {'logs':>8} {'squares':>8}"
          f" {'curve':>7} {'points in':>9}")  # fmt: skip
    rows = []
    for top in (3, 4):
        below = ladder.select(lambda c, p=ladder.sizes[top - 1]: c.params <= p)
        task = task_of(points_of(below))
        rivals = [
            with_lbfgs(task, "sum", starts=100)[1],
            with_plain_logs(task, "sum")[1],
            with_projected_squares(task)[1],
        ]
        for run in ladder:
            if run.params <= ladder.sizes[top - 1]:
                continue
            rows.append(_olmo_row(below, run, [as_law(q, task.centre) for q in rivals]))
            name, values = run.run.removeprefix("olmo-"), rows[-1]
            print(f"{name:<24} {below.sizes[-1] / 1e6:5.0f}M " + " ".join(f"{v:8.2f}" for v in values))
    rows = np.array(rows)
    print(f"mean |error|: law {np.nanmean(abs(rows[:, 0])):.2f} %, rivals "
          f"{', '.join(f'{v:.2f} %' for v in np.nanmean(abs(rows[:, 3:6]), axis=0))}; bands hold "
          f"{np.nanmean(rows[:, 2]):.0%} of finals, {np.nanmean(rows[:, 7]):.0%} of points")  # fmt: skip


def _olmo_row(below, run, laws):
    """Errors in percent of the final loss, half the band's width, whether it held, rivals' errors, the curve's."""
    end = run.horizon_loss
    others = [100 * (float(law.loss(run.params, run.horizon_tokens)) / end - 1) for law in laws]
    try:
        found = extrapolate_surface(below, run.params, run.horizon_tokens)
    except InputError:
        return [np.nan, np.nan, np.nan, *others, np.nan, np.nan]
    low, high = found.final_interval
    kept = found.x >= 0.2
    true = run.loss_at(found.tokens[kept])
    inside = ((found.low[kept] <= true) & (true <= found.high[kept])).mean()
    return [
        100 * (found.final_loss / end - 1), 50 * (high - low) / end, low <= end <= high, *others,
        100 * float(np.mean(np.abs(found.loss[kept] / true - 1))), inside,
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=Path, default=ROOT.parent / "shared" / "curves")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--first", type=int, default=0, help="seed of the first draw")
    parser.add_argument("--only", choices=("speed", "coverage", "olmo"))
    args = parser.parse_args()
    table = args.curves / "olmo_ladder_c4.parquet"
    if args.only in (None, "speed"):
        ladders = {"synthetic, sum": grid_ladder(true_law(), point=1e-3, level=1e-3)}
        ladders["synthetic, k = .3"] = grid_ladder(true_law(k=0.3), point=1e-3, level=1e-3)
        many = np.geomspace(1e7, 1e10, 16)
        ladders["synthetic, 128 points"] = grid_ladder(
            true_law(), sizes=many, multiples=tuple(5.0 * 2.0 ** np.arange(8)), point=2e-3
        )
        if table.exists():
            ladders["OLMo"] = read_curves(table)
        speed(ladders)
    if args.only in (None, "olmo") and table.exists():
        olmo(table)
    if args.only in (None, "coverage"):
        coverage(args.draws, args.first)


if __name__ == "__main__":
    main()
