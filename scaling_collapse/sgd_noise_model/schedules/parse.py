"""Schedules from text: `"wsd(decay=0.2, shape='linear')"`, and from a TOML table with a `kind`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ...common import InputError
from .kinds import KINDS
from .schedule import Schedule

__all__ = ["parse"]


def parse(source: str | Mapping[str, Any] | Schedule) -> Schedule:
    """The schedule that a string, a table or a schedule names.

    Parameters
    ----------
    source
        A call such as `"cosine(warmup=0.05, end=0.1)"` or a bare name `"linear"` (literals only, nothing is
        executed; `join` nests), or a mapping `{"kind": "cosine", "warmup": 0.05}`, as TOML gives it. A schedule is
        returned as it is. `parse(repr(schedule)) == schedule` for every kind but `from_function`
        and long tables of rates.

    Raises
    ------
    InputError
        If the text is not such a call, or names an unknown kind or parameter.

    Examples
    --------
    >>> parse("wsd(decay=0.1, shape='1-sqrt')")
    wsd(decay=0.1, shape='1-sqrt')
    >>> parse({"kind": "linear", "end": 0.1}).s(1.0)
    array(0.1)
    """
    if isinstance(source, Schedule):
        return source
    if isinstance(source, Mapping):
        told = dict(source)
        return _build(str(told.pop("kind", "")), told, str(dict(source)))
    if not isinstance(source, str):
        raise InputError(f"schedules.parse needs a string, a table or a schedule; got {source!r}.")
    try:
        node = ast.parse(source.strip(), mode="eval").body
    except SyntaxError:
        raise InputError(
            f"schedules.parse needs a call such as wsd(decay=0.2, shape='linear'); got {source!r}."
        ) from None
    built = _value(node, source)
    if isinstance(built, Schedule):
        return built
    raise InputError(f"schedules.parse needs the name of a schedule; got {source!r}. Known: {_known()}.")


def _known() -> str:
    return ", ".join(sorted(KINDS))


def _build(kind: str, told: dict[str, Any], source: str) -> Schedule:
    cls = KINDS.get(kind)
    if cls is None or kind == "from_function":
        raise InputError(f"schedules.parse needs a known kind ({_known()}); got {kind!r} in {source!r}.")
    names = [f.name for f in fields(cls)]
    for name in told:
        if name not in names:
            raise InputError(f"schedules.parse needs parameters of {kind} ({', '.join(names)}); got {name!r}.")
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    try:
        return cls(**told)
    except TypeError as error:
        raise InputError(f"schedules.parse needs values that fit {kind}; got {source!r} ({error}).") from None


def _value(node: ast.expr, source: str) -> Any:
    """A literal, a tuple of such, or a nested schedule."""
    match node:
        case ast.Name(id=kind):
            return _build(kind, {}, source)
        case ast.Call(func=ast.Name(id=kind), args=[], keywords=keywords):
            return _build(kind, {str(k.arg): _value(k.value, source) for k in keywords}, source)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return tuple(_value(e, source) for e in elements)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise InputError(
            f"schedules.parse needs literal keyword arguments, as in cosine(end=0.1); got {source!r}."
        ) from None
