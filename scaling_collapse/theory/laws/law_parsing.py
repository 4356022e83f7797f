"""From a string to a sympy expression, by a small grammar over Python's own syntax tree.

Numbers, names, `+ - * / ** ^`, parentheses, `sqrt` and `log`; nothing is ever evaluated as code, and numbers or
powers that would not fit are refused before they are formed.
"""

from __future__ import annotations

import ast
import math
import re
from fractions import Fraction
from typing import Any

import sympy

from ...common import InputError
from .exact_arithmetic import exact_number, exact_power
from .law_bounds import MAX_DIGITS, MAX_EXPONENT, check_number, shortened

__all__ = ["RESERVED", "P", "T", "parse_expression"]

T = sympy.Symbol("t", positive=True)
P = sympy.Symbol("p", positive=True)

# Names that the results use for other things: normalized compute, FLOPs, data exponent, horizon's coefficient.
RESERVED = frozenset({"x", "C", "gamma", "kappa"})

MAX_CHARACTERS = 1000
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


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
            f"ScalingLaw needs a formula such as 'L0 + a*t**-mu + b*p**-nu'; got {shortened(text)!r}. "
            "Check its parentheses and operators."
        ) from None


def _convert(node: ast.expr, source: str, reserved: frozenset[str]) -> sympy.Expr:
    if isinstance(node, ast.Constant):
        return _number(ast.get_source_segment(source, node) or "")
    if isinstance(node, ast.Name):
        if node.id in reserved or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", node.id):
            raise InputError(
                f"ScalingLaw needs names of letters, digits and _ other than {', '.join(sorted(reserved))}; "
                f"got {shortened(node.id)!r}. Rename it."
            )
        return sympy.Symbol(node.id, positive=True)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        operand = _convert(node.operand, source, reserved)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        left, right = _convert(node.left, source, reserved), _convert(node.right, source, reserved)
        result = _OPERATIONS[type(node.op)](left, right)
        check_number(result)
        return result
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        function = _FUNCTIONS.get(ast.unparse(node.func))
        if function is not None:
            return function(_convert(node.args[0], source, reserved))
    raise InputError(
        "ScalingLaw needs numbers, names, + - * / ** ^, parentheses, sqrt and log; "
        f"got {shortened(ast.get_source_segment(source, node) or '')!r}. Write the law with these."
    )


def _number(text: str) -> sympy.Expr:
    digits = text.replace("_", "")
    if not (len(digits) <= 60 and _NUMBER.fullmatch(digits)):
        raise InputError(
            f"ScalingLaw needs decimal numbers of at most 60 digits, such as 0.5 or 1e-3; got {shortened(text)!r}."
            " Round it."
        )
    return exact_number(Fraction(digits))


def _power(base: Any, exponent: Any) -> Any:
    """`base**exponent`, refused before it is formed if it is not real, not finite or far too large."""
    if exponent.is_number and abs(float(exponent)) > MAX_EXPONENT:
        raise InputError(f"ScalingLaw needs exponents of at most {MAX_EXPONENT}; got {shortened(exponent)}.")
    for factor in sympy.Mul.make_args(base):
        if factor.is_number and exponent.is_number:
            value, e = float(factor), float(exponent)
            if (value == 0 and e < 0) or (value < 0 and not exponent.is_integer):
                raise InputError(f"ScalingLaw needs real, finite powers; got ({factor})**({exponent}). Check its sign.")
            if value and abs(e * math.log10(abs(value))) > MAX_DIGITS:
                raise InputError(f"ScalingLaw needs numbers below 1e300; got {shortened(f'({factor})**({exponent})')}.")
        inner = factor.as_base_exp()[1]
        if inner.is_number and exponent.is_number and abs(float(inner * exponent)) > MAX_EXPONENT:
            raise InputError(
                f"ScalingLaw needs exponents of at most {MAX_EXPONENT}; got {shortened(inner * exponent)}."
            )
    return exact_power(base, exponent)


def _logarithm(argument: Any) -> Any:
    if argument.is_number and not float(argument) > 0:
        raise InputError(f"ScalingLaw needs logarithms of what is > 0; got log({argument}). Check its sign.")
    return sympy.log(argument)


_OPERATIONS: dict[type, Any] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left * _power(right, sympy.Integer(-1)),
    ast.Pow: _power,
}
_FUNCTIONS: dict[str, Any] = {
    "sqrt": lambda argument: _power(argument, sympy.Rational(1, 2)),
    "log": _logarithm,
    "ln": _logarithm,
}
