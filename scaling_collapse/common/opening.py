"""Paths and frames in place of what they hold. The front door has said who reads them, as with pictures.

So every function that takes a ladder takes a path too, and no room imports the one that reads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .registry import Registry

__all__ = ["Source", "is_frame", "is_source", "opened"]

Source = Any
"""A path, a list of paths, or a frame: a pandas or polars DataFrame, a pyarrow Table, or a mapping of columns."""

readers: Registry[Any] = Registry("reader", __name__, {})
"""Who reads curves and targets; the front door sets it."""


def is_frame(value: Any) -> bool:
    """Whether this is a table in memory."""
    return isinstance(value, Mapping) or hasattr(value, "columns")


def is_source(value: Any) -> bool:
    """Whether this stands for a table: a path, paths, or a frame.

    >>> is_source("curves.parquet"), is_source(["a.csv", "b.csv"]), is_source({"run": ["a"]}), is_source([1.0])
    (True, True, True, False)
    """
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(v, str | os.PathLike) for v in value)
    return isinstance(value, str | os.PathLike) or is_frame(value)


def opened(value: Any, what: str = "curves", **options: Any) -> Any:
    """What a path or frame holds, read with these options; anything else is given back as it is.

    Parameters
    ----------
    value
        A `Source`, or what one would hold.
    what
        `"curves"`, `"running"` or `"targets"`.
    """
    return readers[what](value, **options) if is_source(value) else value
