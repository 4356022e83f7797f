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
from .law_bounds import MAX_DIGITS, MAX_ROOT, expanded_size, has_long_roots, highest_degree

__all__ = [
    "TIE",
    "ExprLike",
    "exact_number",
    "exact_power",
    "factored",
    "positive_symbols",
    "power",
    "recognized",
    "sign",
]

ExprLike: TypeAlias = str | float | Real | sympy.Expr

# Two numeric exponents closer than this are one: float input carries rounding, and no ladder sees p^1e-12.
TIE = 1e-12

# Beyond these, factoring takes seconds to hours; what is not factored is longer, and as true.
MOST_PRODUCTS = 400
MOST_POWERS = 60
MOST_PRODUCTS_OF_SURDS, MOST_POWERS_OF_SURDS = 40, 4


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
def factored(expr: sympy.Expr) -> sympy.Expr:
    """`expr` factored over the rationals; as it is where that would take long.

    >>> a = sympy.Symbol("a", positive=True)
    >>> factored(a**2 + 2 * a + 1), factored(a ** sympy.Rational(99999, 100000) + a)
    ((a + 1)**2, a**(99999/100000) + a)
    """
    surds = any(power.is_number for power in expr.atoms(sympy.Pow) if not power.is_Rational)
    products, powers = (MOST_PRODUCTS, MOST_POWERS) if not surds else (MOST_PRODUCTS_OF_SURDS, MOST_POWERS_OF_SURDS)
    if expanded_size(expr) > products or highest_degree(expr) > powers or has_long_roots(expr):
        return expr
    try:
        return sympy.factor(expr)  # type: ignore[return-value]
    except sympy.PolynomialError:  # of what is no polynomial in roots, like a sum in an exponent
        return expr


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
    reduced = factored(expr)
    if reduced.is_zero:
        return 0
    return 1 if reduced.is_positive else -1 if reduced.is_negative else None


def power(base: Any, exponent: Any) -> Any:
    """`base**exponent`, exact where that stays readable, else to 30 digits: exact powers can be huge."""
    if not base.is_number:
        return _rooted(base, exponent, lambda number: power(number, exponent))
    if not exponent.is_number:
        return base**exponent
    short = base.is_Rational and exponent.is_Rational and max(abs(base.p), base.q) <= 10**4
    if base == 1 or exponent == 1 or (short and abs(exponent.p) <= 8 and exponent.q <= 4):
        return base**exponent
    return sympy.N(base, 30) ** sympy.N(exponent, 30)


def exact_power(base: Any, exponent: Any) -> Any:
    """`base**exponent`, exact as far as that can be formed: `12**0.712345678` has a root of 10^8 digits.

    >>> t = sympy.Symbol("t", positive=True)
    >>> exact_power(12 * t, sympy.Rational(1, 3))
    12**(1/3)*t**(1/3)
    >>> float(exact_power(sympy.Integer(12), sympy.Rational(712345678, 10**9)))
    5.8715...
    """
    return _rooted(base, exponent, lambda number: exact_number(float(number) ** float(exponent)))


def _rooted(base: Any, exponent: Any, round_off: Any) -> Any:
    """`base**exponent`, its numeric factor by `round_off` where its roots are too long."""
    if not exponent.is_Rational or (exponent.is_Integer and abs(exponent) <= 100):
        return base**exponent
    number, rest = _number_of(base)
    if number == 1:
        return base**exponent
    if number.is_Rational and abs(exponent) * math.log10(max(abs(number.p), number.q)) <= MAX_DIGITS:
        small = max(abs(number.p), number.q, abs(exponent.p)) <= 10**6 and exponent.q <= MAX_ROOT
        if small or (exponent.q <= 12 and abs(exponent) <= 100):
            return base**exponent
    return round_off(number) * rest**exponent


def _number_of(base: Any) -> tuple[Any, Any]:
    """The number that `base` is a multiple of, and of what; `a/7 + 1/7` and its inverse are multiples, too."""
    content, primitive = base.as_content_primitive()
    factors = sympy.Mul.make_args(primitive)
    numbers, others = [f for f in factors if f.is_number], [f for f in factors if not f.is_number]
    return sympy.Mul(content, *numbers), sympy.Mul(*others)


def recognized(expr: Any) -> Any:
    """`expr` with 30-digit numbers that are fractions (denominator to 10^4) written as such.

    >>> recognized(sympy.Float("0.428571428571428571428571428571", 30) * sympy.Symbol("x"))
    3*x/7
    """
    return expr.xreplace({number: _fraction(number) for number in expr.atoms(sympy.Float)})


def _fraction(number: sympy.Float) -> sympy.Expr:
    exact = Fraction(*map(int, sympy.Rational(number).as_numer_denom()))
    simple = exact.limit_denominator(10**4)
    near = simple != 0 and abs(simple - exact) <= abs(exact) * Fraction(1, 10**24)
    return sympy.Rational(simple.numerator, simple.denominator) if near and number._prec > 90 else number
