"""`Registry`: the implementations of an interface by the names that users give, each loaded when it is asked for.

A folder inside a room is an interface with one file per implementation; its registry has one line for each.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from .input_error import InputError

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A mapping from names to the objects behind `"module:attribute"`, modules relative to `package`.

    Parameters
    ----------
    what
        What is listed, in the words of an error: `"task"`.
    package
        The package whose modules are named.
    entries
        `"module:attribute"`, or `"module"` for the module itself, by name.

    Examples
    --------
    >>> parts = Registry("part", "json", {"decoder": "decoder:JSONDecoder", "encoder": "encoder:JSONEncoder"})
    >>> parts["decoder"].__name__, list(parts)
    ('JSONDecoder', ['decoder', 'encoder'])
    >>> parts.choose("scanner", who="read")
    Traceback (most recent call last):
    scaling_collapse.common.input_error.InputError: read needs a part of decoder, encoder; got 'scanner'. ...
    """

    def __init__(self, what: str, package: str, entries: Mapping[str, str]) -> None:
        self.what, self.package, self.entries = what, package, dict(entries)

    def __getitem__(self, name: str) -> T:
        module, _, attribute = self.entries[name].partition(":")
        found: Any = importlib.import_module(f".{module}", self.package)
        return getattr(found, attribute) if attribute else found

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries  # without loading it

    def choose(self, name: str, *, who: str) -> T:
        """The object of that name, or an `InputError` of `who` that lists the names there are."""
        if name not in self.entries:
            raise InputError(f"{who} needs a {self.what} of {', '.join(self)}; got {name!r}. Choose one of them.")
        return self[name]
