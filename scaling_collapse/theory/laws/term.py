r"""The parts of a law: a power law, perhaps with logarithms, and a power of a sum of power laws.

.. math:: a\, t^{-\mu}\, p^{-\nu}\, (\ln t)^j\, (\ln p)^k, \qquad \Big(\sum_i a_i\, t^{-\mu_i}\, p^{-\nu_i}\Big)^c
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import sympy
from sympy import Expr

from ...common import InputError, Result
from .exact_arithmetic import ExprLike, exact_number, positive_symbols, power
from .law_bounds import check_exponent, check_number, check_size
from .law_parsing import RESERVED, P, T, parse_expression

__all__ = ["PowerOfSum", "Term", "as_expr"]


def as_expr(value: ExprLike, *, reserved: frozenset[str] = RESERVED) -> Expr:
    """A number, string or sympy expression as a sympy expression: symbols positive, numbers exact."""
    if isinstance(value, str):
        return parse_expression(value, reserved=reserved)
    if isinstance(value, Expr):
        return positive_symbols(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        return exact_number(value)
    raise InputError(f"ScalingLaw needs numbers, strings or sympy expressions; got {type(value).__name__}.")


@dataclass(frozen=True, init=False)
class Term(Result):
    """One power law `a t^-mu p^-nu`, perhaps with logarithms: `a t^-mu p^-nu (ln t)^log_t (ln p)^log_p`.

    Parameters
    ----------
    a
        Coefficient, not 0. A negative one is for a term that others outlive: see `PowerLawSum`.
    mu, nu
        Exponents in tokens and in parameters, not both <= 0.
    log_t, log_p
        Powers of `ln t` and `ln p`.

    Raises
    ------
    InputError
        If `a` is 0 or the term falls in neither `t` nor `p`. Where a sign depends on the symbols it is taken to be
        the one needed.

    Examples
    --------
    >>> Term("a", "mu", 0).expr
    a/t**mu
    >>> Term("a", "mu", 0, log_t=1)
    Term(a=a, mu=mu, nu=0, log_t=1)
    """

    a: Expr
    mu: Expr
    nu: Expr
    log_t: Expr
    log_p: Expr

    def __init__(
        self, a: ExprLike, mu: ExprLike, nu: ExprLike, log_t: ExprLike = 0, log_p: ExprLike = 0
    ) -> None:  # fmt: skip
        for name, value in (("a", a), ("mu", mu), ("nu", nu), ("log_t", log_t), ("log_p", log_p)):
            expr = as_expr(value)
            if expr.free_symbols & {T, P} or expr.is_extended_real is False or expr.is_finite is False:
                raise InputError(f"Term needs a real `{name}` without t and p; got {expr}.")
            object.__setattr__(self, name, expr)
        check_number(self.a)
        check_size(self.a, "coefficients")
        for exponent in (self.mu, self.nu, self.log_t, self.log_p):
            check_exponent(exponent)
        if self.a.is_zero:
            raise InputError(f"Term needs a coefficient other than 0; got {self.a}. Leave the term out.")
        if self.mu.is_nonpositive and self.nu.is_nonpositive:
            raise InputError(
                f"Term needs to fall with t or with p; got {self.expr}. Give it a negative power of t or of p."
            )

    def __repr__(self) -> str:
        return f"Term({', '.join(f'{name}={value}' for name, value in self._shown().items())})"

    def to_json(self) -> dict[str, Any]:
        """Coefficient and exponents as text; powers of logarithms where there are any."""
        return {name: str(value) for name, value in self._shown().items()}

    def _shown(self) -> dict[str, Expr]:
        logs = {name: value for name, value in (("log_t", self.log_t), ("log_p", self.log_p)) if value != 0}
        return {"a": self.a, "mu": self.mu, "nu": self.nu, **logs}

    @property
    def expr(self) -> Expr:
        """The term as a sympy expression."""
        logs = sympy.log(T) ** self.log_t * sympy.log(P) ** self.log_p
        return self.a * T**-self.mu * P**-self.nu * logs

    @property
    def logs(self) -> Expr:
        """`log_t + log_p`: along `t ~ p^gamma` the term has this power of `ln p`."""
        return self.log_t + self.log_p

    @property
    def has_logs(self) -> bool:
        """Whether it has a logarithm."""
        return bool(self.log_t != 0 or self.log_p != 0)

    def delta(self, gamma: Expr) -> Expr:
        """`nu + gamma mu`: the term falls as `p^-delta` along `t ~ p^gamma`."""
        return self.nu + gamma * self.mu


@dataclass(frozen=True, kw_only=True)
class PowerOfSum(Result):
    """`(sum_i parts_i)^exponent`: it falls as its slowest part does, and where parts balance it is one curve.

    Parameters
    ----------
    parts
        Power laws without logarithms, coefficients > 0, at least 2.
    exponent
        > 0, and no small whole number: those are multiplied out.
    """

    parts: tuple[Term, ...]
    exponent: Expr

    @property
    def expr(self) -> Expr:
        """The power as a sympy expression."""
        return sympy.Add(*(part.expr for part in self.parts)) ** self.exponent

    @property
    def terms(self) -> tuple[Term, ...]:
        """Each part raised alone: what the whole is like where that part is the slowest."""
        c = self.exponent
        return tuple(Term(power(part.a, c), c * part.mu, c * part.nu) for part in self.parts)
