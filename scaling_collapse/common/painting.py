"""How a result comes by its picture: it asks here, and the front door has said who draws it.

So no room imports the one that draws, and importing a room loads no drawing.
"""

from __future__ import annotations

from typing import Any

from .registry import Registry

__all__ = ["paint"]

painters: Registry[Any] = Registry("picture", __name__, {})
"""Who draws a result, by the name of its class; the front door sets it."""


def paint(result: Any, *args: Any, **options: Any) -> Any:
    """Draw `result`: its painter's answer to `(result, *args, **options)`."""
    return painters[type(result).__name__](result, *args, **options)
