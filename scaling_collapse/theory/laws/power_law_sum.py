r"""A loss that is a sum of power laws in tokens and parameters: the expression that all derivations start from.

.. math:: L(t, p) = L_0 + \sum_i a_i\, t^{-\mu_i}\, p^{-\nu_i}

| symbol | meaning |
|---|---|
| `t`, `p` | tokens seen, parameters; both > 0 |
| `L0` | irreducible loss, any real number |
| `a_i` | coefficient, > 0 |
| `mu_i`, `nu_i` | how fast the term falls with tokens and with parameters |

A single exponent may be negative (a term that grows with `p` at fixed `t`, as the forcing of phase Ic does). The
rule is that some way of growing, `t ~ p^gamma` with `0 < gamma < inf`, makes every term fall: otherwise no amount
of compute reaches `L0` and there is nothing to scale towards.

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any, Self

import numpy as np
import sympy
from numpy.typing import ArrayLike
from sympy import Expr

from ...common import Array, InputError, Result, plain
from .exact_arithmetic import ExprLike, exact_number, positive_symbols
from .law_parsing import RESERVED, P, T, collect_power_laws, merge, parse_expression

__all__ = ["PowerLawSum", "Term", "as_expr"]


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
    """One power law `a t^-mu p^-nu`.

    Parameters
    ----------
    a
        Coefficient, > 0.
    mu, nu
        Exponents in tokens and in parameters, not both <= 0.

    Raises
    ------
    InputError
        If `a` is not positive or the term falls in neither `t` nor `p`. Where a sign depends on the symbols it
        is taken to be the one needed.

    Examples
    --------
    >>> Term("a", "mu", 0).expr
    a/t**mu
    """

    a: Expr
    mu: Expr
    nu: Expr

    def __init__(self, a: ExprLike, mu: ExprLike, nu: ExprLike) -> None:
        for name, value in (("a", a), ("mu", mu), ("nu", nu)):
            expr = as_expr(value)
            if expr.free_symbols & {T, P} or expr.is_extended_real is False or expr.is_finite is False:
                raise InputError(f"Term needs a real `{name}` without t and p; got {expr}.")
            object.__setattr__(self, name, expr)
        if self.a.is_positive is False:
            raise InputError(f"Term needs a coefficient > 0; got {self.a} in {self.expr}. Change its sign.")
        if self.mu.is_nonpositive and self.nu.is_nonpositive:
            raise InputError(
                f"Term needs to fall with t or with p; got {self.expr}. Give it a negative power of t or of p."
            )

    @property
    def expr(self) -> Expr:
        """`a t^-mu p^-nu` as a sympy expression."""
        return self.a * T**-self.mu * P**-self.nu

    def delta(self, gamma: Expr) -> Expr:
        """`nu + gamma mu`: the term falls as `p^-delta` along `t ~ p^gamma`."""
        return self.nu + gamma * self.mu


@dataclass(frozen=True, init=False)
class PowerLawSum(Result):
    """The sum itself, with symbols or numbers; see `ScalingLaw`, which adds what follows from it."""

    L0: Expr
    terms: tuple[Term, ...]

    def __init__(
        self,
        law: str | Expr | None = None,
        *,
        terms: Iterable[Term] | None = None,
        L0: ExprLike = 0,
    ) -> None:
        if (law is None) == (terms is None):
            raise InputError("ScalingLaw needs either a law or terms=; got both or neither.")
        if terms is not None:
            given = [((term.mu, term.nu), term.a) for term in terms]
            power_laws = merge(given, "terms")
            offset = as_expr(L0)
        else:
            power_laws = collect_power_laws(as_expr(law))  # type: ignore[arg-type]
            offset = power_laws.pop((sympy.S.Zero, sympy.S.Zero), sympy.S.Zero)
            power_laws = dict(sorted(power_laws.items(), key=_reading_order))
        if offset.free_symbols & {T, P} or offset.is_extended_real is False or offset.is_finite is False:
            raise InputError(f"ScalingLaw needs a real L0 without t and p; got {offset}.")
        object.__setattr__(self, "L0", offset)
        object.__setattr__(self, "terms", tuple(Term(a, mu, nu) for (mu, nu), a in power_laws.items()))
        self._check_falls()

    def _check_falls(self) -> None:
        if not self.terms:
            raise InputError(f"ScalingLaw needs at least 1 term in t or p; got {self.L0}. Add one.")
        if not self.numeric_exponents:
            return
        mu, nu = (np.array([float(getattr(term, name)) for term in self.terms]) for name in ("mu", "nu"))
        if not _falls_somewhere(mu, nu):
            raise InputError(
                "ScalingLaw needs some growth t ~ p^gamma, 0 < gamma < inf, along which every term falls; "
                f"got {self.expr}. Check the signs of its exponents."
            )

    def headline(self) -> str:
        """The law."""
        return f"{type(self).__name__}: L(t, p) = {self.expr}"

    def lines(self) -> list[tuple[str, str]]:
        """The irreducible loss, and every term."""
        return [("L0", str(self.L0)), *((f"term {i}", str(term.expr)) for i, term in enumerate(self.terms, start=1))]

    def to_json(self) -> dict[str, Any]:
        """The law, and its exact numbers as text."""
        return plain({"law": self.expr, "L0": self.L0, "terms": self.terms})

    @property
    def expr(self) -> Expr:
        """The law as a sympy expression in the positive symbols `t` and `p`."""
        return sympy.Add(self.L0, *(term.expr for term in self.terms))

    @property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The symbols other than `t` and `p`."""
        return frozenset(self.expr.free_symbols - {T, P})  # type: ignore[arg-type]

    @property
    def numeric(self) -> bool:
        """Whether every coefficient, exponent and `L0` is a number."""
        return not self.free_symbols

    @property
    def numeric_exponents(self) -> bool:
        """Whether every `mu` and `nu` is a number, so that every question about collapse is decided."""
        return not any(e.free_symbols for term in self.terms for e in (term.mu, term.nu))

    @property
    def assumptions(self) -> tuple[Any, ...]:
        """Relations `a_i > 0` that the positivity of the symbols does not settle and that the law assumes."""
        return tuple(sympy.Gt(term.a, 0) for term in self.terms if not term.a.is_positive)

    def subs(self, values: Mapping[Any, ExprLike]) -> Self:
        """The law with symbols (or their names) replaced by numbers or expressions; equal exponents merge.

        >>> PowerLawSum("L0 + a*t**-mu + b*p**-nu").subs({"L0": 0, "mu": 0.5}).expr
        a/sqrt(t) + b/p**nu
        """
        named = {getattr(key, "name", key): as_expr(value) for key, value in values.items()}
        known = {symbol.name for symbol in self.free_symbols}
        unknown = [str(name) for name in named if name not in known]
        if unknown:
            raise InputError(
                f"ScalingLaw.subs needs symbols of the law ({', '.join(sorted(known)) or 'it has none'}); "
                f"got {', '.join(unknown)}."
            )
        replace = {sympy.Symbol(name, positive=True): value for name, value in named.items()}

        def put(expr: Expr) -> Expr:
            return positive_symbols(expr.subs(replace, simultaneous=True))  # type: ignore[arg-type]

        offset, kept = put(self.L0), []
        for term in self.terms:
            a, mu, nu = put(term.a), put(term.mu), put(term.nu)
            if mu == 0 and nu == 0:
                offset += a
            else:
                kept.append(Term(a, mu, nu))
        return type(self)(terms=kept, L0=offset)

    @cached_property
    def arrays(self) -> tuple[float, Array, Array, Array]:
        """`L0, a, mu, nu` as floats, arrays of shape (terms,); for numeric laws."""
        if not self.numeric:
            names = ", ".join(sorted(symbol.name for symbol in self.free_symbols))
            raise InputError(f"ScalingLaw needs numbers for this; got the symbols {names}. Use subs first.")
        columns = [[float(getattr(term, name)) for term in self.terms] for name in ("a", "mu", "nu")]
        a, mu, nu = (np.array(column, dtype=np.float64) for column in columns)
        return float(self.L0), a, mu, nu

    def __call__(self, t: ArrayLike, p: ArrayLike) -> Array:
        """`L(t, p)` of a numeric law; `t` and `p` broadcast against each other."""
        L0, a, mu, nu = self.arrays
        t, p = np.broadcast_arrays(np.asarray(t, dtype=np.float64), np.asarray(p, dtype=np.float64))
        if not ((t > 0).all() and (p > 0).all()):
            raise InputError(f"ScalingLaw needs t > 0 and p > 0; got {np.min(t):g} and {np.min(p):g}.")
        return L0 + (a * t[..., None] ** -mu * p[..., None] ** -nu).sum(axis=-1)


def _reading_order(item: tuple[tuple[Expr, Expr], Expr]) -> tuple[Any, ...]:
    """Terms in `t` alone first, mixed ones next, terms in `p` alone last."""
    mu, nu = item[0]
    return (mu == 0) - (nu == 0), sympy.default_sort_key(-mu), sympy.default_sort_key(nu)


def _falls_somewhere(mu: Array, nu: Array) -> bool:
    """Whether some `theta = gamma/(1 + gamma)` in [0, 1] makes every `theta mu_i + (1 - theta) nu_i` positive."""
    slope = mu - nu
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = (nu[None, :] - nu[:, None]) / (slope[:, None] - slope[None, :])
    theta = np.concatenate([[0.0, 1.0], crossings[(crossings > 0) & (crossings < 1)]])
    return bool((nu + theta[:, None] * slope).min(axis=-1).max() > 1e-15)
