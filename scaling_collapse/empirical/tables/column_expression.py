"""What a column is made of, as `--map tokens="step*524288"` says: names, numbers, + - * / **, log, exp, log2, sqrt.

A small parser of its own: nothing is run that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from ...common import Array, InputError, parse_number

__all__ = ["column_value", "names_in"]

TOKEN = re.compile(
    r"\s*(?:(\[[^\]]*\])|((?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[kKmMbBgGtT]?)|([A-Za-z_][\w.]*)|(\*\*|[-+*/()]))"
)
FUNCTIONS: dict[str, Callable[[Array], Array]] = {"log": np.log, "exp": np.exp, "log2": np.log2, "sqrt": np.sqrt}
DEEPEST = 50


def column_value(text: str, lookup: Callable[[str], Array], who: str = "--map") -> Array:
    """The column that an expression describes.

    Parameters
    ----------
    text
        The expression; a name that is no word stands in square brackets: `[train/loss] / log(2)`.
    lookup
        The values of a name; raises `KeyError` where there is none.
    who
        Who says it, for sentences.

    Examples
    --------
    >>> column_value("step * 0.5M + [my tokens]", {"step": np.array([1.0]), "my tokens": np.array([3.0])}.__getitem__)
    array([500003.])
    """
    with np.errstate(all="ignore"):
        return _Parser(text, lookup, who).whole()


def names_in(text: str) -> list[str]:
    """The names of columns that an expression uses.

    >>> names_in("log([val/ppl]) * batch")
    ['val/ppl', 'batch']
    """
    names = [m[1][1:-1] if m[1] else m[3] for m in TOKEN.finditer(text) if m[1] or m[3]]
    return [n for n in names if n not in FUNCTIONS]


class _Parser:
    """Sums of products of powers, from the left to the right."""

    def __init__(self, text: str, lookup: Callable[[str], Array], who: str) -> None:
        self.text, self.lookup, self.who, self.depth = text, lookup, who, 0
        self.tokens: list[re.Match[str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = TOKEN.match(text, at)
            if found is None:
                raise self._refusal(text[at : at + 10].strip())
            self.tokens.append(found)
            at = found.end()
        self.at = 0

    def _refusal(self, got: str) -> InputError:
        return InputError(
            f"{self.who} needs names, numbers, + - * / ** and brackets, such as step*524288 or log([val/ppl]); got "
            f"{got or 'its end'!r} in {self.text[:80]!r}. Mend the expression."
        )

    def _next(self) -> str:
        return self.tokens[self.at][0].strip() if self.at < len(self.tokens) else ""

    def _take(self, *wanted: str) -> str | None:
        found = self._next()
        if found and found in wanted:
            self.at += 1
            return found
        return None

    def whole(self) -> Array:
        value = self._sum()
        if self.at < len(self.tokens):
            raise self._refusal(self._next())
        return value

    def _sum(self) -> Array:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._refusal("(" * 10)
        value = self._product()
        while sign := self._take("+", "-"):
            value = value + self._product() if sign == "+" else value - self._product()
        self.depth -= 1
        return value

    def _product(self) -> Array:
        value = self._power()
        while sign := self._take("*", "/"):
            value = value * self._power() if sign == "*" else value / self._power()
        return value

    def _power(self) -> Array:
        negative = False
        while sign := self._take("-", "+"):
            negative ^= sign == "-"
        value = self._atom()
        if self._take("**"):
            self.depth += 1
            if self.depth > DEEPEST:
                raise self._refusal("**")
            value = value ** self._power()
            self.depth -= 1
        return -value if negative else value

    def _atom(self) -> Array:
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise self._refusal(self._next())
            return value
        if self.at == len(self.tokens):
            raise self._refusal("")
        token = self.tokens[self.at]
        self.at += 1
        if token[2]:
            return np.float64(parse_number(token[2]))  # type: ignore[return-value]  # a number is every row's
        if token[3] in FUNCTIONS and self._next() == "(":
            return FUNCTIONS[token[3]](self._atom())
        if token[1] or token[3]:
            return self.lookup(token[1][1:-1] if token[1] else token[3])
        raise self._refusal(token[4])
