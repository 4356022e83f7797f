"""From a string or a sympy expression to a sum of power laws, `{(mu, nu): a}` for `a t^-mu p^-nu`.

Strings are read by a small grammar over Python's own syntax tree (numbers, names, `+ - * / ** ^`, parentheses,
`sqrt`); nothing is ever evaluated as code, and numbers or powers that would not fit are refused before they are
formed.
"""

from __future__ import annotations

import ast
import math
import re
from fractions import Fraction

import sympy

from ...common import InputError
from .exact_arithmetic import exact_number, positive_symbols

__all__ = ["RESERVED", "P", "T", "collect_power_laws", "parse_expression"]

T = sympy.Symbol("t", positive=True)
P = sympy.Symbol("p", positive=True)

# Names that the results use for other things: normalized compute, FLOPs, data exponent, horizon's coefficient.
RESERVED = frozenset({"x", "C", "gamma", "kappa"})

MAX_CHARACTERS = 1000
MAX_TERMS = 64
MAX_EXPONENT = 100
MAX_DIGITS_OF_RESULT = 300
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")

PowerLaws = dict[tuple[sympy.Expr, sympy.Expr], sympy.Expr]


def parse_expression(text: str, *, reserved: frozenset[str] = RESERVED) -> sympy.Expr:
    """The sympy expression that `text` spells; its symbols are positive, its numbers exact; `^` is a power.

    >>> parse_expression("(2*t^-0.5)**2")
    4/t
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"ScalingLaw needs at most {MAX_CHARACTERS} characters; got {len(text)}. Shorten the law.")
    source = text.strip().replace("^", "**")
    try:
        return _convert(ast.parse(source, mode="eval").body, source, reserved)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"ScalingLaw needs a formula such as 'L0 + a*t**-mu + b*p**-nu'; got {_short(text)!r}. "
            "Check its parentheses and operators."
        ) from None


def _convert(node: ast.expr, source: str, reserved: frozenset[str]) -> sympy.Expr:
    if isinstance(node, ast.Constant):
        return _number(ast.get_source_segment(source, node) or "")
    if isinstance(node, ast.Name):
        if node.id in reserved or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", node.id):
            raise InputError(
                f"ScalingLaw needs names of letters, digits and _ other than {', '.join(sorted(reserved))}; "
                f"got {_short(node.id)!r}. Rename it."
            )
        return sympy.Symbol(node.id, positive=True)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        operand = _convert(node.operand, source, reserved)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow):
        left, right = _convert(node.left, source, reserved), _convert(node.right, source, reserved)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left * _safe_power(right, sympy.Integer(-1))
            case _:
                return _safe_power(left, right)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "sqrt" and len(node.args) == 1 and not node.keywords:
        return _safe_power(_convert(node.args[0], source, reserved), sympy.Rational(1, 2))
    raise InputError(
        "ScalingLaw needs numbers, names, + - * / ** ^, parentheses and sqrt; "
        f"got {_short(ast.get_source_segment(source, node) or '')!r}. Write the law with these."
    )


def _number(text: str) -> sympy.Expr:
    digits = text.replace("_", "")
    if not (len(digits) <= 60 and _NUMBER.fullmatch(digits)):
        raise InputError(
            f"ScalingLaw needs decimal numbers of at most 60 digits, such as 0.5 or 1e-3; got {_short(text)!r}."
            " Round it."
        )
    return exact_number(Fraction(digits))


def _safe_power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """`base**exponent`, refused before it is formed if it is not real, not finite or far too large."""
    if exponent.is_number and abs(float(exponent)) > MAX_EXPONENT:
        raise InputError(f"ScalingLaw needs exponents of at most {MAX_EXPONENT}; got {_short(str(exponent))}.")
    if base.is_number and exponent.is_number:
        value, e = float(base), float(exponent)
        if (value == 0 and e < 0) or (value < 0 and not exponent.is_integer):
            raise InputError(f"ScalingLaw needs real, finite powers; got ({base})**({exponent}). Check its sign.")
        if value and abs(e * math.log10(abs(value))) > MAX_DIGITS_OF_RESULT:
            raise InputError(f"ScalingLaw needs numbers below 1e300; got {_short(f'({base})**({exponent})')}.")
    return base**exponent


def collect_power_laws(expr: sympy.Expr) -> PowerLaws:
    """`{(mu, nu): a}` of an expression that is a sum of terms `a t^-mu p^-nu`; products and powers are expanded.

    Raises
    ------
    InputError
        If some part is not a sum of power laws; the message names it.

    Examples
    --------
    >>> collect_power_laws(parse_expression("(t**-0.5 + p**-0.5)**2"))[sympy.S.Half, sympy.S.Half]
    2
    """
    return _collect(positive_symbols(expr))


def _collect(expr: sympy.Expr) -> PowerLaws:
    if not expr.free_symbols & {T, P}:
        return {(sympy.S.Zero, sympy.S.Zero): expr}
    if expr == T:
        return {(sympy.S.NegativeOne, sympy.S.Zero): sympy.S.One}
    if expr == P:
        return {(sympy.S.Zero, sympy.S.NegativeOne): sympy.S.One}
    if isinstance(expr, sympy.Add):
        return merge([item for part in expr.args for item in _collect(part).items()], expr)  # type: ignore[arg-type]
    if isinstance(expr, sympy.Mul):
        product = _collect(expr.args[0])  # type: ignore[arg-type]
        for factor in expr.args[1:]:
            product = _multiply(product, _collect(factor), expr)  # type: ignore[arg-type]
        return product
    if isinstance(expr, sympy.Pow):
        base, exponent = expr.args
        if not exponent.free_symbols & {T, P}:
            return _raise_to(_collect(base), exponent, expr)  # type: ignore[arg-type]
    raise _refusal(expr)


def _raise_to(base: PowerLaws, exponent: sympy.Expr, whole: sympy.Expr) -> PowerLaws:
    if len(base) == 1:
        ((mu, nu), a), *_ = base.items()
        if not (exponent.is_integer or a.is_positive):
            raise _refusal(whole)
        return {(mu * exponent, nu * exponent): a**exponent}
    if not (exponent.is_Integer and 0 < int(exponent) <= 12):
        raise _refusal(whole)
    result = base
    for _ in range(int(exponent) - 1):
        result = _multiply(result, base, whole)
    return result


def _multiply(left: PowerLaws, right: PowerLaws, whole: sympy.Expr) -> PowerLaws:
    products = [((m1 + m2, n1 + n2), a1 * a2) for (m1, n1), a1 in left.items() for (m2, n2), a2 in right.items()]
    return merge(products, whole)


def merge(items: list[tuple[tuple[sympy.Expr, sympy.Expr], sympy.Expr]], whole: sympy.Expr | str) -> PowerLaws:
    """Add the coefficients of equal exponents (equal after cancelling); drop those that add up to zero."""
    canonical: dict[tuple[sympy.Expr, sympy.Expr], tuple[sympy.Expr, sympy.Expr]] = {}
    merged: PowerLaws = {}
    for (mu, nu), a in items:
        key = tuple(e if e.is_Rational else sympy.cancel(e) for e in (mu, nu))
        kept = canonical.setdefault(key, (mu, nu))  # type: ignore[arg-type]
        merged[kept] = merged.get(kept, sympy.S.Zero) + a
    merged = {k: a for k, a in merged.items() if a != 0}
    if len(merged) > MAX_TERMS:
        raise InputError(
            f"ScalingLaw needs at most {MAX_TERMS} terms; got {len(merged)} by expanding {_short(str(whole))}. "
            "Keep the terms that matter."
        )
    return merged


def _refusal(part: sympy.Expr) -> InputError:
    return InputError(
        f"ScalingLaw needs a sum of power laws a*t**-mu*p**-nu; got the part {_short(str(part))!r}. "
        "Expand it into power laws or leave it out."
    )


def _short(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
