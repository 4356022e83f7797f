"""Every law on every published table, blind: errors on left-out runs, coverage of the bands, seconds of a fit.

python benchmarks/forecasts.py [CURVES] [--laws=momentum,response] [-v] [--pictures=DIR]

Own and published laws beside each other: schedules and horizons left out of five published tables, a peak rate left
out, the longest OLMo runs, and plain SGD solved exactly. Coverage with shares that no table set for itself is in
forecast_coverage.py.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from forecast_protocols import (
    CURVES,
    LUO_FIT,
    OLMO,
    TABLES,
    Case,
    Score,
    cases,
    load,
    luo_score,
    olmo_cases,
    score,
    simulated_cases,
)  # fmt: skip

from scaling_collapse.sgd_noise_model import calibrate, forecast

WITHOUT_NOISE = ("one-power", "momentum", "multi-power", "functional", "convex-bound", "response")
LAWS = {
    "qiu": ("noise", "traced-response", *WITHOUT_NOISE),
    "luo": WITHOUT_NOISE,
    "schaipp": WITHOUT_NOISE,
}


def laws_for(table: str) -> tuple[str, ...]:
    """The laws that a table can be judged on."""
    return LAWS[table.split("_")[0]]


def judged(case: Case, law: str) -> list[Score]:
    """Scores of a law on the runs left out of a case."""
    forecasts = forecast(case.calibration, case.left_out, law=law)
    found = (score(c, f, case.calibration, case.table) for c, f in zip(case.left_out, forecasts, strict=True))
    return [s for s in found if s is not None]


def line(scores: list[Score]) -> str:
    """Mean errors, the worst final error and the share of points in the band."""
    return (
        f"{100 * np.mean([s.mean for s in scores]):.4f} % / {100 * np.mean([s.smoothed for s in scores]):.4f} %  "
        f"worst final {100 * max(s.final for s in scores):.3f} %  cover {np.mean([s.covered for s in scores]):.3f}"
    )


GROUPS = {"simulated SGD": WITHOUT_NOISE, OLMO: WITHOUT_NOISE}


def all_cases(folder: Path) -> dict[str, list[Case]]:
    """By table; the simulated problems together."""
    found = {table: list(cases(table, load(table, folder))) for table in TABLES}
    found[OLMO] = list(olmo_cases(load(OLMO, folder)))
    found["simulated SGD"] = list(simulated_cases())
    return found


def main(folder: Path, verbose: bool, only: tuple[str, ...]) -> None:
    """Print the tables."""
    print("left-out runs: mean error as logged / smoothed; worst final error; points in the 90 % band")
    covered = []
    for table, judged_cases in all_cases(folder).items():
        for law in GROUPS.get(table) or laws_for(table):
            if only and law not in only:
                continue
            scores = []
            for case in judged_cases:
                if table.startswith("qiu") and law in WITHOUT_NOISE and not case.name.startswith("family"):
                    continue  # these laws want decayed runs of the target's size: schedule families only
                found = judged(case, law)
                scores += found
                if verbose:
                    print(f"    {law:16s} {case.name:45s} {line(found)}")
            if law == ("traced-response" if table.startswith("qiu") else "response"):
                covered += scores
            print(f"{table:24s} {law:16s} {len(scores):3d} runs  {line(scores)}")
    if covered:
        share = np.mean([s.covered for s in covered])
        print(f"the project's own laws, all {len(covered)} left-out runs: {share:.3f} of points in the band")

    if only:
        return
    print("\nhindsight: the published noise law fitted to all runs, and scored on them")
    for table in TABLES[:2]:
        curves = load(table, folder)
        decayed = [c for c in curves if c.schedule != "const"]
        trunks = tuple(c for c in curves if c.schedule == "const")
        found = [
            score(c, f, trunks, table) for c, f in zip(decayed, forecast(curves, decayed, law="noise"), strict=True)
        ]
        kept = [s for s in found if s is not None]
        c = calibrate(curves, law="noise").solution.values["c"]
        print(f"{table:24s} c = {c:.3f}  {len(kept)} runs  {line(kept)}")

    print("\nLuo's protocol, six-curve means: R2 / MAE / worst relative error, MAE unshared, warm fit")
    for table in TABLES[2:4]:
        curves = load(table, folder)
        case = next(cases(table, curves))
        assert case.name == ", ".join(LUO_FIT)
        for law in laws_for(table):
            calibrate(case.calibration, law=law)
            start = time.perf_counter()
            calibrate(case.calibration, law=law)
            seconds = time.perf_counter() - start
            rows = [
                luo_score(c, f, case.calibration)
                for c, f in zip(case.left_out, forecast(case.calibration, case.left_out, law=law), strict=True)
            ]
            r2, mae, worst, alone = np.mean(rows, axis=0)
            print(f"{table:16s} {law:12s} {r2:.5f} / {mae:.5f} / {worst:.5f}  {alone:.5f}  {seconds:.3f} s")


def draw(folder: Path, out: Path) -> None:
    """The worst, the median and the best forecast of the project's law on every table, by mean error."""
    from scaling_collapse.empirical.pictures.forecast_picture import draw_judged
    from scaling_collapse.empirical.tables.files import ensure_folder, write_atomically

    ensure_folder(out)
    for table in TABLES:
        found = []
        for case in cases(table, load(table, folder)):
            for curve, f in zip(case.left_out, forecast(case.calibration, case.left_out), strict=True):
                scored = score(curve, f, case.calibration, table)
                if scored is not None:
                    found.append((scored.mean, curve, f))
        found.sort(key=lambda row: row[0])
        chosen = (("worst", found[-1]), ("median", found[len(found) // 2]), ("best", found[0]))
        panels = [(f"{name}: {100 * error:.3g} %", curve, f) for name, (error, curve, f) in chosen]
        print("wrote", write_atomically(out / f"{table}.png", draw_judged(panels)))


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if not a.startswith("-")]
    source = Path(arguments[0]) if arguments else CURVES
    if not source.is_dir():
        print(f"no published curves at {source}: nothing to judge")
    else:
        laws = [o.partition("=")[2] for o in sys.argv[1:] if o.startswith("--laws=")]
        main(source, "-v" in sys.argv, tuple(laws[0].split(",")) if laws else ())
        for option in sys.argv[1:]:
            if option.startswith("--pictures="):
                draw(source, Path(option.partition("=")[2]))
