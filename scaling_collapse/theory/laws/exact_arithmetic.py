"""Exact numbers and decided signs: whether two exponents are equal is the question on which collapse turns.

Numbers become rationals, so that `0.1 + 0.2` equals `0.3`; signs of symbolic expressions are decided where the
positivity of the symbols settles them, and stay undecided (None) where it does not.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from numbers import Real
from typing import Any, TypeAlias

import sympy

from ...common import InputError

__all__ = ["TIE", "ExprLike", "exact_number", "positive_symbols", "power", "sign"]

ExprLike: TypeAlias = str | float | Real | sympy.Expr

# Two numeric exponents closer than this are one: float input carries rounding, and no ladder sees p^1e-12.
TIE = 1e-12


def exact_number(value: Any) -> sympy.Expr:
    """The rational that a number stands for: a simple one within rounding (denominator to 10^5) or its decimals.

    >>> exact_number(1 - 1 / 1.2)
    1/6
    """
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > 1e300:
        raise InputError(f"ScalingLaw needs finite numbers; got {number}. Give numbers between -1e300 and 1e300.")
    if isinstance(value, int):
        return sympy.Integer(value)
    exact = value if isinstance(value, Fraction) else Fraction(repr(number))
    simple = exact.limit_denominator(10**5)
    if abs(simple - exact) <= 4 * Fraction(math.ulp(number)):
        exact = simple
    return sympy.Rational(exact.numerator, exact.denominator)


def positive_symbols(expr: Any) -> Any:
    """`expr` with every symbol made positive (by name) and every float made rational."""
    replacements: dict[Any, Any] = {s: sympy.Symbol(s.name, positive=True) for s in expr.free_symbols}
    replacements |= {number: exact_number(number) for number in expr.atoms(sympy.Float)}
    return expr.xreplace(replacements)


@lru_cache(maxsize=4096)
def sign(expr: sympy.Expr) -> int | None:
    """-1, 0 or 1 where it is decided for all positive values of the symbols, else None; `TIE` counts as 0.

    >>> mu, nu = sympy.symbols("mu nu", positive=True)
    >>> sign(mu + nu), sign((mu + nu) / mu - nu / mu - 1), sign(mu - nu)
    (1, 0, None)
    """
    if not expr.free_symbols:
        value = float(expr)
        return 0 if abs(value) <= TIE else int(math.copysign(1, value))
    if expr.is_positive:
        return 1
    if expr.is_negative:
        return -1
    reduced = sympy.factor(expr)
    if reduced.is_zero:
        return 0
    return 1 if reduced.is_positive else -1 if reduced.is_negative else None


def power(base: Any, exponent: Any) -> Any:
    """`base**exponent`, exact where that stays readable, else to 30 digits: exact powers can be huge."""
    if not (base.is_number and exponent.is_number):
        return base**exponent
    short = base.is_Rational and exponent.is_Rational and max(abs(base.p), base.q) <= 10**4
    if base == 1 or exponent == 1 or (short and abs(exponent.p) <= 8 and exponent.q <= 4):
        return base**exponent
    return sympy.N(base, 30) ** sympy.N(exponent, 30)
