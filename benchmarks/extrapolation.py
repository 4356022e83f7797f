"""How well `extrapolate` predicts published sizes that it has not seen: whole curves against end points alone.

    python benchmarks/extrapolation.py --curves DIR [--write docs/results/extrapolation.md]

DIR holds the tables of Qiu et al. 2025 (`qiu_cifar5m_linear.parquet` and so on). Prints the tables of
docs/results/extrapolation.md, or writes them between its markers. Errors are in units of the left-out size's own seed
standard deviation, x by x, averaged over the grid from x = 0.2 to 1. Takes about 10 minutes.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaling_collapse.empirical import Extrapolation, extrapolate, read_curves
from scaling_collapse.theory import Ladder, LossCurve

LADDERS = {"CIFAR-5M": "qiu_cifar5m_linear", "chess": "qiu_chess_linear", "MLP": "qiu_mlp_linear"}
Array = NDArray[np.float64]


def some_seeds(ladder: Ladder, sizes: list[float], seeds: int) -> Ladder:
    """The given sizes with that many seeds each, other ones for each size."""
    kept = []
    for i, p in enumerate(sizes):
        curves = ladder.by_size[p]
        kept += [curves[(i + k) % len(curves)] for k in range(min(seeds, len(curves)))]
    return Ladder(kept)


def late_losses(found: Extrapolation, curves: tuple[LossCurve, ...]) -> tuple[NDArray[np.bool_], Array]:
    """The grid points from x = 0.2 on, and the runs' losses there."""
    late = found.x >= 0.2 - 1e-9
    return late, np.stack([c.loss_at(found.x[late] * c.horizon_tokens) for c in curves])


def error(loss: Array, L: Array) -> float:
    """Mean over x of |predicted - mean over seeds| in seed standard deviations."""
    return float((np.abs(loss - L.mean(axis=0)) / L.std(axis=0, ddof=1)).mean())


def rank_one(ladder: Ladder, target: LossCurve, x: Array) -> Array:
    """A rival: `ln(L_i(x) - L0) = m(x) + u_i` by least squares with its Jacobian, then a line through u_i."""
    groups = list(ladder.by_size.values())
    L = np.stack([np.mean([c.loss_at(x * c.horizon_tokens) for c in g], axis=0) for g in groups])
    ln_C = np.log([g[0].horizon_compute for g in groups])
    best = (np.inf, L.min())
    for offset in np.linspace(0.0, L.min(), 4000)[:-1]:
        ln_R = np.log(L - offset)
        rest = ln_R - ln_R.mean(axis=0) - ln_R.mean(axis=1, keepdims=True) + ln_R.mean()
        best = min(best, (0.5 * rest.size * np.log((rest**2).sum()) + ln_R.sum(), offset))
    ln_R = np.log(L - best[1])
    slope, intercept = np.polyfit(ln_C, ln_R.mean(axis=1), 1)
    shape = ln_R.mean(axis=0) - ln_R.mean()
    return best[1] + np.exp(intercept + slope * np.log(target.horizon_compute) + shape)


def accuracy(ladders: dict[str, Ladder]) -> list[str]:
    """Errors of three estimators on the largest size."""
    lines = [
        "| ladder | from | whole curves | rank one | end points | L0, curves (90 %) | L0, ends (90 %) | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, ladder in ladders.items():
        top = max(ladder.sizes)
        for keep in (7, 5):
            rest = some_seeds(ladder, list(ladder.sizes[:keep]), 5)
            started = time.perf_counter()
            joint = extrapolate(rest, top)
            took = time.perf_counter() - started
            ends = extrapolate(rest, top, method="ends")
            late, L = late_losses(joint, ladder.by_size[top])
            rival = rank_one(rest, ladder.by_size[top][0], joint.x[late])
            laws = [f"{e.law.L0:.4f} ({e.law.L0_interval[0]:.4f} to {e.law.L0_interval[1]:.4f})" for e in (joint, ends)]
            errors = [error(joint.loss[late], L), error(rival, L), error(ends.loss[late], L)]
            cells = [name, f"{keep} smallest", *(f"{e:.2f}" for e in errors), *laws, f"{took:.2f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def left_out(sizes: tuple[float, ...]) -> list[tuple[list[float], float]]:
    """(sizes used, size predicted): upward from the 5, 6 and 7 smallest, and each size from all others."""
    cases = [(list(sizes[:k]), p) for k in (5, 6) for p in sizes[k:]]
    return cases + [([q for q in sizes if q != p], p) for p in sizes]


def coverage(ladders: dict[str, Ladder], method: str) -> list[str]:
    """Share of single left-out runs inside the 90 % bands."""
    lines = [
        "| seeds used | " + " | ".join(ladders) + " | all | all, final loss | all, upward only |",
        "|---|" + "---|" * (len(ladders) + 3),
    ]
    for seeds in (5, 1):
        points: dict[str, list[float]] = {name: [] for name in ladders}
        finals, upward = [], []
        for name, ladder in ladders.items():
            for sizes, target in left_out(ladder.sizes):
                found = extrapolate(some_seeds(ladder, sizes, seeds), target, method=method)
                late, L = late_losses(found, ladder.by_size[target])
                inside = (found.low[late] <= L) & (found.high[late] >= L)
                points[name].append(float(inside.mean()))
                finals.append(float(inside[:, -1].mean()))
                if target > max(sizes):
                    upward.append(float(inside.mean()))
        means = [float(np.mean(v)) for v in points.values()]
        cells = [*means, float(np.mean(means)), float(np.mean(finals)), float(np.mean(upward))]
        lines.append(f"| {seeds} | " + " | ".join(f"{100 * v:.1f} %" for v in cells) + " |")
    return lines


def one_seed(ladder: Ladder) -> list[str]:
    """A ladder of one seed at a constant LR: relative errors of the largest size, and coverage over all cases."""
    lines = [
        "| method | error from 7 | its final loss | error from 5 | its final loss | inside the bands | final loss |",
        "|---|---|---|---|---|---|---|",
    ]
    top = max(ladder.sizes)
    for method, words in (("curves", "whole curves"), ("ends", "end points")):
        inside, finals, errors = [], [], {}
        for sizes, target in left_out(ladder.sizes):
            curve = ladder.by_size[target][0]
            found = extrapolate(some_seeds(ladder, sizes, 1), target, tokens=curve.horizon_tokens, method=method)
            late, L = late_losses(found, (curve,))
            hit = (found.low[late] <= L[0]) & (found.high[late] >= L[0])
            inside.append(hit.mean())
            finals.append(hit[-1])
            off = found.loss[late] / L[0] - 1.0
            if target == top:
                errors[len(sizes)] = (np.abs(off).mean(), off[-1])
        cells = [*errors[7], *errors[5]]
        shares = [np.mean(inside), np.mean(finals)]
        lines.append(
            f"| {words} | "
            + " | ".join([f"{100 * v:.2f} %" for v in cells] + [f"{100 * v:.0f} %" for v in shares])
            + " |"
        )
    return lines


def fixed_offset(C: Array, L: Array, target: float, offset: float) -> float:
    """A rival: a power law above a given irreducible loss."""
    slope, intercept = np.polyfit(np.log(C), np.log(L - offset), 1)
    return float(offset + np.exp(intercept + slope * np.log(target)))


def olmo(table: Path) -> list[str]:
    """Every OLMo size from those below it at the same multiple of 20 tokens a parameter."""
    lines = [
        "| C | size | from | status | curves | 90 % band | in it | points | ends | L0 = 1.7 | L0 = 0 | quadratic |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows = []
    for multiple in sorted({float(c.extra["multiple"]) for c in read_curves(table)}):
        ladder = read_curves(table, where={"multiple": str(multiple)})
        for k in range(3, len(ladder.sizes)):
            rest, held = some_seeds(ladder, list(ladder.sizes[:k]), 9), ladder.by_size[ladder.sizes[k]]
            horizon, truth = held[0].horizon_tokens, float(np.mean([c.horizon_loss for c in held]))
            found = extrapolate(rest, ladder.sizes[k], tokens=horizon)
            ends = extrapolate(rest, ladder.sizes[k], tokens=horizon, method="ends")
            groups = list(rest.by_size.values())
            C = np.array([g[0].horizon_compute for g in groups])
            L = np.array([np.mean([c.horizon_loss for c in g]) for g in groups], dtype=np.float64)
            target = held[0].horizon_compute
            rivals = [ends.final_loss, fixed_offset(C, L, target, 1.7), fixed_offset(C, L, target, 0.0)]
            rivals.append(float(np.exp(np.polyval(np.polyfit(np.log(C), np.log(L), 2), np.log(target)))))
            late, runs = late_losses(found, held)
            inside = (found.low[late] <= runs) & (found.high[late] >= runs)
            off = [100 * (value / truth - 1) for value in (found.final_loss, *rivals)]
            band = [100 * (end / truth - 1) for end in found.final_interval]
            rows.append([*np.abs(off), float(inside.mean()), float(inside[:, -1].mean()), (band[1] - band[0]) / 2])
            cells = [f"{multiple:g}", f"{ladder.sizes[k] / 1e9:.2g} B", f"{k}", str(found.status), f"{off[0]:+.2f} %"]
            cells += [f"{band[0]:+.2f} to {band[1]:+.2f} %", f"{inside[:, -1].mean():.0%}", f"{inside.mean():.0%}"]
            lines.append("| " + " | ".join([*cells, *(f"{value:+.2f} %" for value in off[1:])]) + " |")
    mean = np.mean(rows, axis=0)
    cells = ["mean, signs aside", "", "", "", f"{mean[0]:.2f} %", f"half-width {mean[7]:.2f} %", f"{mean[6]:.0%}"]
    lines.append("| " + " | ".join([*cells, f"{mean[5]:.0%}", *(f"{value:.2f} %" for value in mean[1:5])]) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[2] / "shared" / "curves"
    parser.add_argument("--curves", type=Path, default=beside, help="folder of the published tables")
    parser.add_argument("--methods", nargs="+", default=["curves"], help="whose bands are counted: curves, ends")
    parser.add_argument("--write", type=Path, help="page whose tables are replaced")
    arguments = parser.parse_args()
    ladders = {name: read_curves(arguments.curves / f"{table}.parquet") for name, table in LADDERS.items()}
    parts = ["Mean error on the largest size, in its seed standard deviations:", "", *accuracy(ladders)]
    for method in arguments.methods:
        words = {"curves": "whole curves", "ends": "end points"}[method]
        parts += ["", f"Single left-out runs inside the 90 % bands, {words}:", "", *coverage(ladders, method)]
    constant = read_curves(arguments.curves / "qiu_mlp_const.parquet")
    parts += [
        "",
        "One seed a size, constant LR (`qiu_mlp_const`, on which no constant was chosen):",
        "",
        *one_seed(constant),
    ]
    parts += ["", "OLMo ladder, each size from those below it:", "", *olmo(arguments.curves / "olmo_ladder_c4.parquet")]
    text = "\n".join(parts)
    print(text)
    if arguments.write:
        page = arguments.write.read_text()
        block = f"<!-- tables -->\n{text}\n<!-- /tables -->"
        arguments.write.write_text(re.sub(r"<!-- tables -->.*<!-- /tables -->", lambda _: block, page, flags=re.S))


if __name__ == "__main__":
    main()
