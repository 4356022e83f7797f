"""What there is to learn: one file per kind of task, each giving numpy arrays by position (`task.py` says how).

To add a kind: one new file here and one line in `TASKS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ....common import InputError, Registry
from ..typed_table import TableFault, typed_table
from .task import Batch, Task

__all__ = ["TASKS", "Batch", "Task", "make_task"]

TASKS: Registry[type[Task]] = Registry(
    "task",
    __name__,
    {
        "fourier": "fourier_regression:FourierRegression",
        "chess": "chess_games:ChessTask",
        "cifar5m": "cifar5m:Cifar5mTask",
        "text": "text:TextTask",
        "tokens": "token_file_task:TokenFileTask",
    },
)
"""Each kind of task, by the name that ladder files use."""


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
    cls = TASKS.choose(kind, who="make_task")
    options, name = dict(options or {}), cls.__name__
    known = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    for unknown in options.keys() - set(known):
        raise InputError(f"{name} needs options of {', '.join(known)}; got {unknown!r}. Remove or rename it.")
    task = typed_table(cls, options)
    if isinstance(task, TableFault):
        raise InputError(f"{name} needs a valid `{task.at}`; got {task.got!r}: {task.why}.")
    return task
