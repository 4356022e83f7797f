"""The words that mean the same in every verb, as parameters; and how people's `NAME=VALUE` and `125M` are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import CoercionError, Parameter, Token

from ..common import InputError, parse_number

__all__ = ["Number", "Numbers", "Share", "Sources", "Where", "parse_number", "parse_share", "parse_where"]

Sources = Annotated[
    list[Path],
    Parameter(
        name="SOURCE",
        help="Curve tables or logs (see docs/guide/logs.md), folders of them, - for standard input, or example:NAME.",
    ),
]
Where = Annotated[
    list[str] | None,
    Parameter(negative="", help="Keep only rows with COLUMN=VALUE, e.g. schedule=linear. May be repeated."),
]


def parse_share(text: str) -> float:
    """A share as people write it.

    >>> [parse_share(text) for text in ("20%", "20 %", "0.2")]
    [0.2, 0.2, 0.2]
    """
    plain = text.strip()
    return float(plain[:-1]) / 100 if plain.endswith("%") else float(plain)


def _share(_: Any, tokens: Sequence[Token]) -> float:
    try:
        return parse_share(tokens[0].value)
    except ValueError:
        raise CoercionError(token=tokens[0], target_type=float) from None


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
Share = Annotated[float, Parameter(converter=_share, n_tokens=1, allow_leading_hyphen=True)]
"""A share: 20% or 0.2."""
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
