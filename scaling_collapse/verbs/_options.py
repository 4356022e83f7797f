"""The words that mean the same in every verb, as parameters; and how people's `NAME=VALUE` and `125M` are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import CoercionError, Parameter, Token

from ..common import InputError

__all__ = ["Number", "Numbers", "Sources", "Where", "parse_number", "parse_where"]

Sources = Annotated[
    list[Path],
    Parameter(
        name="SOURCE",
        help="Curve tables (Parquet, CSV, JSON Lines), folders of them, or example:NAME, a table that comes along.",
    ),
]
Where = Annotated[
    list[str] | None,
    Parameter(negative="", help="Keep only rows with COLUMN=VALUE, e.g. schedule=linear. May be repeated."),
]


SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


def parse_number(text: str) -> float:
    """A count as people write it.

    >>> [parse_number(text) for text in ("125M", "1.5B", "3e8", "1_000_000", "640")]
    [125000000.0, 1500000000.0, 300000000.0, 1000000.0, 640.0]
    """
    plain = text.strip().lower()
    factor = SUFFIXES.get(plain[-1:], 1.0)
    value = float(plain[:-1] if factor != 1.0 else plain) * factor
    if math.isnan(value):
        raise ValueError(text)
    return value


def _one(token: Token) -> float:
    try:
        return parse_number(token.value)
    except ValueError:
        raise CoercionError(token=token, target_type=float) from None


def _number(_: Any, tokens: Sequence[Token]) -> float:
    return _one(tokens[0])


def _numbers(_: Any, tokens: Sequence[Token]) -> list[float]:
    return [_one(token) for token in tokens]


Number = Annotated[float, Parameter(converter=_number, n_tokens=1)]
"""One count: 125M, 1.5B, 3e8."""
Numbers = Annotated[list[float], Parameter(converter=_numbers, consume_multiple=True, negative="")]
"""Several of them."""


def parse_where(where: list[str] | None) -> dict[str, str]:
    """`["a=1", "b=x"]` as a mapping."""
    pairs = {}
    for item in where or []:
        name, equals, value = item.partition("=")
        if not (equals and name and value):
            raise InputError(f"--where needs COLUMN=VALUE; got {item!r}. Write, for example, --where schedule=linear.")
        pairs[name] = value
    return pairs
