r"""Where terms balance at fixed compute: `kappa`, the equation that it solves, and the loss there.

With `t = k (C/6)^theta (ln C)^sigma` the terms that fall alike leave `F(k)`, which is smallest at the horizon:

.. math:: F(k) = \sum_i a_i k^{-s_i} + \sum_j \Big(\sum_i a_{ji} k^{-s_{ji}}\Big)^{c_j}, \qquad s = \mu - \nu,
          \quad \kappa = k^{1 + \gamma}.

Powers of `ln t` enter as `a_i gamma^log_t`. A power of ln p multiplies the horizon where the two terms that balance
have unlike logarithms: `t* = kappa p^gamma (ln p)^s` with `s = (l_i - l_j) / (mu_i - mu_j)`, l the powers of
logarithms, so that both terms have the same. Among several terms the pair whose logarithms then are largest decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import mpmath
import sympy

from ...common import InputError
from .exact_arithmetic import power, sign
from .law_bounds import MAX_DIGITS, shortened
from .power_law_sum import PowerLawSum
from .relations import tidy
from .term import Term

__all__ = ["KAPPA", "Balance", "balance_logs", "balance_of"]

KAPPA = sympy.Symbol("kappa", positive=True)

# sympy's own annotations are loose; an expression is an `Any` here so that arithmetic on it type-checks.
Sym = Any
Group = tuple[list[Term], Sym]
GRID = 2001


@dataclass(frozen=True, kw_only=True)
class Balance:
    """`kappa` (the symbol where symbols leave it open), its equation, and `F` at its smallest."""

    kappa: Sym
    equation: Sym
    smallest: Sym


def balance_logs(law: PowerLawSum, tied: Sequence[int], exponent: Sym) -> tuple[Sym, Sym, list[int]]:
    """`s`, the power of ln p that every balanced term then has, and those terms; `tied` fall as one power of p.

    The loss falls as `C^-exponent (ln C)^q`, q the power of ln p plus `s` times the exponent: the largest q decides.
    """
    if not any(law.terms[k].has_logs for k in tied):
        return sympy.S.Zero, sympy.S.Zero, list(tied)
    slopes = {k: law.terms[k].mu - law.terms[k].nu for k in tied}
    up, down = ([k for k in tied if sign(slopes[k]) == one] for one in (1, -1))
    if not (up and down):  # symbols leave the signs open: the pair that is asked for comes first
        up, down = [tied[0]], [tied[1]]
    pairs = [(law.terms[i], law.terms[j]) for i, j in product(up, down)]
    found = []
    for one, two in pairs:
        s = tidy((one.logs - two.logs) / (one.mu - two.mu))
        level = tidy(one.logs - s * one.mu)
        found.append((s, level, level + s * exponent))
    best = found[0]
    for other in found[1:]:
        best = other if _decided(other[2] - best[2]) == 1 else best
    gaps = {k: _decided(law.terms[k].logs - best[0] * law.terms[k].mu - best[1]) for k in tied}
    if any(gap == 1 for gap in gaps.values()):
        raise InputError(
            "compute_optimal needs terms with mu = nu that carry no more logarithms than those they tie with; got "
            f"{shortened(law.expr)}. Leave one of them out."
        )
    return best[0], best[1], [k for k in tied if gaps[k] == 0]


def _decided(expr: Sym) -> int:
    decided = sign(expr)
    if decided is None:
        raise InputError(
            f"compute_optimal needs numbers for powers of logarithms that compete; got {shortened(expr)} of unknown "
            "sign. Put numbers in with law.subs."
        )
    return decided


def balance_of(law: PowerLawSum, balanced: Sequence[int], gamma: Sym, exponent: Sym) -> Balance:
    """`kappa` and the smallest `F` of the terms `balanced`; `exponent` is the frontier's."""
    groups = _groups(law, balanced, gamma)
    moving = [group for group in groups if any(_pulls(term) for term in group[0])]
    constant = sympy.Add(*(term.a for terms, c in groups if (terms, c) not in moving for term in terms))
    single = moving[0] if len(moving) == 1 else ([t for terms, _ in moving for t in terms], sympy.S.One)
    pulling = [term for term in single[0] if _pulls(term)]
    if len(pulling) == 2 and (len(moving) == 1 or all(c == 1 for _, c in moving)):
        kappa, pair = _pair(pulling, exponent / single[1])
        rest = sympy.Add(*(term.a for term in single[0] if not _pulls(term)))
        smallest = power(pair + rest, single[1]) + constant
        equation = _stationary([(pulling, sympy.S.One)], exponent / single[1])
    else:
        numeric = all(term.a.is_number for terms, _ in moving for term in terms) and exponent.is_number
        kappa = _solve_kappa(moving, gamma) if numeric else KAPPA
        smallest = power(kappa, exponent) * sympy.Add(*(_value(group, kappa) for group in moving)) + constant
        equation = _stationary(moving, exponent)
    negative = any(law.terms[k].a.is_negative for k in balanced)
    if negative and not (smallest.is_number and sign(smallest) == 1):
        raise InputError(
            "compute_optimal needs balanced terms whose sum is known to stay above 0; got "
            f"{shortened(sympy.Add(*(law.terms[k].expr for k in balanced)))}. Change the negative coefficient, or put "
            "numbers in."
        )
    _check_kappa(kappa)
    return Balance(kappa=kappa, equation=equation, smallest=smallest)


def _check_kappa(kappa: Sym) -> None:
    """Refuse a coefficient that floating point cannot hold: it would be said to be 0, and sympy may work for ever."""
    for number in kappa.atoms(sympy.Number):
        size = abs(sympy.N(number, 15))
        if size != 0 and not 10**-MAX_DIGITS < size < 10**MAX_DIGITS:
            raise InputError(
                "compute_optimal needs a horizon kappa p^gamma with kappa between 1e-300 and 1e300; got about 10 to "
                f"the {int(sympy.log(size, 10))}. Give exponents that are less unlike."
            )


def _groups(law: PowerLawSum, balanced: Sequence[int], gamma: Sym) -> list[Group]:
    """The sums under a power, power 1 for what stands alone; equal exponents add up, logarithms enter by gamma."""
    alone: dict[tuple[Sym, Sym], Sym] = {}
    for k in balanced:
        if k < len(law.single):
            term = law.terms[k]
            a = term.a * power(gamma, term.log_t) if term.log_t != 0 else term.a
            alone[term.mu, term.nu] = alone.get((term.mu, term.nu), sympy.S.Zero) + a
    groups: list[Group] = [([Term(a, mu, nu)], sympy.S.One) for (mu, nu), a in alone.items()]
    for whole, members in zip(law.powers, law.members, strict=True):
        inside = [members.index(k) for k in balanced if k in members]
        if len(inside) == 1:
            groups.append(([law.terms[members[inside[0]]]], sympy.S.One))
        elif inside:
            groups.append(([whole.parts[i] for i in inside], whole.exponent))
    return groups


def _pulls(term: Term) -> bool:
    return sign(term.mu - term.nu) != 0


def _pair(terms: Sequence[Term], exponent: Sym) -> tuple[Sym, Sym]:
    """`kappa` and the smallest sum of two terms: weighted arithmetic and geometric means are equal there."""
    one, two = terms
    s_one, s_two = one.mu - one.nu, two.nu - two.mu
    share, rest = tidy(s_two / (s_one + s_two)), tidy(s_one / (s_one + s_two))
    smallest = power(one.a / share, share) * power(two.a / rest, rest)
    return power(one.a * s_one / (two.a * s_two), tidy(1 / (one.mu - two.mu))), smallest


def _value(group: Group, kappa: Sym) -> Sym:
    terms, c = group
    return sympy.Add(*(term.a * power(kappa, -term.mu) for term in terms)) ** c


def _stationary(groups: Sequence[Group], exponent: Sym) -> Sym:
    """`kappa dF/dkappa = 0`, with `a (mu - B) kappa^-mu` for every term of the loss."""
    slopes = []
    for terms, c in groups:
        slope = sympy.Add(*(t.a * (t.mu - exponent / c) * KAPPA**-t.mu for t in terms if _pulls(t) or c != 1))
        slopes.append(slope if c == 1 else c * _value((terms, c - 1), KAPPA) * slope)
    return sympy.Eq(sympy.Add(*slopes), 0)


def _solve_kappa(groups: Sequence[Group], gamma: Sym) -> Sym:
    """`kappa` at the smallest `F(k)`: its slope changes sign there; one place without negative coefficients."""
    with mpmath.workdps(40):
        sums = [
            ([(_mp(t.a), _mp(t.mu - t.nu)) for t in terms], _mp(c)) for terms, c in groups
        ]  # fmt: skip

        def imbalance(z: Any) -> Any:
            sides = [mpmath.mpf(0), mpmath.mpf(0)]
            for terms, c in sums:
                outer = c * sum(a * mpmath.exp(-s * z) for a, s in terms) ** (c - 1)
                for a, s in terms:
                    slope = outer * a * s * mpmath.exp(-s * z)
                    sides[slope < 0] += abs(slope)
            return mpmath.log(sides[0]) - mpmath.log(sides[1])

        low, high = mpmath.mpf(-1), mpmath.mpf(1)
        while imbalance(low) < 0:
            low *= 2
        while imbalance(high) > 0:
            high *= 2
        if any(a < 0 for terms, _ in sums for a, _ in terms):
            low, high = _lowest_stretch(sums, low, high)
        z = mpmath.findroot(imbalance, (low, high), solver="anderson", tol=1e-60, maxsteps=300)
        return sympy.Float(mpmath.exp(z * (1 + _mp(gamma))), 30)


def _mp(value: Sym) -> Any:
    return mpmath.mpf(sympy.N(value, 40))


def _lowest_stretch(sums: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """The part of the range about the lowest of many minima; the range is wide enough to hold them all."""
    logs = [abs(mpmath.log(abs(a))) for terms, _ in sums for a, _ in terms]
    slopes = [s for terms, _ in sums for _, s in terms]
    gaps = [abs(r - s) for r in slopes for s in slopes if abs(r - s) > mpmath.mpf(10) ** -9]
    reach = (2 * max(logs) + mpmath.log(len(slopes)) + 1) / min(gaps)
    z = mpmath.linspace(min(low, -reach), max(high, reach), GRID)
    values = [sum(sum(a * mpmath.exp(-s * one) for a, s in terms) ** c for terms, c in sums) for one in z]
    k = min(range(GRID), key=values.__getitem__)
    return z[max(k - 1, 0)], z[min(k + 1, GRID - 1)]
