"""The curve tables that come with the package, and `example:NAME`, which stands for them wherever a path is taken."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

from ...common import InputError

__all__ = ["EXAMPLES", "PREFIX", "example_files", "example_names"]

EXAMPLES = Path(__file__).resolve().parents[2] / "ladders" / "curves"
"""The folder that they lie in."""
PREFIX = "example:"


def example_names() -> tuple[str, ...]:
    """Their names, sorted."""
    return tuple(sorted(path.stem for path in EXAMPLES.glob("*.parquet")))


def example_files(source: str | os.PathLike[str]) -> list[Path] | None:
    """The files of `example:NAME` (or `example:mlp-*`); None where the source is something else.

    Examples
    --------
    >>> [path.name for path in example_files("example:chess*") or ()]
    ['chess.parquet', 'chess-constant.parquet', 'chess-overtrained.parquet']
    >>> example_files("runs/mlp.parquet") is None
    True
    """
    text = os.fspath(source)
    if not text.startswith(PREFIX):
        return None
    name = text.removeprefix(PREFIX)
    found = [EXAMPLES / f"{known}.parquet" for known in example_names() if fnmatchcase(known, name)]
    if not found:
        raise InputError(
            f"{PREFIX}NAME needs the name of a table that comes with the package ({', '.join(example_names())}); "
            f"got {name!r}. Choose one of them."
        )
    return found
