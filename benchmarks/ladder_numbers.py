"""What `measure` says of every ladder in docs/results/own-ladders.md and docs/results/published-ladders.md.

    python benchmarks/ladder_numbers.py [--curves DIR]

DIR holds the tables of Qiu et al. 2025; without it only the project's own ladders are read. Prints one row
for each ladder and offset, and one for each schedule of `mlp-schedule-*`; then what `validate` says of the ablations,
which it finds by itself but for one. Takes about a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from scaling_collapse import measure_collapse, read_curves, validate
from scaling_collapse.empirical import CollapseReport
from scaling_collapse.theory import Ladder

OWN = Path(__file__).resolve().parents[1] / "scaling_collapse" / "ladders" / "curves"
OWN_LADDERS: dict[str, tuple[float | None, ...]] = {
    "mlp": (0.0, None), "mlp-constant": (0.0, None), "fourier3": (0.0, None), "text": (None,), "text-constant": (None,),
    "chess": (0.504, None, 0.0, 0.3, 0.7, 1.0), "chess-constant": (0.504, None), "mlp-horizon-high": (0.0,),
    "mlp-horizon-low": (0.0,), "mlp-lr-constant-across-widths": (0.0,), "fourier3-lr-of-width-12": (0.0,),
    "fourier3-lr-of-width-8": (0.0,),
}  # fmt: skip
PUBLISHED: dict[str, tuple[float | None, ...]] = {
    "qiu_cifar5m_linear": (None, 0.0), "qiu_chess_linear": (None, 0.0), "qiu_mlp_linear": (None, 0.0),
    "qiu_mlp_const": (None,),
}  # fmt: skip
COLUMNS = ("ladder", "offset", "L0 (90 %)", "b", "verdict", "Delta < floor (90 %)", "from x", "Delta/sigma, late",
           "sizes differ by (90 %)", "tolerated", "t of the drift", "culprits", "Delta(0.5)", "mean",
           "seeds, final loss")  # fmt: skip
X = (0.1, 0.5, 0.8, 1.0)


def seed_deviation(ladder: Ladder) -> float:
    """Relative standard deviation of the final loss over seeds, root mean square over sizes."""
    finals = [np.array([c.horizon_loss for c in curves]) for curves in ladder.by_size.values() if len(curves) > 1]
    return float(np.sqrt(np.mean([(f.std(ddof=1) / f.mean()) ** 2 for f in finals]))) if finals else float("nan")


def row(name: str, report: CollapseReport, given: bool) -> str:
    """One ladder; `late` is the mean of Delta / sigma on [0.8, 1), `mean` that of Delta on [0.45, 0.55]."""
    x, law, found, size = report.x, report.law, report.supercollapse, report.deviation
    late, middle = (x > 0.8 - 1e-9) & (x < 1 - 1e-9), abs(x - 0.5) < 0.05 + 1e-9
    cells = [
        name,
        f"{report.offset:.4g}, {'given' if given else 'fitted'}",
        f"{law.L0:.4f} ({law.L0_interval[0]:.4f} to {law.L0_interval[1]:.4f})",
        f"{law.b:.3f}",
        report.verdict,
        f"{found.fraction:.0%} ({found.interval[0]:.0%} to {found.interval[1]:.0%})",
        f"{found.x_from:.3f}",
        f"{np.mean(report.delta[late] / report.sigma[late]):.2f}",
        f"{size.value:.1%} ({size.interval[0]:.1%} to {size.interval[1]:.1%})",
        f"{size.tolerance:.1%}",
        "" if report.trend is None else f"{report.trend.t:+.1f}",
        "; ".join(dict.fromkeys(f"{c.kind} {_subject(c.subject)}: {c.cause}" for c in report.culprits)),
        f"{report.delta[np.argmin(abs(x - 0.5))]:.4f}",
        f"{report.delta[middle].mean():.4f}",
        f"{seed_deviation(report.ladder):.3%}",
    ]
    return "| " + " | ".join(cells) + " |"


def _subject(subject: str | float | None) -> str:
    return f"{subject:.0f}" if isinstance(subject, (int, float)) else subject or "of the ladder"


def schedule_row(kind: str) -> str:
    """Final loss, its deviation over seeds, and Tr Sigma at four x, of one schedule."""
    runs = list(read_curves(OWN / f"mlp-schedule-{kind}.parquet"))
    ends = np.array([c.loss[-1] for c in runs])
    traces = []
    for c in runs:
        assert c.noise_trace is not None
        on = np.isfinite(c.noise_trace)
        traces.append(np.interp(np.array(X) * c.tokens[-1], c.tokens[on], c.noise_trace[on]))
    cells = [kind, f"{ends.mean():.4f}", f"{ends.std(ddof=1):.4f}", *(f"{t:.3f}" for t in np.mean(traces, axis=0))]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[2] / "shared" / "curves"
    parser.add_argument("--curves", type=Path, default=beside, help="folder of the published tables")
    curves = parser.parse_args().curves
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for folder, ladders in ((OWN, OWN_LADDERS), (curves, PUBLISHED if curves.is_dir() else {})):
        for name, offsets in ladders.items():
            ladder = read_curves(folder / f"{name}.parquet")
            for offset in offsets:
                print(row(name, measure_collapse(ladder, offset=offset), offset is not None), flush=True)
    if curves.is_dir():
        ladder = read_curves(curves / "qiu_mlp_const.parquet", use_horizon=False)
        print(row("qiu_mlp_const, not cut at its horizon", measure_collapse(ladder), given=False))
    print("\n| schedule | final loss | over seeds | " + " | ".join(f"Tr Sigma at {x:g}" for x in X) + " |")
    print("|---" * (3 + len(X)) + "|")
    for kind in ("constant", "multi-cosine", "cosine", "wsd", "linear"):
        print(schedule_row(kind))
    found = validate(OWN, ablations=["mlp-horizon-high"], offsets={"mlp*": 0.0, "fourier3*": 0.0, "chess*": 0.504})
    print("\n| ablation | detected | by |\n|---|---|---|")
    for r in found.of("ablation detected: drift with size"):
        print(f"| {r.table} | {r.verdict} | {r.note} |")


if __name__ == "__main__":
    main()
