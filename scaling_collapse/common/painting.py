"""`Painted`: how a result comes by its picture. It asks here, and the front door has said who draws it.

So no room imports the one that draws, and importing a room loads no drawing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .input_error import InputError
from .registry import Registry
from .result import Result

__all__ = ["Painted"]

painters: Registry[Callable[..., Any]] = Registry("picture", __name__, {})
"""Who draws a result on axes, `painter(result, axes, **options)`, by the name of its class; the front door sets it."""
surfaces: Registry[Callable[..., Any]] = Registry("surface", __name__, {})
"""What is drawn on: `axes(draw, ax)` given or new, `png(draw)` as bytes; the front door sets it."""


class Painted(Result):
    """Base of results that have a picture."""

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the picture, in the house style.

        Parameters
        ----------
        ax
            matplotlib Axes to draw on, used as they are; default new ones, of a figure that notebooks show.
        **options
            Of the painter, where it has any.

        Returns
        -------
        Axes
            `ax`, or the new ones.
        """
        return surfaces["axes"](_painter(self, options), ax)

    def png(self) -> bytes | None:
        """The picture as a PNG; None where this result, with symbols or without a fit, leaves nothing to draw."""
        try:
            return surfaces["png"](_painter(self, {}))
        except InputError:
            return None


def _painter(result: Any, options: dict[str, Any]) -> Callable[[Any], Any]:
    """What draws `result` on axes; a subclass is drawn as its nearest ancestor that has a painter."""
    name = next(kind.__name__ for kind in type(result).__mro__ if kind.__name__ in painters)
    return partial(painters[name], result, **options)
