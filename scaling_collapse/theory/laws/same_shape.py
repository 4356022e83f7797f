"""Whether a level of a law has the shape in x that the limit has: then it delays no collapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import sympy

from .along_horizon import Piece, X
from .exact_arithmetic import sign
from .relations import tidy

__all__ = ["has_shape_of"]

POINTS = 2
TRIES = 20
SMALL = mpmath.mpf(10) ** -18


def has_shape_of(limit: Mapping[Any, Any], level: Sequence[Piece]) -> bool:
    """Whether `level` is a multiple of the limit `{shape: share}`, as functions of x.

    Sums of powers of x are compared power by power, other functions at random values of x and of all symbols: two
    that differ agree there with probability 0.
    """
    total = sympy.Add(*(piece.weight * piece.shape.subs(X, 1) for piece in level))
    if all(_is_power(shape) for shape in (*limit, *(piece.shape for piece in level))):
        if sign(total) == 0:
            return False
        return _same_powers(limit, {piece.shape: tidy(piece.weight / total) for piece in level})
    curve = sympy.Add(*(share * shape for shape, share in limit.items()))
    return _vanishes([*(piece.weight * piece.shape for piece in level), -total * curve])


def _is_power(shape: Any) -> bool:
    return shape == 1 or shape.as_base_exp()[0] == X


def _exponent(shape: Any) -> Any:
    return sympy.S.Zero if shape == 1 else shape.as_base_exp()[1]


def _same_powers(one: Mapping[Any, Any], two: Mapping[Any, Any]) -> bool:
    matches = [(m, n) for m in one for n in two if sign(_exponent(m) - _exponent(n)) == 0]
    return len(matches) == len(one) == len(two) and all(sign(one[m] - two[n]) == 0 for m, n in matches)


def _vanishes(parts: Sequence[Any]) -> bool:
    """Whether the sum of `parts` is 0 for all x and all values of the symbols."""
    symbols = sorted({X}.union(*(part.free_symbols for part in parts)), key=str)
    function = sympy.lambdify(symbols, list(parts), "mpmath")
    seen = 0
    with mpmath.workdps(40):
        for attempt in range(TRIES):
            values = function(*(_value(k, attempt) for k in range(len(symbols))))
            if all(mpmath.isfinite(value) for value in values) and any(values):
                if abs(sum(values)) > SMALL * max(abs(value) for value in values):
                    return False
                seen += 1
            if seen == POINTS:
                return True
    return False


def _value(k: int, attempt: int) -> Any:
    """A number between 0.2 and 2.2, unlike all others."""
    return mpmath.mpf("0.2") + 2 * mpmath.frac(mpmath.sqrt(2) * (7 * k + 1) + mpmath.sqrt(3) * (attempt + 1))
