"""`Result`: what every result can do in a notebook, from one short description of itself.

A result says what it is in a headline and in (quantity, value) lines. From these come its repr, of at most 8 lines, and
the HTML that notebooks show. `Painted` adds a picture, `Framed` a table.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import fields
from html import escape
from numbers import Real
from typing import Any, ClassVar

from .plain_json import plain

__all__ = ["Result"]

WIDEST = 112
"""Characters in a line of a repr: eight of them stay below 1,000."""
MOST_ROWS = 60
"""In the HTML."""


class Result:
    """Base of results that people look at; dataclasses among them say `repr=False`, or keep a short repr of their own.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(repr=False)
    ... class Point(Result):
    ...     x: float
    ...     y: float
    >>> Point(1.0, 2.5)
    Point
      x  1
      y  2.5
    >>> Point(1.0, 2.5).to_json()
    {'x': 1.0, 'y': 2.5}
    """

    LINES_SHOWN: ClassVar[int] = 7
    """Below the headline in a repr; 0 for what comes in tuples, whose repr is the headline."""

    def headline(self) -> str:
        """One line: what this is."""
        return type(self).__name__

    def lines(self) -> Sequence[tuple[str, str]]:
        """Pairs of quantity and value, the most telling first; here every field that is known."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.repr}  # type: ignore[arg-type]
        return [(name.replace("_", " "), described(value)) for name, value in values.items() if value is not None]

    def to_json(self) -> dict[str, Any]:
        """Every field by its name, as JSON can hold it; what is unknown is null."""
        return plain({f.name: getattr(self, f.name) for f in fields(self)})  # type: ignore[arg-type]

    def png(self) -> bytes | None:
        """The picture as a PNG, where there is one."""
        return None

    def __repr__(self) -> str:
        lines = list(self.lines())
        kept = lines if len(lines) <= self.LINES_SHOWN else lines[: max(self.LINES_SHOWN - 1, 0)]
        width = max((len(name) for name, _ in kept), default=0)
        text = [self.headline(), *(f"  {name:<{width}}  {value}" for name, value in kept)]
        if len(kept) < len(lines) and self.LINES_SHOWN:
            text.append(f"  ... and {len(lines) - len(kept)} more lines")
        return "\n".join(_shortened(line) for line in text)

    def _repr_html_(self) -> str:
        lines = list(self.lines())
        rows = [
            f'<tr><th style="text-align:left">{_html(name)}</th><td style="text-align:left">{_html(value)}</td></tr>'
            for name, value in lines[:MOST_ROWS]
        ]
        if len(lines) > MOST_ROWS:
            rows.append(f"<tr><td>... and {len(lines) - MOST_ROWS} more</td></tr>")
        table = f"<table>{''.join(rows)}</table>" if rows else ""
        png = self.png()
        source = "" if png is None else base64.b64encode(png).decode()
        image = f'<img style="width:520px;max-width:100%" alt="" src="data:image/png;base64,{source}"/>'
        return f"<div><p><b>{_html(self.headline())}</b></p>{table}{image if source else ''}</div>"


def described(value: Any) -> str:
    """A value in a few words: numbers with six digits, arrays by their shape, results by their headline.

    >>> described(0.123456789), described((1.0, 2.0)), described([0] * 100), described({"a": 1})
    ('0.123457', '1 to 2', '100 values', '1 entry')
    """
    if isinstance(value, str | bool) or hasattr(value, "free_symbols"):  # sympy knows a formula better
        return str(value)
    if isinstance(value, Real):
        return f"{float(value):.6g}"
    if hasattr(value, "shape"):
        return f"array of shape {tuple(value.shape)}"
    if isinstance(value, Result):
        return value.headline()
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, float) for v in value):
        return f"{described(value[0])} to {described(value[1])}"
    if isinstance(value, list | tuple):
        return f"{len(value)} value{'' if len(value) == 1 else 's'}"
    if isinstance(value, dict):
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    return type(value).__name__ if type(value).__repr__ is object.__repr__ else str(value)


def _shortened(line: str) -> str:
    line = " ".join(line.splitlines())
    return line if len(line) <= WIDEST else line[: WIDEST - 3] + "..."


def _html(text: str) -> str:
    """Escaped, without the characters that no page may hold."""
    return escape("".join(c for c in text if c.isprintable() or c == "\n"))
