"""Curve tables that come with the package: small ladders that the project trained.

On the command line, and wherever a function takes a path, `example:NAME` stands for one of them.

Examples
--------
>>> import scaling_collapse as sc
>>> ladder = sc.examples.load("mlp")
>>> len(ladder.sizes), len(ladder)
(6, 30)
>>> sc.read_curves("example:mlp").sizes == ladder.sizes
True
"""

from __future__ import annotations

from pathlib import Path

from .common import InputError
from .empirical import read_curves
from .empirical.tables.example_tables import EXAMPLES, example_names
from .theory import Ladder

__all__ = ["load", "names", "path"]


def names() -> tuple[str, ...]:
    """The names of the tables, sorted.

    Examples
    --------
    >>> names()[:3]
    ('chess', 'chess-constant', 'chess-overtrained')
    """
    return example_names()


def path(name: str) -> Path:
    """The Parquet file of a table.

    Parameters
    ----------
    name
        One of `names()`.

    Raises
    ------
    InputError
        If there is no such table; the sentence lists the names.

    Examples
    --------
    >>> path("mlp").name
    'mlp.parquet'
    """
    if name not in names():
        raise InputError(f"examples.path needs a name of {', '.join(names())}; got {name!r}. Choose one of them.")
    return EXAMPLES / f"{name}.parquet"


def load(name: str, use_horizon: bool = True) -> Ladder:
    """The ladder of a table, as `read_curves` reads it.

    Parameters
    ----------
    name
        One of `names()`.
    use_horizon
        False takes every run to its last point, as `fit_horizon` needs.

    Raises
    ------
    InputError
        If there is no such table; the sentence lists the names.

    Examples
    --------
    >>> ladder = load("text")
    >>> len(ladder.sizes), len(ladder)
    (5, 25)
    """
    return read_curves(path(name), use_horizon=use_horizon)
