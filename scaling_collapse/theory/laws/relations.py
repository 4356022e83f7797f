"""Conditions on exponents that a person can read: `mu*nu > m*nu + mu*n`, not `m*nu + mu*n - mu*nu < 0`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy

from .exact_arithmetic import factored, sign

__all__ = ["all_of", "branches_of", "positive", "readable", "tidy"]


def positive(expr: Any) -> Any:
    """The relation `expr > 0`: true or false where decided, else its positive part against its negative part.

    >>> mu, nu = sympy.symbols("mu nu", positive=True)
    >>> positive(mu - nu), positive(2 * mu - 1), positive(mu + nu)
    (mu > nu, mu > 1/2, True)
    """
    decided = sign(expr)
    if decided is not None:
        return sympy.true if decided == 1 else sympy.false
    numerator, denominator = sympy.fraction(factored(expr))
    if sign(denominator) == -1:
        numerator, denominator = -numerator, -denominator
    if sign(numerator) is not None:
        return positive(sign(numerator) * denominator)
    if sign(denominator) != 1:
        return sympy.Gt(numerator / denominator, 0)
    numerator = sympy.expand(numerator)
    symbols = list(numerator.free_symbols)
    if len(symbols) == 1 and numerator.is_polynomial(*symbols) and sympy.degree(numerator, symbols[0]) == 1:
        slope = numerator.coeff(symbols[0])
        relation = sympy.Gt if sign(slope) == 1 else sympy.Lt
        return relation(symbols[0], -numerator.subs(symbols[0], 0) / slope)
    parts = sympy.Add.make_args(numerator)
    down = [part for part in parts if part.could_extract_minus_sign()]
    return sympy.Gt(sympy.Add(*(part for part in parts if part not in down)), -sympy.Add(*down))


def all_of(conditions: Iterable[Any]) -> Any:
    """All conditions together; bounds of one symbol by numbers are merged, to false where they contradict.

    >>> mu = sympy.Symbol("mu", positive=True)
    >>> all_of([mu > 1, mu > 2, mu < 3]), all_of([mu > 1, mu < 1])
    ((mu > 2) & (mu < 3), False)
    """
    kept: list[Any] = []
    bounds: dict[tuple[Any, type], Any] = {}
    for condition in conditions:
        if isinstance(condition, sympy.Gt | sympy.Lt) and condition.lhs.is_Symbol and condition.rhs.is_number:
            key, tighter = (
                (condition.lhs, type(condition)),
                sympy.Max if isinstance(condition, sympy.Gt) else sympy.Min,
            )
            bounds[key] = tighter(bounds.get(key, condition.rhs), condition.rhs)
        else:
            kept.append(condition)
    for (symbol, relation), bound in bounds.items():
        if relation is sympy.Gt and bounds.get((symbol, sympy.Lt), sympy.oo) <= bound:
            return sympy.false
        kept.append(relation(symbol, bound))
    return sympy.And(*kept)


def branches_of(branches: Sequence[tuple[Any, Any]]) -> Any:
    """`(value, condition)` pairs as a Piecewise, nan elsewhere; 0 where all values are.

    Left to itself sympy joins the conditions of equal values, which takes minutes where there are many.
    """
    values = [value for value, _ in branches]
    if values and all(value == 0 for value in values):
        return sympy.S.Zero
    few = len(values) <= 3 or len(set(values)) == len(values)
    return sympy.Piecewise(*branches, (sympy.nan, True), evaluate=few)


def tidy(expr: Any) -> Any:
    """The shorter of `expr` and its factored form."""
    return expr if expr.is_number else min(expr, factored(expr), key=sympy.count_ops)


def readable(expr: Any) -> Any:
    """`expr` for people: simple fractions stay, other numbers become decimals of at most six digits.

    Simple is a denominator of at most 12, or two digits above and below where the decimals would never end.

    >>> readable(sympy.Rational(119, 775) * sympy.Symbol("x")), readable(sympy.Rational(17, 14))
    (0.153548*x, 17/14)
    >>> readable(sympy.Rational(7, 25))
    0.28
    """
    if isinstance(expr, sympy.Eq):  # an equation stays one where rounding decides it
        return sympy.Eq(readable(expr.lhs), readable(expr.rhs), evaluate=False)
    long = {n for n in expr.atoms(sympy.Rational) if not _simple(n)}
    return expr.xreplace({n: sympy.Float(f"{float(n):.6g}", "") for n in long | expr.atoms(sympy.Float)})


def _simple(n: sympy.Rational) -> bool:
    if n.q == 1:
        return abs(n.p) <= 10**6
    ends = 10**6 % n.q == 0
    return abs(n.p) <= 99 and (n.q <= 12 or (n.q <= 99 and not ends))
