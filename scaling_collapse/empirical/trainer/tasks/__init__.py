"""What there is to learn: one file per kind of task, each giving numpy arrays by position (`task.py` says how).

To add a kind: one new file here and one line in `TASKS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ....common import InputError
from .task import Batch, Task

__all__ = ["TASKS", "Batch", "Task", "make_task"]

TASKS = {
    "fourier": ("fourier_regression", "FourierRegression"),
    "chess": ("chess_games", "ChessTask"),
    "cifar5m": ("cifar5m", "Cifar5mTask"),
    "text": ("text", "TextTask"),
    "tokens": ("token_file", "TokenFileTask"),
}
"""Module and class of each kind of task, by the name that ladder files use."""


def make_task(kind: str, options: Mapping[str, Any] | None = None) -> Task:
    """The task of a kind with its options, as a ladder file writes them.

    Parameters
    ----------
    kind
        One of `TASKS`.
    options
        Fields of the kind's class; what is left out keeps its default.

    Raises
    ------
    InputError
        If there is no such kind or option, or a value is of the wrong type or out of its domain.

    Examples
    --------
    >>> make_task("fourier", {"dimensions": 3, "modes": 100}).describe()["merged_modes"] <= 100
    True
    """
    from pydantic import TypeAdapter, ValidationError

    if kind not in TASKS:
        raise InputError(f"make_task needs a task of {', '.join(TASKS)}; got {kind!r}. Choose one of them.")
    module, name = TASKS[kind]
    cls = getattr(importlib.import_module(f".{module}", __name__), name)
    options = dict(options or {})
    known = [field.name for field in fields(cls)]
    for unknown in options.keys() - set(known):
        raise InputError(f"{name} needs options of {', '.join(known)}; got {unknown!r}. Remove or rename it.")
    try:
        return TypeAdapter(cls).validate_python(options)
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InputError):
            raise cause from None
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{name} needs a valid `{where}`; got {first['input']!r}: {first['msg']}.") from None
