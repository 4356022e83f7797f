"""How large an expression may be: what would take minutes or gigabytes is refused before it is worked out."""

from __future__ import annotations

import math
from typing import Any

import sympy
from sympy.core.exprtools import decompose_power

from ...common import InputError

__all__ = [
    "MAX_DIGITS",
    "MAX_EXPONENT",
    "MAX_ROOT",
    "check_exponent",
    "check_number",
    "check_size",
    "expanded_size",
    "has_long_roots",
    "highest_degree",
    "shortened",
]

MAX_EXPONENT = 100
SMALLEST_EXPONENT = 1e-9
MAX_DIGITS = 300
MAX_PIECES = 64
MAX_DEGREE = 50
MAX_ROOT = 100
_MANY = 10**6


def expanded_size(expr: Any) -> int:
    """How many products `expr` has once it is multiplied out, at least; counting stops at a million.

    >>> a, b = sympy.symbols("a b")
    >>> expanded_size((a + b) ** 20), expanded_size(a * b / (a + b)), expanded_size(((a + b) ** 99 + 1) ** 99)
    (21, 2, 1000000)
    """
    sizes = [expanded_size(part) for part in expr.args]
    if expr.is_Add:
        size = sum(sizes)
    elif expr.is_Pow and expr.exp.is_Integer:
        n = abs(int(expr.exp))
        size = _MANY if n > _MANY else min(math.comb(sizes[0] + min(n, 200) - 1, min(n, 200)), _MANY)
    elif expr.is_Mul:
        size = math.prod(sizes)
    else:
        size = max(sizes, default=1)
    return min(size, _MANY)


def highest_degree(expr: Any) -> int:
    """The highest power that a polynomial in the roots of `expr` has: 3 for `a**(3/7)`, a polynomial in `a**(1/7)`.

    A sum in an exponent counts by its terms: `a**(n + 3/7)` is `a**n a**(3/7)` to whoever works with it.

    >>> a, n = sympy.symbols("a n")
    >>> [highest_degree(a ** (n + sympy.Rational(*r))) for r in ((3, 7), (123456789, 10**9))]
    [3, 123456789]
    """
    powers = (
        sympy.Pow(power.base, term, evaluate=False)
        for power in expr.atoms(sympy.Pow)
        for term in sympy.Add.make_args(power.exp.expand())
    )
    return max((abs(int(decompose_power(power)[1])) for power in powers), default=1)


def has_long_roots(expr: Any) -> bool:
    """Whether a high root of something with numbers in it stands in `expr`: to draw it out of them takes for ever.

    >>> a = sympy.Symbol("a", positive=True)
    >>> [has_long_roots((1 + 1 / (360 * a)) ** sympy.Rational(1, q)) for q in (2, 10**9)]
    [False, True]
    """
    return any(
        power.exp.is_Rational and power.exp.q > MAX_ROOT and any(n.q != 1 or abs(n.p) > 1 for n in numbers)
        for power in expr.atoms(sympy.Pow)
        if (numbers := power.base.atoms(sympy.Rational))
    )


def check_number(value: Any) -> None:
    """Refuse a number that floating point cannot hold, and numbers like that inside an expression."""
    for number in value.atoms(sympy.Rational):
        if max(abs(number.p), number.q) > 10 ** (MAX_DIGITS + 60):
            raise InputError(f"ScalingLaw needs numbers between 1e-300 and 1e300; got {shortened(number)}.")
    if value.is_number and value != 0:
        size = abs(sympy.N(value, 15))
        if not (size.is_Float and 10**-MAX_DIGITS < size < 10**MAX_DIGITS):
            raise InputError(f"ScalingLaw needs real numbers between 1e-300 and 1e300; got {shortened(value)}.")


def check_exponent(value: Any) -> None:
    """Refuse an exponent that is too large, too long to factor, or so small that it stands for none."""
    check_size(value, "exponents", most=MAX_PIECES // 4)
    size = abs(float(value)) if value.is_number else 1.0
    long = any(max(abs(n.p), n.q) > 10**60 for n in value.atoms(sympy.Rational))
    if long or size > MAX_EXPONENT or 0 < size < SMALLEST_EXPONENT:
        raise InputError(
            f"ScalingLaw needs exponents of at most {MAX_EXPONENT} and, but for 0, of at least {SMALLEST_EXPONENT:g}, "
            f"of at most 60 digits; got {shortened(value)}. Round it."
        )


def check_size(value: Any, what: str, *, most: int = MAX_PIECES) -> None:
    """Refuse an expression in names that cannot be factored quickly; numbers pass."""
    if value.is_number:
        return
    size, degree = expanded_size(value), highest_degree(value)
    if size > most or degree > MAX_DEGREE or len(value.free_symbols) > 12:
        raise InputError(
            f"ScalingLaw needs {what} of at most {most} products of names to powers of at most {MAX_DEGREE}; "
            f"got {shortened(value)}. Put one name in its place."
        )


def shortened(value: Any, length: int = 60) -> str:
    """`value` as text of at most `length` characters."""
    if getattr(value, "is_Rational", False) and max(abs(value.p), value.q) > 10**length:
        return str(sympy.N(value, 6))
    text = str(value)
    return text if len(text) <= length else text[: length - 3] + "..."
