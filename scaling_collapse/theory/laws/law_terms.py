"""From an expression to the terms of a law: power laws with logarithms, and powers of sums of power laws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sympy

from ...common import InputError
from .exact_arithmetic import exact_power, positive_symbols, power
from .law_bounds import check_exponent, check_size, shortened
from .law_parsing import P, T
from .term import PowerOfSum, Term

__all__ = ["Exponents", "LawTerms", "PowerLaws", "collect_terms", "merge"]

MAX_TERMS = 64
MAX_WHOLE_POWER = 12


class Exponents(NamedTuple):
    """Of `t^-mu p^-nu (ln t)^log_t (ln p)^log_p`."""

    mu: Any
    nu: Any
    log_t: Any = sympy.S.Zero
    log_p: Any = sympy.S.Zero

    def times(self, other: Exponents) -> Exponents:
        """Of the product."""
        return Exponents(*(one + two for one, two in zip(self, other, strict=True)))

    def to_the(self, exponent: Any) -> Exponents:
        """Of the power."""
        return Exponents(*(one * exponent for one in self))


NONE = Exponents(sympy.S.Zero, sympy.S.Zero)

PowerLaws = dict[Exponents, Any]


@dataclass(frozen=True)
class LawTerms:
    """A sum of power laws, `{Exponents: a}`, and powers of such sums."""

    sum: PowerLaws
    powers: tuple[PowerOfSum, ...] = field(default=())


def collect_terms(expr: sympy.Expr) -> LawTerms:
    """The terms of an expression; products and whole powers are expanded.

    Raises
    ------
    InputError
        If some part is neither a sum of power laws nor a power of one; the message names it.

    Examples
    --------
    >>> t, p = sympy.symbols("t p")
    >>> collect_terms((t**-1 + p**-1) ** 2).sum[Exponents(1, 1)]
    2
    >>> collect_terms(sympy.sqrt(t**-1 + p**-1)).powers[0].exponent
    1/2
    """
    return _collect(positive_symbols(expr))


def _collect(expr: Any) -> LawTerms:
    if not expr.free_symbols & {T, P}:
        return LawTerms({NONE: expr})
    if expr == T:
        return LawTerms({NONE._replace(mu=sympy.S.NegativeOne): sympy.S.One})
    if expr == P:
        return LawTerms({NONE._replace(nu=sympy.S.NegativeOne): sympy.S.One})
    if isinstance(expr, sympy.Add):
        parts = [_collect(part) for part in expr.args]
        summed = merge([item for part in parts for item in part.sum.items()], expr)
        return LawTerms(summed, tuple(one for part in parts for one in part.powers))
    if isinstance(expr, sympy.Mul):
        product = _collect(expr.args[0])
        for factor in expr.args[1:]:
            product = _multiply(product, _collect(factor), expr)
        return product
    if isinstance(expr, sympy.Pow) and not expr.exp.free_symbols & {T, P}:
        return _raise_to(_collect(expr.base), expr.exp, expr)
    if isinstance(expr, sympy.log):
        return _logarithm(_collect(expr.args[0]), expr)
    raise _refusal(expr)


def _logarithm(argument: LawTerms, whole: Any) -> LawTerms:
    """`log(a t^m p^n) = log a + m log t + n log p`."""
    if argument.powers or len(argument.sum) != 1:
        raise _refusal(whole)
    ((exponents, a),) = argument.sum.items()
    if exponents.log_t != 0 or exponents.log_p != 0 or not a.is_positive:
        raise _refusal(whole)
    logs = [
        (NONE, sympy.log(a)),
        (NONE._replace(log_t=sympy.S.One), -exponents.mu),
        (NONE._replace(log_p=sympy.S.One), -exponents.nu),
    ]
    return LawTerms(merge(logs, whole))


def _raise_to(base: LawTerms, exponent: Any, whole: Any) -> LawTerms:
    if base.powers:
        raise _refusal(whole)
    if len(base.sum) == 1:
        ((exponents, a),) = base.sum.items()
        if not (exponent.is_integer or a.is_positive):
            raise _refusal(whole)
        return LawTerms({exponents.to_the(exponent): exact_power(a, exponent)})
    if not (exponent.is_Integer and 0 < int(exponent) <= MAX_WHOLE_POWER):
        return LawTerms({}, (_power_of_sum(base.sum, exponent, whole),))
    result = base
    for _ in range(int(exponent) - 1):
        result = _multiply(result, base, whole)
    return result


def _power_of_sum(base: PowerLaws, exponent: Any, whole: Any) -> PowerOfSum:
    bare = all(e.log_t == e.log_p == 0 and not (e.mu == e.nu == 0) for e in base)
    if not (bare and exponent.is_positive and all(a.is_positive for a in base.values())):
        raise InputError(
            "ScalingLaw needs a power > 0 of a sum of power laws with coefficients > 0, without a constant or a "
            f"logarithm in it; got the part {shortened(whole)!r}. Write it in another way or leave it out."
        )
    check_exponent(exponent)
    return PowerOfSum(parts=tuple(Term(a, e.mu, e.nu) for e, a in base.items()), exponent=exponent)


def _multiply(left: LawTerms, right: LawTerms, whole: Any) -> LawTerms:
    if left.powers and right.powers:
        raise _refusal(whole)
    products = [(e1.times(e2), a1 * a2) for e1, a1 in left.sum.items() for e2, a2 in right.sum.items()]
    scaled = [
        _scaled(one, e, a, whole)
        for powers, factors in ((left.powers, right.sum), (right.powers, left.sum))
        for one in powers
        for e, a in factors.items()
    ]
    return LawTerms(merge(products, whole), tuple(scaled))


def _scaled(one: PowerOfSum, e: Exponents, a: Any, whole: Any) -> PowerOfSum:
    """`a t^-mu p^-nu S^c = (a^(1/c) t^(-mu/c) p^(-nu/c) S)^c`."""
    if e.log_t != 0 or e.log_p != 0 or not a.is_positive:
        raise _refusal(whole)
    root = 1 / one.exponent
    parts = (Term(part.a * power(a, root), part.mu + e.mu * root, part.nu + e.nu * root) for part in one.parts)
    return PowerOfSum(parts=tuple(parts), exponent=one.exponent)


def merge(items: list[tuple[Exponents, Any]], whole: Any) -> PowerLaws:
    """Add the coefficients of equal exponents (equal after cancelling); drop those that add up to zero."""
    canonical: dict[tuple[Any, ...], Exponents] = {}
    merged: PowerLaws = {}
    for exponents, a in items:
        for e in exponents:
            check_size(e, "exponents", most=16)
        key = tuple(e if e.is_Rational else sympy.cancel(e) for e in exponents)
        kept = canonical.setdefault(key, exponents)
        merged[kept] = merged.get(kept, sympy.S.Zero) + a
    merged = {k: a for k, a in merged.items() if a != 0}
    if len(merged) > MAX_TERMS:
        raise InputError(
            f"ScalingLaw needs at most {MAX_TERMS} terms; got {len(merged)} by expanding {shortened(whole)}. "
            "Keep the terms that matter."
        )
    return merged


def _refusal(part: Any) -> InputError:
    return InputError(
        f"ScalingLaw needs a sum of power laws a*t**-mu*p**-nu; got the part {shortened(part)!r}. "
        "Expand it into power laws or leave it out."
    )
