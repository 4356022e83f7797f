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

With logarithms a level is a power of `p` and of `ln p`, `p^-delta (ln p)^l`: where the slowest levels differ by
logarithms alone, or the slowest terms carry `ln t`, the deviation dies as `1 / ln p` or a like function of `p`, the
`decay`, and zeta is 0. `along_horizon` derives the levels of logarithms and of powers of sums.

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.1; levels of equal shape are this project's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any, Literal

import numpy as np
import sympy

from ...common import InputError, Result
from .along_horizon import Horizon, Piece, X, pieces_along
from .exact_arithmetic import recognized, sign
from .law_bounds import shortened
from .law_parsing import P
from .power_law_sum import PowerLawSum
from .relations import all_of, positive, tidy
from .same_shape import has_shape_of

__all__ = [
    "GAMMA",
    "CollapseCase",
    "CollapseKind",
    "X",
    "case_of",
    "cases_of",
    "cases_of_free_gamma",
]

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
        `|l - l_inf|` dies as `p^-zeta`, up to logarithms; 0 where it dies as they do; None where the collapse is
        exact.
    coefficient
        `lim (l - l_inf) / decay`, a function of x; None where exact, or where symbols leave open which level is
        next.
    decay
        `p^-zeta`, times its powers of `ln p` and `ln ln p`; None where the coefficient is.
    logs
        The horizon is `kappa p^gamma (ln p)^logs`.
    """

    condition: Sym
    leading: tuple[int, ...]
    limit: Sym
    zeta: Sym = None
    coefficient: Sym = None
    decay: Sym = None
    logs: Sym = sympy.S.Zero

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
        """Whether a single power of x survives, so that the collapse says nothing about a balance."""
        return self.limit == 1 or self.limit.as_base_exp()[0] in (X, 1 / X)

    @property
    def kind(self) -> CollapseKind:
        """`"trivial"`, else `"exact"` or `"asymptotic"`."""
        return "trivial" if self.trivial else "exact" if self.exact else "asymptotic"


def cases_of_free_gamma(law: PowerLawSum, kappa: Sym) -> Iterator[CollapseCase]:
    """For which `gamma` do which terms lead? Each balance of two terms with distinct mu, then each term alone."""
    seen: set[tuple[int, ...]] = set()
    for i, j in _pairs_that_may_lead(law):
        one, two = law.terms[i], law.terms[j]
        if sign(one.mu - two.mu) == 0 or sign((two.nu - one.nu) / (one.mu - two.mu)) in (0, -1):
            continue
        gamma = tidy((two.nu - one.nu) / (one.mu - two.mu))
        horizon = Horizon(gamma=gamma, kappa=kappa, logs=tidy((one.logs - two.logs) / (one.mu - two.mu)))
        for leading, condition in _leading_sets(law, gamma, must=i):
            if leading not in seen:
                seen.add(leading)
                condition = all_of([sympy.Eq(GAMMA, gamma), positive(gamma), condition])
                yield from _positive_cases(law, horizon, leading, condition)
    for leading, condition in _leading_sets(law, GAMMA):
        if len({law.terms[k].mu for k in leading}) == 1:
            yield from _positive_cases(law, Horizon(gamma=GAMMA, kappa=kappa), leading, condition)


def _pairs_that_may_lead(law: PowerLawSum) -> Iterator[tuple[int, int]]:
    """Pairs of terms that no other is slower than where they balance; for numeric exponents few of them."""
    pairs = combinations(range(len(law.terms)), 2)
    if not law.numeric_exponents:
        yield from pairs
        return
    yield from (pair for pair in pairs if law.may_lead(*pair))


def cases_of(law: PowerLawSum, horizon: Horizon) -> Iterator[CollapseCase]:
    """One case for each set of terms that may be the slowest, as far as the signs of the gaps are decided."""
    for leading, condition in _leading_sets(law, horizon.gamma):
        yield from _positive_cases(law, horizon, leading, condition)


def _positive_cases(
    law: PowerLawSum, horizon: Horizon, leading: tuple[int, ...], condition: Sym
) -> Iterator[CollapseCase]:
    """The case, unless the slowest terms may add up to a loss below L0."""
    if not any(law.terms[k].a.is_negative for k in leading) or _stays_positive(law, horizon, leading):
        yield case_of(law, horizon, leading, condition)


def _stays_positive(law: PowerLawSum, horizon: Horizon, leading: tuple[int, ...]) -> bool:
    """Whether the slowest pieces of a numeric law add up to something positive for x from 0.001 to 1."""
    slowest, _ = _split(law, horizon, leading)
    first = sign(law.terms[leading[0]].a)  # the weights are relative to this term's
    total = sympy.Add(*(first * piece.weight * piece.shape for piece in slowest))
    if total.free_symbols - {X}:
        return all((first * piece.weight).is_positive for piece in slowest)
    return bool(np.min(sympy.lambdify(X, total, "numpy")(np.geomspace(1e-3, 1.0, 301))) > 0)


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


def case_of(law: PowerLawSum, horizon: Horizon, leading: tuple[int, ...], condition: Sym) -> CollapseCase:
    """The collapse in which the terms `leading` fall as the slowest power of p: limit, rate and coefficient."""
    slowest, other = _split(law, horizon, leading)
    total = sympy.Add(*(piece.weight for piece in slowest))
    shares: dict[Sym, Sym] = {}
    for piece in slowest:
        shares[piece.shape] = shares.get(piece.shape, sympy.S.Zero) + piece.weight
    limit = {shape: recognized(tidy(weight / total)) for shape, weight in shares.items()}
    curve = sympy.Add(*(share * recognized(shape) for shape, share in limit.items()))
    kept = tuple(k for k in leading if any(k in piece.terms for piece in slowest))
    late = [level for level in _piece_levels(other) if not has_shape_of(limit, level)]
    if not late:
        return CollapseCase(condition=condition, leading=kept, limit=curve, logs=horizon.logs)
    gaps = [tidy(level[0].delta - slowest[0].delta) for level in late]
    zeta = sympy.S.Zero if any(sign(gap) == 0 for gap in gaps) else sympy.Min(*gaps)
    coefficient = decay = None
    nearest = _largest_logs(
        level for level, gap in zip(late, gaps, strict=True) if gap == zeta or (zeta == 0 and sign(gap) == 0)
    )
    if nearest:
        deviation = sympy.Add(*(q.weight * (q.shape - q.shape.subs(X, 1) * curve) for q in nearest))
        coefficient = deviation / total
        coefficient = recognized(sympy.expand(coefficient)) if law.numeric else tidy(coefficient)
        logs = nearest[0].logs - slowest[0].logs
        decay = P**-zeta * sympy.log(P) ** logs * sympy.log(sympy.log(P)) ** nearest[0].loglog
    found = {"zeta": zeta, "coefficient": coefficient, "decay": decay, "logs": horizon.logs}
    return CollapseCase(condition=condition, leading=kept, limit=curve, **found)


def _split(law: PowerLawSum, horizon: Horizon, leading: tuple[int, ...]) -> tuple[list[Piece], list[Piece]]:
    """The pieces that survive for large p, and the others."""
    pieces = list(pieces_along(law, horizon, leading))
    slowest = _largest_logs([piece] for piece in pieces if set(piece.terms) & set(leading))
    return slowest, [piece for piece in pieces if not any(piece is one for one in slowest)]


def _largest_logs(levels: Iterable[list[Piece]]) -> list[Piece]:
    """Of levels with one delta those with the most logarithms, as one."""
    largest: list[Piece] = []
    for level in levels:
        more = 1 if not largest else sign(level[0].logs - largest[0].logs)
        if more is None:
            raise InputError(
                "ScalingLaw needs numbers for powers of logarithms that compete; got "
                f"{shortened(level[0].logs)} and {shortened(largest[0].logs)}. Put numbers in with law.subs."
            )
        more = more or level[0].loglog - (largest[0].loglog if largest else 0)
        if more >= 0:
            largest = [*level] if more > 0 else [*largest, *level]
    return largest


def _piece_levels(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces grouped by equal powers of p, ln p and ln ln p."""
    levels: list[list[Piece]] = []
    for piece in pieces:
        for level in levels:
            one = level[0]
            if one.loglog == piece.loglog and sign(one.logs - piece.logs) == 0 and sign(one.delta - piece.delta) == 0:
                level.append(piece)
                break
        else:
            levels.append([piece])
    return levels


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
