"""A dataclass from a table that somebody wrote: pydantic converts and checks the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from ...common import InputError

__all__ = ["TableFault", "typed_table"]

T = TypeVar("T")


class TableFault(NamedTuple):
    """The first thing wrong with a table: the field, whether it is missing, what stands there, and what is wrong."""

    at: str
    missing: bool
    got: Any
    why: str


def typed_table(cls: type[T], table: Mapping[str, Any]) -> T | TableFault:
    """The dataclass with the table's values, or what is wrong with them.

    Raises
    ------
    InputError
        If the class itself refuses a value.

    Examples
    --------
    >>> from dataclasses import make_dataclass
    >>> typed_table(make_dataclass("Size", [("width", int)]), {"width": "wide"}).at
    'width'
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(cls).validate_python(dict(table))
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InputError):
            raise cause from None
        return TableFault(".".join(map(str, first["loc"])), first["type"] == "missing", first["input"], first["msg"])
