"""Figure 1e: loss under several schedules, predicted from constant-rate and other runs before it is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..theory import Ladder
from .curve_tables import Tables, label_of
from .figure_page import PAGE, legend_above, run_script, stroke_of, write_page
from .forecast_comparison import Comparison, draw_comparisons
from .schedule_forecasts import blind, main_cell, over_seeds

__all__ = ["make"]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Every schedule of one size and horizon, each left out in turn and forecast from the rest."""
    tables = Tables.at(curves)
    families = tables.families("fig01e_blind_forecasts", ("schedules",))
    compared = []
    for family in families:
        runs = tables.ladder(family, "schedules", use_horizon=False)
        assert runs is not None
        compared.append(_left_out_in_turn(runs))

    def draw(figure: Any) -> None:
        grid = figure.subplots(2, len(families), squeeze=False, height_ratios=[3, 1])
        for i, (family, comparisons) in enumerate(zip(families, compared, strict=True)):
            draw_comparisons(grid[0, i], grid[1, i], comparisons, family.title)
        grid[0, 0].set_ylabel("test loss, smoothed")
        grid[1, 0].set_ylabel("error (%)")
        legend_above(figure, grid[0], columns=3 if len(families) == 1 else 4)

    names = ", ".join(tables.name(f, "schedules") for f in families)
    note = (
        f"{names}; thick: observed, thin: forecast by the project's law from the runs of all other schedules, from the "
        "learning rates alone; drawn from where decay begins, smoothed with a half-life of 1 % of training"
    )
    width = min(PAGE, 3.0 * len(families) + 0.6)
    return write_page(Path(out), "fig01e_blind_forecasts", draw, width=width, height=3.2, data=note, fast=fast)


def _left_out_in_turn(runs: Ladder) -> list[Comparison]:
    params, horizon = main_cell(runs)
    here = [c for c in runs if c.params == params and abs(c.tokens[-1] / horizon - 1) < 0.01]
    decayed = over_seeds([c for c in here if label_of(c) != "constant"], label_of)
    return [
        Comparison(label=label_of(c), curve=c, forecast=blind(runs, c), stroke=stroke_of(label_of(c))) for c in decayed
    ]


if __name__ == "__main__":
    run_script(make)
