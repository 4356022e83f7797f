"""Figure 3: the collapse is universal across schedules."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..theory import Ladder
from .curve_tables import FAMILIES, Tables, label_of
from .figure_page import PAGE, run_script, shades, write_page
from .panels import collapse_of, collapse_panel, middle_deviation
from .simulated_ladders import SCHEDULES, described, simulated_ladder

__all__ = ["make"]

COLUMNS = 4


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Collapse of every ladder that was trained under a schedule, and of the simulated ladder under five."""
    tables = Tables.at(curves)
    panels: list[tuple[str, Ladder, float]] = []
    names = []
    for family in FAMILIES:
        decay, constant = tables.ladder(family, "decay"), tables.ladder(family, "constant")
        if family.drawn_in or decay is None or not math.isfinite(offset := tables.offset(family, fast=fast)):
            continue
        names.append(tables.name(family, "decay", "constant"))
        there = [ladder for ladder in (decay, constant) if ladder is not None]
        panels += [(f"{family.title}\n{label_of(ladder.curves[0])}", ladder, offset) for ladder in there]
    panels += [(f"simulated SGD\n{name}", simulated_ladder(name, fast), 0.0) for name in SCHEDULES]

    def draw(figure: Any) -> None:
        rows = -(-len(panels) // COLUMNS)
        grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for i, (axes, (title, ladder, offset)) in enumerate(zip(grid, panels, strict=False)):
            collapse_panel(axes, ladder, offset, title=title, legend=False)
            x, delta, _ = collapse_of(ladder, offset)
            text = f"{len(ladder.sizes)} sizes\n$\\Delta(0.5)$ = {100 * middle_deviation(x, delta):.2g} %"
            axes.text(0.97, 0.95, text, transform=axes.transAxes, ha="right", va="top", fontsize=6.2)
            axes.set_ylabel("$\\ell(x)$" if i % COLUMNS == 0 else "")
            axes.set_xlabel("$x = t/t^*$" if i // COLUMNS == rows - 1 else "")
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        if grid.size > len(panels):
            _legend(grid[len(panels)])

    note = (
        f"{'; '.join(names) or 'no trained ladder'}; and {described(fast)}; dark: smallest size, light: largest, "
        "shaded: range over seeds; $\\Delta(0.5)$: mean over [0.45, 0.55]"
    )
    height = 1.55 * -(-len(panels) // COLUMNS)
    return write_page(Path(out), "fig03_schedules", draw, width=PAGE, height=height, data=note, fast=fast)


def _legend(axes: Any) -> None:
    """What shades mean, in a place that no ladder takes."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    named = zip(("smallest size", "...", "largest size"), shades(3), strict=True)
    lines: list[Any] = [Line2D([], [], color=color, label=words) for words, color in named]
    axes.legend(handles=[*lines, Patch(color="0.5", alpha=0.35, linewidth=0, label="range over seeds")], loc="center")


if __name__ == "__main__":
    run_script(make)
