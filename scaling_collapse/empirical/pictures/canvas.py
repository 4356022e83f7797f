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

__all__ = ["colors", "house_style", "picture", "size_legend"]

STYLE = Path(__file__).with_name("house.mplstyle")


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


def size_legend(axes: Any, sizes: int, **options: Any) -> None:
    """A legend of that many sizes, in two columns where they are many."""
    axes.legend(title="parameters", title_fontsize=8, ncols=2 if sizes > 4 else 1, **options)
