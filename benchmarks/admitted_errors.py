"""What errors of the data exponent and of the offset the published ladders admit.

    python benchmarks/admitted_errors.py --curves DIR [--write docs/results/admitted_errors.md]

DIR holds the tables of Qiu et al. 2025 (`qiu_cifar5m_linear.parquet` and so on). Prints the tables of
docs/results/admitted_errors.md, or writes them between its markers. Takes about 10 s.
"""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from scaling_collapse.empirical import fit_scaling_law, read_curves
from scaling_collapse.theory import AdmittedErrors, ErrorEstimate, admitted_errors

LADDERS = {"CIFAR-5M": "qiu_cifar5m_linear", "chess": "qiu_chess_linear", "MLP": "qiu_mlp_linear"}
STARTS = (0.1, 0.2, 0.3)


def percent(error: ErrorEstimate, unit: float) -> str:
    low, high = (f"{100 * v / unit:+.1f}" if math.isfinite(v) else "no limit" for v in (error.low, error.high))
    return f"{100 * error.estimate / unit:+.1f} ({low} to {high})"


def row(name: str, start: float, found: AdmittedErrors) -> str:
    reducible = float(found.slopes.size_means(found.slopes.reducible).min())
    cells = [
        name,
        f"{start:g}",
        percent(found.gamma_alone, found.gamma),
        percent(found.offset_alone, reducible),
        percent(found.gamma_error, found.gamma),
        percent(found.offset_error, reducible),
        found.status,
        f"{found.shape_p:.0e}",
    ]
    return "| " + " | ".join(cells) + " |"


def budget(found: AdmittedErrors) -> str:
    """The error of gamma alone as tokens of the largest model, if the smallest has the right number."""
    span = float(found.slopes.sizes[-1] / found.slopes.sizes[0])
    error = found.gamma_alone
    best, low, high = (f"{100 * math.expm1(v * math.log(span)):+.0f}" for v in (error.estimate, error.low, error.high))
    return f"{best} % ({low} to {high})"


def report(curves: Path) -> str:
    errors = [
        "| ladder | from x | gamma alone | L_hat alone | gamma, both free | L_hat, both free | finding | p of shape |",
        "|---|---|---|---|---|---|---|---|",
    ]
    facts = [
        "| ladder | sizes | span | gamma in use | mu | L_hat (90 %) | R_min | L0 (90 %) | surplus tokens (90 %) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, table in LADDERS.items():
        ladder = read_curves(curves / f"{table}.parquet")
        law = fit_scaling_law(ladder, level=0.9)
        for start in STARTS:
            found = admitted_errors(ladder, law.L0, shape="common", x_from=start)
            errors.append(row(name, start, found))
            if start == STARTS[1]:
                e, sizes = found.offset_alone, found.slopes.sizes
                reducible = float(found.slopes.size_means(found.slopes.reducible).min())
                facts.append(
                    f"| {name} | {sizes.size} | {sizes[-1] / sizes[0]:.1f} | {found.gamma:.3f} | {found.mu:.3f} "
                    f"| {law.L0:.4f} ({law.L0_interval[0]:.4f} to {law.L0_interval[1]:.4f}) | {reducible:.4f} "
                    f"| {law.L0 - e.estimate:.4f} ({law.L0 - e.high:.4f} to {law.L0 - e.low:.4f}) "
                    f"| {budget(found)} |"
                )
    return "\n".join([*facts, "", *errors])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[2] / "shared" / "curves"
    parser.add_argument("--curves", type=Path, default=beside, help="folder of the published tables")
    parser.add_argument("--write", type=Path, help="page whose tables are replaced")
    arguments = parser.parse_args()
    text = report(arguments.curves)
    print(text)
    if arguments.write:
        page = arguments.write.read_text()
        block = f"<!-- tables -->\n{text}\n<!-- /tables -->"
        arguments.write.write_text(re.sub(r"<!-- tables -->.*<!-- /tables -->", lambda _: block, page, flags=re.S))


if __name__ == "__main__":
    main()
