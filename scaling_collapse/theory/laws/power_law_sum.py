r"""A loss that is a sum of power laws in tokens and parameters: the expression that all derivations start from.

.. math:: L(t, p) = L_0 + \sum_i a_i\, t^{-\mu_i}\, p^{-\nu_i}

| symbol | meaning |
|---|---|
| `t`, `p` | tokens seen, parameters; both > 0 |
| `L0` | irreducible loss, any real number |
| `a_i` | coefficient |
| `mu_i`, `nu_i` | how fast the term falls with tokens and with parameters |

A single exponent may be negative (a term that grows with `p` at fixed `t`, as the forcing of phase Ic does). The
rule is that some way of growing, `t ~ p^gamma` with `0 < gamma < inf`, makes every term fall: otherwise no amount
of compute reaches `L0` and there is nothing to scale towards. A coefficient may be negative as long as such a term is
nowhere the slowest: otherwise the loss falls below `L0` for large sizes.

Terms may carry powers of `ln t` and `ln p`, and a law may hold powers of sums, `(sum_i a_i t^-mu_i p^-nu_i)^c`. Such
a power is as large as its parts raised one by one, up to a factor; so each part counts as a term of its own wherever
only the order of sizes matters.

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.1; logarithms and powers of sums are this project's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import sympy
from numpy.typing import ArrayLike
from sympy import Expr

from ...common import Array, InputError, Result, plain
from .exact_arithmetic import TIE, ExprLike, positive_symbols
from .law_bounds import check_number, check_size, shortened
from .law_parsing import P, T
from .law_terms import NONE, Exponents, LawTerms, collect_terms, merge
from .term import PowerOfSum, Term, as_expr

__all__ = ["PowerLawSum"]

MAX_POWERS = 4


@dataclass(frozen=True, init=False)
class PowerLawSum(Result):
    """The sum itself, with symbols or numbers; see `ScalingLaw`, which adds what follows from it."""

    L0: Expr
    terms: tuple[Term, ...]
    powers: tuple[PowerOfSum, ...]

    def __init__(
        self,
        law: str | Expr | None = None,
        *,
        terms: Iterable[Term] | None = None,
        L0: ExprLike = 0,
    ) -> None:
        if terms is not None and law is None:
            given = [(Exponents(term.mu, term.nu, term.log_t, term.log_p), term.a) for term in terms]
            found = LawTerms(merge(given, "terms"))
            offset = as_expr(L0)
        elif law is not None and terms is None:
            found = collect_terms(as_expr(law))
            offset = found.sum.pop(NONE, sympy.S.Zero)
            found = LawTerms(dict(sorted(found.sum.items(), key=_reading_order)), found.powers)
        else:
            raise InputError("ScalingLaw needs either a law or terms=; got both or neither.")
        if offset.free_symbols & {T, P} or offset.is_extended_real is False or offset.is_finite is False:
            raise InputError(f"ScalingLaw needs a real L0 without t and p; got {shortened(offset)}.")
        check_number(offset)
        check_size(offset, "an L0")
        single = tuple(Term(a, *exponents) for exponents, a in found.sum.items())
        object.__setattr__(self, "L0", offset)
        object.__setattr__(self, "terms", sum((power.terms for power in found.powers), single))
        object.__setattr__(self, "powers", found.powers)
        self._check_kinds()
        self._check_falls()
        self._check_stays_positive()

    def __repr__(self) -> str:
        powers = f", powers={self.powers}" if self.powers else ""
        return f"{type(self).__name__}(L0={self.L0}, terms={self.terms}{powers})"

    def _check_kinds(self) -> None:
        if len(self.powers) > MAX_POWERS:
            raise InputError(
                f"ScalingLaw needs at most {MAX_POWERS} powers of sums; got {len(self.powers)}. Keep those that matter."
            )
        if self.powers and self.has_logs:
            raise InputError(
                f"ScalingLaw needs either logarithms or powers of sums; got both in {shortened(self.expr)}. "
                "Leave one of them out."
            )

    def _check_falls(self) -> None:
        if not self.terms:
            raise InputError(f"ScalingLaw needs at least 1 term in t or p; got {shortened(self.L0)}. Add one.")
        if self.numeric_exponents and not _falls_somewhere(*self.exponents[:2]):
            raise InputError(
                "ScalingLaw needs some growth t ~ p^gamma, 0 < gamma < inf, along which every term falls; "
                f"got {shortened(self.expr)}. Check the signs of its exponents."
            )

    def _check_stays_positive(self) -> None:
        """No negative term may be the slowest along any `t ~ p^gamma`: the loss would fall below L0."""
        negative = [k for k, term in enumerate(self.terms) if term.a.is_negative]
        if not (negative and self.numeric_exponents):
            return
        positive = [k for k in range(len(self.terms)) if k not in negative]
        for k in negative:
            if _leads_somewhere(*self.exponents, k, positive):
                raise InputError(
                    "ScalingLaw needs a positive term slower than each negative one, or the loss falls below L0; "
                    f"got {shortened(self.terms[k].expr)}, the slowest along some t ~ p^gamma. "
                    "Change its sign or exponents."
                )

    def headline(self) -> str:
        """The law."""
        return f"{type(self).__name__}: L(t, p) = {self.expr}"

    def lines(self) -> list[tuple[str, str]]:
        """The irreducible loss, and every term."""
        return [("L0", str(self.L0)), *((f"term {i}", str(term.expr)) for i, term in enumerate(self.terms, start=1))]

    def to_json(self) -> dict[str, Any]:
        """The law, and its exact numbers as text."""
        powers = {"powers": self.powers} if self.powers else {}
        return plain({"law": self.expr, "L0": self.L0, "terms": self.terms, **powers})

    @property
    def single(self) -> tuple[Term, ...]:
        """The terms that stand alone, not under a power; they come first among `terms`."""
        return self.terms[: len(self.terms) - sum(len(power.parts) for power in self.powers)]

    @property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """For each power of a sum, the indices of its parts among `terms`."""
        groups, start = [], len(self.single)
        for power in self.powers:
            groups.append(tuple(range(start, start + len(power.parts))))
            start += len(power.parts)
        return tuple(groups)

    @property
    def expr(self) -> Expr:
        """The law as a sympy expression in the positive symbols `t` and `p`."""
        return sympy.Add(self.L0, *(part.expr for part in (*self.single, *self.powers)))

    @property
    def has_logs(self) -> bool:
        """Whether some term carries a logarithm."""
        return any(term.has_logs for term in self.terms)

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
        names = ("mu", "nu", "log_t", "log_p")
        return not any(getattr(term, name).free_symbols for term in self.terms for name in names)

    @property
    def assumptions(self) -> tuple[Any, ...]:
        """Relations `a_i > 0` that the positivity of the symbols does not settle and that the law assumes."""
        return tuple(
            sympy.Gt(term.a, 0) for term in self.terms if term.a.is_positive is None and not term.a.is_negative
        )

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

        if self.powers or self.has_logs:
            return type(self)(put(self.expr))
        offset, kept = put(self.L0), []
        for term in self.terms:
            a, mu, nu = put(term.a), put(term.mu), put(term.nu)
            if mu == 0 and nu == 0:
                offset += a
            elif a != 0:
                kept.append(Term(a, mu, nu))
        return type(self)(terms=kept, L0=offset)

    @cached_property
    def exponents(self) -> tuple[Array, Array, Array, Array]:
        """`mu, nu, log_t, log_p` as floats, arrays of shape (terms,); for laws with numeric exponents."""
        names = ("mu", "nu", "log_t", "log_p")
        mu, nu, log_t, log_p = (np.array([float(getattr(term, name)) for term in self.terms]) for name in names)
        return mu, nu, log_t, log_p

    def may_lead(self, i: int, j: int, besides: Sequence[int] = ()) -> bool:
        """Whether terms `i` and `j` balance at a gamma > 0 where none but `besides` is slower; numeric exponents."""
        mu, nu = self.exponents[:2]
        if abs(mu[i] - mu[j]) <= TIE:
            return False
        gamma = (nu[j] - nu[i]) / (mu[i] - mu[j])
        deltas, size = nu + gamma * mu, 1 + np.abs(nu).max() + np.abs(gamma * mu).max()
        others = np.delete(deltas, list(besides))
        return bool(gamma > 0 and (others >= deltas[i] - 1e-9 * size).all())

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
        values = a * t[..., None] ** -mu * p[..., None] ** -nu
        if self.has_logs:
            if not ((t > 1).all() and (p > 1).all()):
                raise InputError(f"ScalingLaw with logarithms needs t > 1 and p > 1; got {np.min(t):g}, {np.min(p):g}.")
            _, _, log_t, log_p = self.exponents
            values = values * np.log(t)[..., None] ** log_t * np.log(p)[..., None] ** log_p
        total = L0 + values[..., : len(self.single)].sum(axis=-1)
        for power, members in zip(self.powers, self.members, strict=True):
            c = float(power.exponent)
            total = total + (values[..., list(members)] ** (1 / c)).sum(axis=-1) ** c
        return total


def _reading_order(item: tuple[Exponents, Any]) -> tuple[Any, ...]:
    """Terms in `t` alone first, mixed ones next, terms in `p` alone last; of equal powers, most logarithms first."""
    mu, nu, *logs = item[0]
    key = sympy.default_sort_key
    return (mu == 0) - (nu == 0), key(-mu), key(nu), *(key(-log) for log in logs)


def _falls_somewhere(mu: Array, nu: Array) -> bool:
    """Whether some `theta = gamma/(1 + gamma)` in [0, 1] makes every `theta mu_i + (1 - theta) nu_i` positive."""
    slope = mu - nu
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = (nu[None, :] - nu[:, None]) / (slope[:, None] - slope[None, :])
    theta = np.concatenate([[0.0, 1.0], crossings[(crossings > 0) & (crossings < 1)]])
    return bool((nu + theta[:, None] * slope).min(axis=-1).max() > 1e-15)


def _leads_somewhere(mu: Array, nu: Array, log_t: Array, log_p: Array, k: int, others: list[int]) -> bool:
    """Whether term `k` falls more slowly than all `others` for some `theta` in (0, 1); see `_falls_somewhere`."""
    low, high = 0.0, 1.0
    for i in others:
        start, slope = nu[i] - nu[k], (mu[i] - nu[i]) - (mu[k] - nu[k])
        if abs(slope) > TIE:
            low, high = (max(low, -start / slope), high) if slope > 0 else (low, min(high, -start / slope))
        elif start < -TIE or (start <= TIE and log_t[i] + log_p[i] > log_t[k] + log_p[k] + TIE):
            return False
    return high - low > TIE
