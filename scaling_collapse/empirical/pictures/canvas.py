"""The one canvas: house style, panels, colours and words that every picture shares.

Every picture is a function that returns the PNG as bytes; nothing is shown, written or left behind in matplotlib's
global state.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...common import count

__all__ = [
    "BAND",
    "CLAIM",
    "FLOOR",
    "colors",
    "count_axis",
    "house_style",
    "picture",
    "plain_log",
    "room_below",
    "size_legend",
]

STYLE = Path(__file__).with_name("house.mplstyle")
CLAIM, FLOOR = "#D55E00", "#0072B2"
"""What is predicted, and what it is held against: vermilion and blue, told apart by the colour-blind and in gray."""
BAND: dict[str, Any] = {"alpha": 0.22, "linewidth": 0, "zorder": 1}
"""How a shaded range is drawn: below every line."""


@contextmanager
def house_style() -> Iterator[None]:
    """The house's style for whatever is drawn inside; matplotlib's own settings are as before after it."""
    import matplotlib

    with matplotlib.rc_context(fname=STYLE):
        yield


def picture(
    draw: Callable[..., object],
    *,
    size: tuple[float, float] | None = None,
    rows: int = 1,
    columns: int = 1,
    **grid: Any,
) -> bytes:
    """A PNG in the house style, on whose panels `draw(axes, ...)` has drawn.

    Parameters
    ----------
    draw
        Called with the axes, row by row.
    size
        Width and height in inches; default the style's.
    rows, columns
        How many panels.
    **grid
        Further options of matplotlib's `Figure.subplots`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=size)
        FigureCanvasAgg(figure)
        draw(*figure.subplots(rows, columns, squeeze=False, **grid).flat)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def colors(n: int) -> list[Any]:
    """`n` colours for ordered things such as sizes, from dark to light, so that gray keeps their order."""
    import matplotlib

    return [matplotlib.colormaps["viridis"](v) for v in np.linspace(0.0, 0.88, n)]


def size_legend(axes: Any, sizes: int, *, band: str = "", **options: Any) -> None:
    """A legend of that many sizes, in two columns where they are many; `band` names what is shaded about the lines."""
    from matplotlib.patches import Patch

    handles, labels = axes.get_legend_handles_labels()
    if band:
        handles, labels = [*handles, Patch(color="0.5", alpha=0.35, linewidth=0)], [*labels, band]
    axes.legend(handles, labels, title="parameters", ncols=2 if sizes > 4 else 1, **options)


def plain_log(axis: Any) -> None:
    """Ticks at 1, 2 and 5 of every decade with plain numbers, for log axes of a decade or two."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def count_axis(axis: Any) -> None:
    """Counts of tokens or steps as people write them (250k, 1.5M), with no power of ten at the axis' end."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: count(value) if value else "0"))


def room_below(low: float, high: float, share: float) -> float:
    """The lower limit of an axis up to `high` that leaves `share` of it below `low`, for a legend.

    >>> room_below(1.0, 2.0, 0.5)
    0.0
    """
    return low - share / (1.0 - share) * (high - low)
