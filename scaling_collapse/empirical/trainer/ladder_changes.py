"""Changes to a ladder file: `--set key=value` over what stands there."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from ...common import InputError

__all__ = ["changed"]


def changed(table: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """The table with the changes made, later ones over earlier ones.

    Parameters
    ----------
    table
        Keys and tables of a ladder file.
    changes
        `key=value` or `table.key=value` with a TOML value; text may stand without quotes.

    Raises
    ------
    InputError
        If a change has another form, or names a key inside something that is no table.

    Examples
    --------
    >>> changed({"lr": 1, "horizon": {"kappa": 3}}, ["lr=0.5", "horizon.gamma=2", "schedule=linear"])
    {'lr': 0.5, 'horizon': {'kappa': 3, 'gamma': 2}, 'schedule': 'linear'}
    """
    try:
        result = copy.deepcopy(dict(table))
    except RecursionError:
        raise InputError("load_ladder needs few tables in one another; got more than can be read.") from None
    for change in changes:
        *tables, name, value = _parts(change)
        inside = result
        for part in tables:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                raise InputError(f"load_ladder needs changes of keys in tables; got {change!r}. See the ladder file.")
        inside[name] = value
    return result


def _parts(change: str) -> tuple[Any, ...]:
    """The names of the tables, the key, and the value that a change gives it."""
    path, equals, text = change.partition("=")
    names = path.strip().split(".")
    if not (equals and all(names)):
        raise InputError(f"load_ladder needs changes of the form key=value; got {change!r}. Write lr=0.01.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text  # text without quotes
    return *names, value
