r"""What survives for large `p`: the levels of a law along a horizon, their shapes, and the rate of collapse.

Along `t* = kappa p^gamma` term i falls as `p^-delta_i`, `delta_i = nu_i + gamma mu_i`. Group the terms by `delta`
into levels. Level d adds a shape `S_d(x) = sum_{i in d} c_i x^-mu_i` to the loss at `x t*`, with
`c_i = a_i kappa^-mu_i`.
With the slowest level called 0 and `l_inf = S_0(x) / S_0(1)`, the normalized curve obeys, exactly,

.. math:: l - l_\infty = \frac{\sum_d p^{-\delta_d} [S_d(x) - S_d(1) l_\infty(x)]}{\sum_d p^{-\delta_d} S_d(1)}.

A level with the limit's own shape drops out of the numerator: it delays nothing. So the collapse is exact if every
level has the shape of level 0; otherwise the deviation dies as `p^-zeta`, `zeta = delta_d - delta_0` of the first
level of another shape, with coefficient `[S_d(x) - S_d(1) l_inf] / S_0(1)`. It is trivial if level 0 is one term:
`l_inf = x^-mu` says no more than that one power law is left.

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.1; levels of equal shape are this project's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any, Literal

import sympy

from ...common import Result
from .exact_arithmetic import power, sign
from .power_law_sum import PowerLawSum
from .relations import all_of, positive, tidy

__all__ = [
    "GAMMA",
    "CollapseCase",
    "CollapseKind",
    "X",
    "case_of",
    "cases_of",
    "cases_of_free_gamma",
    "relative_weights",
]

X = sympy.Symbol("x", positive=True)
GAMMA = sympy.Symbol("gamma", positive=True)

# sympy's own annotations are loose; an expression is an `Any` here so that arithmetic on it type-checks.
Sym = Any

CollapseKind = Literal["exact", "asymptotic", "trivial"]


@dataclass(frozen=True, kw_only=True, repr=False)
class CollapseCase(Result):
    """What the normalized curves do for large `p` where `condition` holds.

    Parameters
    ----------
    condition
        Relation between the exponents (and `gamma`, where that is left free); `true` where decided.
    leading
        Indices of the terms that survive, the level of smallest delta.
    limit
        `l_inf(x)`.
    zeta
        `|l - l_inf|` dies as `p^-zeta`; None where the collapse is exact.
    coefficient
        `lim p^zeta (l - l_inf)`, a function of x; None where exact, or where symbols leave open which level is
        next.
    """

    condition: Sym
    leading: tuple[int, ...]
    limit: Sym
    zeta: Sym = None
    coefficient: Sym = None

    def headline(self) -> str:
        """Whether the curves collapse, and where."""
        where = "" if self.condition == sympy.true else f" where {self.condition}"
        return f"CollapseCase: {self.kind}{where}"

    @property
    def exact(self) -> bool:
        """Whether `l` is the same at every `p`."""
        return self.zeta is None

    @property
    def trivial(self) -> bool:
        """Whether a single term survives, so that the collapse says nothing about a balance."""
        return len(self.leading) == 1

    @property
    def kind(self) -> CollapseKind:
        """`"trivial"`, else `"exact"` or `"asymptotic"`."""
        return "trivial" if self.trivial else "exact" if self.exact else "asymptotic"


def cases_of_free_gamma(law: PowerLawSum, kappa: Sym) -> Iterator[CollapseCase]:
    """For which `gamma` do which terms lead? Each balance of two terms with distinct mu, then each term alone."""
    seen: set[tuple[int, ...]] = set()
    for i, j in combinations(range(len(law.terms)), 2):
        one, two = law.terms[i], law.terms[j]
        if sign(one.mu - two.mu) == 0 or sign((two.nu - one.nu) / (one.mu - two.mu)) in (0, -1):
            continue
        gamma = tidy((two.nu - one.nu) / (one.mu - two.mu))
        for leading, condition in _leading_sets(law, gamma, must=i):
            if leading not in seen:
                seen.add(leading)
                condition = all_of([sympy.Eq(GAMMA, gamma), positive(gamma), condition])
                yield case_of(law, gamma, kappa, leading, condition)
    for leading, condition in _leading_sets(law, GAMMA):
        if len(leading) == 1:
            yield case_of(law, GAMMA, kappa, leading, condition)


def cases_of(law: PowerLawSum, gamma: Sym, kappa: Sym) -> Iterator[CollapseCase]:
    """One case for each set of terms that may be the slowest, as far as the signs of the gaps are decided."""
    for leading, condition in _leading_sets(law, gamma):
        yield case_of(law, gamma, kappa, leading, condition)


def _leading_sets(law: PowerLawSum, gamma: Sym, must: int | None = None) -> Iterator[tuple[tuple[int, ...], Sym]]:
    """Indices of terms that may fall slowest together, and the condition for it; only sets with the term `must`."""
    levels = _levels(law, gamma, range(len(law.terms)))
    deltas = [law.terms[level[0]].delta(gamma) for level in levels]
    wanted = None if must is None else next(d for d, level in enumerate(levels) if must in level)
    if wanted is not None and any(sign(deltas[wanted] - other) == 1 for other in deltas):
        return
    lowest = [d for d, delta in enumerate(deltas) if not any(sign(delta - other) == 1 for other in deltas)]
    largest = len(lowest) if len(lowest) <= 4 else 2  # more at once only by coincidence, and too many to list
    for chosen in chain.from_iterable(combinations(lowest, r) for r in range(1, largest + 1)):
        if wanted is not None and wanted not in chosen:
            continue
        first = deltas[chosen[0]]
        ties = [sympy.Eq(tidy(first - deltas[d]), 0) for d in chosen[1:]]
        faster = [positive(deltas[d] - first) for d in range(len(levels)) if d not in chosen]
        condition = all_of([*ties, *faster])
        if condition != sympy.false:
            yield tuple(sorted(k for d in chosen for k in levels[d])), condition


def case_of(law: PowerLawSum, gamma: Sym, kappa: Sym, leading: tuple[int, ...], condition: Sym) -> CollapseCase:
    """The collapse in which the level `leading` is the slowest: limit, rate and leading coefficient."""
    weights = relative_weights(law, kappa, leading[0])
    first = law.terms[leading[0]].delta(gamma)
    limit = _shape(law, weights, leading)
    other = [level for level in _levels(law, gamma, (k for k in range(len(law.terms)) if k not in leading))
             if not _same_shape(limit, _shape(law, weights, level))]  # fmt: skip
    curve = sympy.Add(*(share * X**-mu for mu, share in limit.items()))
    if not other:
        return CollapseCase(condition=condition, leading=leading, limit=curve)
    gaps = [tidy(law.terms[level[0]].delta(gamma) - first) for level in other]
    zeta = sympy.Min(*gaps)
    coefficient = None
    if zeta in gaps:
        nearest = other[gaps.index(zeta)]
        deviation = sympy.Add(*(weights[k] * (X ** -law.terms[k].mu - curve) for k in nearest))
        coefficient = deviation / sympy.Add(*(weights[k] for k in leading))
        coefficient = sympy.expand(coefficient) if law.numeric else tidy(coefficient)
    return CollapseCase(condition=condition, leading=leading, limit=curve, zeta=zeta, coefficient=coefficient)


def _levels(law: PowerLawSum, gamma: Sym, indices: Iterable[int]) -> list[list[int]]:
    """Indices grouped by equal delta."""
    levels: list[list[int]] = []
    for k in indices:
        delta = law.terms[k].delta(gamma)
        for level in levels:
            if sign(law.terms[level[0]].delta(gamma) - delta) == 0:
                level.append(k)
                break
        else:
            levels.append([k])
    return levels


def _shape(law: PowerLawSum, weights: list[Sym], level: Iterable[int]) -> dict[Sym, Sym]:
    """`S_d(x) / S_d(1)` as `{mu: share}`."""
    level = list(level)
    total = sympy.Add(*(weights[k] for k in level))
    return {law.terms[k].mu: tidy(weights[k] / total) for k in level}


def _same_shape(one: dict[Sym, Sym], two: dict[Sym, Sym]) -> bool:
    matches = [(mu, other) for mu in one for other in two if sign(mu - other) == 0]
    return len(matches) == len(one) == len(two) and all(sign(one[m] - two[n]) == 0 for m, n in matches)


def relative_weights(law: PowerLawSum, kappa: Sym, ref: int) -> list[Sym]:
    """`c_i / c_ref`; powers of kappa are combined before they are formed, so that its own root cancels."""
    base, root = kappa.as_base_exp()
    reference = law.terms[ref]
    return [t.a / reference.a * power(base, tidy(root * (reference.mu - t.mu))) for t in law.terms]
