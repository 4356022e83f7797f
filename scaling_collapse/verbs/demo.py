"""`scaling-collapse demo`: train a small ladder, measure its collapse, draw the pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..output import announce, progress_bar, write_files, write_json
from .measure import pictures, show_report

__all__ = ["demo"]


def demo(
    *,
    out: Annotated[Path, Parameter(help="Write curves.parquet, summary.json and the pictures here.")] = Path(
        "demo-out"
    ),
) -> int:
    """Train a small ladder of MLPs, measure its collapse and draw the pictures."""
    from ..empirical import measure_collapse, read_curves, write_curves
    from ..empirical.tables.files import ensure_folder
    from ..empirical.trainer import load_ladder, train_ladder

    config = load_ladder("demo")
    ensure_folder(out)
    start = time.perf_counter()
    announce(f"Training {len(config.widths)} widths x {config.seeds} seeds on the CPU; this takes a few minutes.", None)
    with progress_bar("training") as progress:
        ladder = train_ladder(config, progress=progress)
    table = write_curves(ladder, out / "curves.parquet")
    # The report comes from the written table, by the way that anyone's table takes. The target is noise-free, so the
    # irreducible loss is known to be 0; the fitted L0 and its interval stand beside it.
    report = measure_collapse(read_curves(table), offset=0.0)
    seconds = time.perf_counter() - start
    write_json(report.to_json() | {"seconds": seconds}, str(out / "summary.json"))
    written = write_files(out, pictures(report))
    show_report(report, None)
    announce("The target is noise-free, so the curves are normalized with its exact irreducible loss, 0.", None)
    for path in [table, out / "summary.json", *written]:
        announce(f"wrote {path}", None)
    announce(f"{seconds:.0f} seconds", None)
    return 0
