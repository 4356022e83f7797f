"""Figure 1b: with compute and reducible loss normalized to 1 at the end, curves of all sizes are one curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .curve_tables import Tables
from .figure_page import PAGE, run_script, write_page
from .panels import collapse_panel

__all__ = ["make"]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Normalized loss against normalized compute of every decayed ladder, the seeds' range shaded."""
    tables = Tables.at(curves)
    families, left_out = tables.with_offset("fig01b_collapse", ("decay",), fast=fast)
    ladders = [tables.ladder(f, "decay") for f in families]

    def draw(figure: Any) -> None:
        for axes, family, ladder in zip(
            figure.subplots(1, len(families), squeeze=False)[0], families, ladders, strict=True
        ):
            assert ladder is not None
            report = tables.report(family, fast=fast)
            collapse_panel(axes, ladder, report.offset, title=f"{family.title}\n{report.verdict}")

    names = ", ".join(tables.name(f, "decay") for f in families)
    note = f"{names}; lines: mean of seeds, shaded: their range; offset: the law's $L_0$; verdicts of `measure`"
    width = min(PAGE, 2.7 * len(families) + 0.6)
    return write_page(Path(out), "fig01b_collapse", draw, width=width, height=2.45, data=note + left_out, fast=fast)


if __name__ == "__main__":
    run_script(make)
