"""Figures 6 and 12: the noise law over schedules, sizes and horizons; without traced noise, the blind forecast."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..theory import Ladder, LossCurve
from .curve_tables import Family, Tables, label_of
from .figure_page import MARKERS, PAGE, STROKES, count, shades, stroke_of, write_page
from .forecast_comparison import Comparison, draw_comparisons
from .schedule_forecasts import blind_over_sizes, hindsight, main_cell, over_seeds

__all__ = ["draw_noise_law_page"]

Panel = tuple[str, list[Comparison]]
SHOWN = ("linear", "multi-cosine", "linear, last 20 %", "multi-cosine, last 20 %")
"""Schedules of the panels over sizes and horizons, as in the paper."""


def draw_noise_law_page(out: Path, name: str, kind: str, curves: Path | None, fast: bool) -> list[Path]:
    """Panels (a) schedules, (b) sizes, (c) horizons of every family of a kind, as far as its tables reach."""
    tables = Tables.at(curves)
    families = tables.families(name, ("schedules",), ("decay", "constant"), kind=kind)
    panels: list[Panel] = []
    names, notes = [], []
    for family in families:
        if tables.has(family, "schedules"):
            panels += _traced(tables, family)
            names.append(tables.name(family, "schedules"))
            notes.append("one coefficient for all runs, reading each run's own traced noise (the published law)")
        if not tables.has(family, "schedules") or (family.own and tables.has(family, "decay", "constant")):
            panels += _untraced(tables, family)
            names.append(tables.name(family, "decay", "constant"))
            notes.append("blind: forecast from constant-rate runs and the other sizes (the project's law)")

    def draw(figure: Any) -> None:
        grid = figure.subplots(2, len(panels), squeeze=False, height_ratios=[3, 1])
        for i, (title, comparisons) in enumerate(panels):
            draw_comparisons(grid[0, i], grid[1, i], comparisons, title)
            _legend(grid[0, i])
        grid[0, 0].set_ylabel("test loss, smoothed")
        grid[1, 0].set_ylabel("error (%)")

    note = (
        f"{'; '.join(names)}; thick: observed, thin: predicted; {'; '.join(dict.fromkeys(notes))}. Drawn from where "
        "decay begins, smoothed with a half-life of 1 % of training"
    )
    width = min(PAGE, 2.6 * len(panels) + 0.6)
    return write_page(out, name, draw, width=width, height=3.1, data=note, fast=fast)


def _legend(axes: Any) -> None:
    """Upper right, with room above the curves for what goes beyond three rows."""
    low, high = axes.get_ylim()
    rows = len(axes.get_legend_handles_labels()[1])
    axes.set_ylim(low, high + 0.06 * max(rows - 3, 0) * (high - low))
    axes.legend(loc="upper right", fontsize=5.5)


def _traced(tables: Tables, family: Family) -> Iterator[Panel]:
    runs = tables.ladder(family, "schedules", use_horizon=False)
    assert runs is not None
    params, horizon = main_cell(runs)
    decayed = [c for c in runs if label_of(c) != "constant"]

    def same_horizon(c: LossCurve) -> bool:
        return abs(c.tokens[-1] / horizon - 1) < 0.01

    first = over_seeds([c for c in decayed if c.params == params and same_horizon(c)], label_of)
    c, _ = hindsight(runs, first[:1])
    yield (
        f"{family.title}: schedules, $c$ = {c:.2f}",
        _compared(runs, first, label_of, [stroke_of(label_of(r)) for r in first]),
    )
    for what, here, value in (
        ("sizes", [r for r in decayed if same_horizon(r)], lambda r: r.params),
        ("horizons", [r for r in decayed if r.params == params], lambda r: float(f"{r.tokens[-1]:.3g}")),
    ):
        used = [r for r in here if label_of(r) in SHOWN]
        values = sorted({value(r) for r in used})
        if len(values) < 2:
            continue
        used = over_seeds(sorted(used, key=value), lambda r, value=value: (value(r), label_of(r)))
        colors = dict(zip(values, shades(len(values)), strict=True))
        strokes = [
            {
                "color": colors[value(r)],
                "linestyle": STROKES[SHOWN.index(label_of(r))]["linestyle"],
                "marker": MARKERS[values.index(value(r))],
            }
            for r in used
        ]
        yield f"{what}", _compared(runs, used, lambda r, value=value: count(value(r)), strokes)


def _untraced(tables: Tables, family: Family) -> Iterator[Panel]:
    constant, decay = tables.ladder(family, "constant"), tables.ladder(family, "decay")
    assert constant is not None
    assert decay is not None
    firsts = over_seeds(list(decay), lambda c: c.params)
    if any(c.lr is None for c in (*constant, *firsts)):
        return
    colors = shades(len(firsts))
    yield (
        f"{family.title}: sizes, blind",
        [
            Comparison(
                label=count(c.params),
                curve=c,
                forecast=blind_over_sizes(constant, decay, c),
                stroke={"color": colors[i], "linestyle": "--", "marker": MARKERS[i]},
            )
            for i, c in enumerate(firsts)
        ],
    )


def _compared(runs: Ladder, chosen: list[LossCurve], label: Any, strokes: list[dict[str, Any]]) -> list[Comparison]:
    _, predicted = hindsight(runs, chosen)
    return [
        Comparison(label=label(c), curve=c, forecast=f, stroke=s)
        for c, f, s in zip(chosen, predicted, strokes, strict=True)
        if np.isfinite(f.loss).all()
    ]
