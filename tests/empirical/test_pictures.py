import io
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from scaling_collapse.common import count
from scaling_collapse.empirical import extrapolate, fit_horizon, measure_collapse, read_curves
from scaling_collapse.empirical.pictures import (
    collapse_pictures,
    curves_picture,
    derivation_picture,
    extrapolation_picture,
    forecast_picture,
    horizon_picture,
    law_picture,
    trend_picture,
)
from scaling_collapse.empirical.pictures.canvas import colors, house_style, picture, room_below, size_legend
from scaling_collapse.sgd_noise_model import forecast, plan_cooldown
from scaling_collapse.theory import Ladder, derive

TABLES = Path(__file__).resolve().parents[2] / "scaling_collapse" / "ladders" / "curves"


def test_a_picture_has_its_size_and_panels_and_leaves_nothing_behind():
    panels, before = [], dict(matplotlib.rcParams)
    png = picture(lambda *axes: panels.extend(axes), size=(5.0, 2.5), rows=2, columns=3)
    assert imread(io.BytesIO(png)).shape[:2] == (400, 800)  # 160 dots an inch
    places = [axes.get_subplotspec() for axes in panels]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == list(np.ndindex(2, 3))
    assert dict(matplotlib.rcParams) == before
    single = imread(io.BytesIO(picture(lambda axes: None)))
    assert single.shape[:2] == (624, 832)


@pytest.mark.parametrize(
    ("number", "words"), [(999, "999"), (1000, "1k"), (1.5e6, "1.5M"), (1e9, "1B"), (2.345e12, "2.35T"), (0.25, "0.25")]
)
def test_counts_are_for_people(number, words):
    assert count(number) == words


def test_colours_go_from_dark_to_light():
    lightness = [color[:3] @ np.array([0.2126, 0.7152, 0.0722]) for color in map(np.array, colors(6))]
    assert (np.diff(lightness) > 0).all()
    assert len(colors(1)) == 1


@pytest.mark.parametrize(("sizes", "columns"), [(4, 1), (5, 2)])
def test_a_legend_of_many_sizes_has_two_columns(sizes, columns):
    legends = []

    def draw(axes):
        axes.plot(np.eye(2), label=["a size", "another"])
        size_legend(axes, sizes)
        legends.append(axes.get_legend())

    picture(draw)
    assert legends[0]._ncols == columns
    assert legends[0].get_title().get_text() == "parameters"


def test_the_house_style_ends_with_its_block():
    before = matplotlib.rcParams["axes.grid"]
    with house_style():
        assert matplotlib.rcParams["axes.grid"]
        assert matplotlib.rcParams["axes.titlelocation"] == "left"
    assert matplotlib.rcParams["axes.grid"] == before


def test_room_below_is_the_share_asked_for():
    bottom = room_below(2.0, 5.0, 0.25)
    assert (2.0 - bottom) / (5.0 - bottom) == pytest.approx(0.25)


@cache
def ladder(name):
    return read_curves(TABLES / f"{name}.parquet")


@cache
def report(name, offset=None):
    return measure_collapse(ladder(name), offset=offset, draws=100)


@cache
def scheduled():
    """Runs under two schedules, the forecasts of the seeds of a third, and a plan."""
    runs = [c for name in ("constant", "linear") for c in ladder(f"mlp-schedule-{name}")]
    return runs, forecast(runs, ladder("mlp-schedule-wsd")), plan_cooldown(runs, runs[0].tokens[-1])


PAINTED = {
    "law": lambda axes: law_picture.paint_law(axes, report("mlp")),
    "law of chess": lambda axes: law_picture.paint_law(axes, report("chess")),
    "collapse": lambda axes: collapse_pictures.paint_collapse(axes, report("mlp", 0.0)),
    "collapse of chess": lambda axes: collapse_pictures.paint_collapse(axes, report("chess")),
    "delta": lambda axes: collapse_pictures.paint_delta_vs_sigma(axes, report("mlp")),
    "delta of chess": lambda axes: collapse_pictures.paint_delta_vs_sigma(axes, report("chess")),
    "delta at a given offset": lambda axes: collapse_pictures.paint_delta_vs_sigma(axes, report("mlp", 0.0)),
    "trend": lambda axes: trend_picture.paint_trend(axes, report("mlp", 0.0)),
    "steepness": lambda axes: trend_picture.paint_steepness(axes, report("mlp", 0.0)),
    "horizon": lambda axes: horizon_picture.paint_horizon(axes, fit_horizon(ladder("mlp-overtrained"))),
    "frontier": lambda axes: horizon_picture.paint_frontier(axes, fit_horizon(ladder("mlp-overtrained"))),
    "curves": lambda axes: curves_picture.paint_curves(axes, ladder("text")),
    "extrapolation": lambda axes: extrapolation_picture.paint_extrapolation(axes, extrapolate(ladder("mlp"), 1e5)),
    "deviations": lambda axes: extrapolation_picture.paint_deviations(axes, extrapolate(ladder("mlp"), 1e5)),
    "forecast": lambda axes: forecast_picture.paint_forecast(axes, scheduled()[1][0]),
    "plan": lambda axes: forecast_picture.paint_plan(axes, scheduled()[2]),
    "planned curves": lambda axes: forecast_picture.paint_planned_curves(axes, scheduled()[2]),
    "derivation": lambda axes: derivation_picture.paint_derivation(axes, derive("t**-0.5 + p**-0.5")),
}


def on_paper(paint):
    """The axes as drawn in the house's figure."""
    with house_style():
        figure = Figure()
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        assert paint(axes) is axes
        figure.canvas.draw()
    return axes


def covered(axes):
    """Share of a legend under which a line of data runs: points every pixel or so along all lines."""
    boxes = [c.get_window_extent() for c in axes.get_children() if isinstance(c, matplotlib.legend.Legend)]
    under = []
    for line in axes.get_lines():
        x, y = line.get_transform().transform(line.get_xydata()).T
        fine = np.linspace(0, len(x) - 1, 5000)
        x, y = (np.interp(fine, np.arange(len(x)), v) for v in (x, y))
        panel = axes.get_window_extent()
        seen = (x > panel.x0) & (x < panel.x1) & (y > panel.y0) & (y < panel.y1)
        under += [
            (line.get_label(), b) for b in boxes if (seen & (x > b.x0) & (x < b.x1) & (y > b.y0) & (y < b.y1)).any()
        ]
    return under


@pytest.mark.parametrize("name", PAINTED)
def test_no_legend_covers_a_line(name):
    axes = on_paper(PAINTED[name])
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    assert axes.get_title(loc="left")
    assert not covered(axes)


def test_delta_stays_in_its_panel():
    axes = on_paper(PAINTED["delta of chess"])
    low, high = axes.get_ylim()
    delta = report("chess").delta[:-1]
    assert low < delta.min() < delta.max() < high


@pytest.mark.parametrize(("offset", "words"), [(0.0, "= 0 (given)"), (None, "(the law's fitted $L_0$)")])
def test_the_offset_in_use_is_named(offset, words):
    for paint in (collapse_pictures.paint_collapse, collapse_pictures.paint_delta_vs_sigma):
        axes = on_paper(lambda axes, paint=paint: paint(axes, report("mlp", offset)))
        assert words in axes.get_title(loc="left")


def test_seeds_of_one_schedule_are_one_curve():
    _, forecasts, _ = scheduled()
    axes = on_paper(lambda axes: forecast_picture.paint_forecasts(axes, forecasts, []))
    assert len(axes.get_lines()) == 1
    assert "and 4 with the same rates" in axes.get_lines()[0].get_label()


def test_runs_logged_at_other_tokens_are_drawn_together():
    short = [c for c in ladder("text") if c.seed == 0]
    other = [
        c.__class__(run=f"{c.run}-b", params=c.params, tokens=c.tokens[1:-3:2], loss=c.loss[1:-3:2]) for c in short
    ]
    mixed = Ladder([*(c.__class__(run=c.run, params=c.params, tokens=c.tokens, loss=c.loss) for c in short), *other])
    axes = on_paper(lambda axes: curves_picture.paint_curves(axes, mixed))
    assert len(axes.get_lines()) == len(mixed.sizes)


def test_a_derivation_is_a_png_from_dark_to_light():
    assert derivation_picture.draw_derivation(derive("t**-0.5 + p**-0.5")).startswith(b"\x89PNG")
    axes = on_paper(PAINTED["derivation"])
    shades = [np.array(line.get_color()[:3]).sum() for line in axes.get_lines()[:-1]]
    assert (np.diff(shades) > 0).all()
