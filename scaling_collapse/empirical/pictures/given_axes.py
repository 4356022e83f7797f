"""Axes to draw on in the house style: the ones given, or new ones that notebooks show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .canvas import STYLE

__all__ = ["on_axes"]


def on_axes(draw: Callable[[Any], Any], ax: Any = None) -> Any:
    """The axes after `draw(axes)`.

    Parameters
    ----------
    draw
        Draws on axes.
    ax
        Axes that are used as they are; None for the only ones of a new figure, which belongs to pyplot.
    """
    import matplotlib

    if ax is not None:
        with matplotlib.rc_context(fname=STYLE):
            draw(ax)
        return ax
    from matplotlib import pyplot

    with matplotlib.rc_context(fname=STYLE):
        _, ax = pyplot.subplots()
        draw(ax)
    return ax
