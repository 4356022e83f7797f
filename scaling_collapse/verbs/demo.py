"""`scaling-collapse demo`: train a small ladder, measure its collapse, draw the pictures."""

from __future__ import annotations

import time
from pathlib import Path

from ..output import NOWHERE, Answer, Outputs, progress_bar
from .measure import PICTURES, pictures, show_report

__all__ = ["demo"]

TABLE, FOLDER = "curves.parquet", Path("demo-out")


def demo(*, to: Outputs = NOWHERE) -> int:
    """Train a small ladder of MLPs, measure its collapse and draw the pictures, in demo-out unless --out says where."""
    from dataclasses import replace

    from ..empirical import measure_collapse, read_curves, write_curves
    from ..empirical.tables.files import ensure_folder
    from ..empirical.trainer import load_ladder, train_ladder

    folder = to.out or FOLDER
    answer = Answer("demo", replace(to, out=folder), files=[TABLE, *PICTURES])
    config = load_ladder("demo")
    start = time.perf_counter()
    answer.say(f"Training {len(config.widths)} widths x {config.seeds} seeds on the CPU; this takes a few minutes.")
    with progress_bar("training") as progress:
        ladder = train_ladder(config, progress=progress)
    table = write_curves(ladder, ensure_folder(folder) / TABLE)
    answer.say(f"wrote {table}")
    # The report comes from the written table, by the way that anyone's table takes. The target is noise-free, so the
    # irreducible loss is known to be 0; the fitted L0 and its interval stand beside it.
    report = measure_collapse(read_curves(table), offset=0.0)
    seconds = time.perf_counter() - start
    show_report(report, answer)
    answer.say("The target is noise-free, so the curves are normalized with its exact irreducible loss, 0.")
    answer.write(report.to_json() | {"seconds": seconds}, files=pictures(report))
    answer.say(f"{seconds:.0f} seconds")
    return 0
