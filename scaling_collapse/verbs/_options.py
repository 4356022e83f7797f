"""Options that verbs share, and how `NAME=VALUE` becomes a mapping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..common import InputError

__all__ = ["JsonTarget", "OutFolder", "Tables", "Where", "parse_where"]

Tables = Annotated[list[Path], Parameter(help="Curve tables: Parquet, CSV or JSON Lines files, or folders of them.")]
JsonTarget = Annotated[
    str | None,
    Parameter(name="--json", allow_leading_hyphen=True, help="Write the result as JSON here; - is stdout."),
]
OutFolder = Annotated[Path | None, Parameter(help="Write the pictures into this folder.")]
Where = Annotated[
    list[str] | None,
    Parameter(negative="", help="Keep only rows with COLUMN=VALUE, e.g. schedule=linear. May be repeated."),
]


def parse_where(where: list[str] | None) -> dict[str, str]:
    """`["a=1", "b=x"]` as a mapping."""
    pairs = {}
    for item in where or []:
        name, equals, value = item.partition("=")
        if not (equals and name and value):
            raise InputError(f"--where needs COLUMN=VALUE; got {item!r}. Write, for example, --where schedule=linear.")
        pairs[name] = value
    return pairs
