"""One picture on one page: style, size, the line that says where its data come from, and the files it becomes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..common import count
from ..empirical.pictures.canvas import colors as shades
from ..empirical.pictures.canvas import plain_log
from ..empirical.tables.files import ensure_folder, write_atomically

__all__ = [
    "COLUMN",
    "MARKERS",
    "PAGE",
    "STROKES",
    "count",
    "curtain",
    "legend_above",
    "plain_log",
    "run_script",
    "shades",
    "stroke_of",
    "write_page",
]

STYLE = Path(__file__).with_name("paper.mplstyle")
COLUMN, PAGE = 3.3, 6.8
"""Widths of one column and of the page, inches."""
STROKES: tuple[dict[str, Any], ...] = (
    {"color": "#000000", "linestyle": "-", "marker": "o"},
    {"color": "#0072B2", "linestyle": "--", "marker": "s"},
    {"color": "#D55E00", "linestyle": "-.", "marker": "^"},
    {"color": "#009E73", "linestyle": ":", "marker": "D"},
    {"color": "#CC79A7", "linestyle": (0, (6, 1.5)), "marker": "v"},
    {"color": "#56B4E9", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "P"},
    {"color": "#8C6D00", "linestyle": (0, (1, 1)), "marker": "X"},
    {"color": "#7F7F7F", "linestyle": (0, (8, 2, 2, 2)), "marker": "*"},
)
"""What tells kinds apart, in gray as well: colour, line and marker together."""
SCHEDULE_ORDER = ("constant", "linear", "cosine", "multi-cosine", "WSD, last 20 %", "linear, last 20 %",
                  "cosine, last 20 %", "multi-cosine, last 20 %")  # fmt: skip
MARKERS = "osD^vP*X<>"


def stroke_of(schedule: str) -> dict[str, Any]:
    """The stroke of a schedule, the same on every picture."""
    name = "WSD, last 20 %" if schedule == "WSD" else schedule
    known = SCHEDULE_ORDER.index(name) if name in SCHEDULE_ORDER else sum(map(ord, name))
    return STROKES[known % len(STROKES)]


def legend_above(figure: Any, panels: Any, columns: int = 5) -> None:
    """One legend for all panels, each label once, above them."""
    handles = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    order = sorted(handles, key=lambda l: SCHEDULE_ORDER.index(l) if l in SCHEDULE_ORDER else 99)
    figure.legend([handles[l] for l in order], order, loc="outside upper left", ncols=min(columns, len(order)))


def curtain(curves: Sequence[Any]) -> tuple[float, float]:
    """Limits of an axis that hold all values of the arrays, with a margin of 6 %."""
    values = np.concatenate([np.ravel(np.asarray(c, dtype=np.float64)) for c in curves])
    values = values[np.isfinite(values)]
    margin = 0.06 * float(np.ptp(values)) + 1e-12
    return float(values.min()) - margin, float(values.max()) + margin


def write_page(
    out: Path, name: str, draw: Callable[[Any], None], *, width: float, height: float, data: str, fast: bool
) -> list[Path]:
    """Draw a figure and write it as PNG and, unless `fast`, as PDF; nothing stays in matplotlib's global state.

    Parameters
    ----------
    out
        Folder, made where it does not exist.
    name
        Name of the files, without ending.
    draw
        Called with an empty `matplotlib.figure.Figure` of `width` by `height` inches.
    data
        Where the data come from and what the reader must know of them; printed below the panels.
    fast
        PNG alone, at 100 dots an inch.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder, written = ensure_folder(out), []
    lines = _wrapped(f"Data: {data}", characters=int(width * 23))
    strip = 0.105 * len(lines) + 0.03  # inches
    with matplotlib.rc_context(fname=STYLE):
        figure = Figure(figsize=(width, height + strip))
        FigureCanvasAgg(figure)
        draw(figure)
        share = strip / (height + strip)
        figure.get_layout_engine().set(rect=(0.0, share, 1.0, 1.0 - share))  # type: ignore[union-attr]
        figure.text(0.01, 0.01, "\n".join(lines), fontsize=5.5, color="0.35", va="bottom", linespacing=1.25)
        formats: list[tuple[str, dict[str, Any]]] = [("png", {"metadata": {"Software": None}})]
        if fast:
            formats[0][1]["dpi"] = 100
        else:
            formats.append(("pdf", {"metadata": {"CreationDate": None}}))
        for ending, options in formats:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=ending, **options)
            written.append(write_atomically(folder / f"{name}.{ending}", buffer.getvalue()))
    return written


def _wrapped(text: str, characters: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, characters)


def run_script(make: Callable[..., list[Path]]) -> None:
    """What `python -m` runs: `--out DIR`, `--curves DIR`, `--fast`; exit code 2 where curves are missing."""
    import sys

    from cyclopts import App

    from ..common import InputError

    def figure(*, out: Path = Path("figures"), curves: Path | None = None, fast: bool = False) -> None:
        for path in make(out, curves=curves, fast=fast):
            sys.stdout.write(f"wrote {path}\n")

    app = App(name=make.__module__, help=make.__doc__)
    app.default(figure)
    try:
        app(sys.argv[1:])
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
