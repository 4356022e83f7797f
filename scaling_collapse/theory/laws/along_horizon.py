r"""A law along a horizon `t* = kappa p^gamma (ln p)^s`: each of its terms as powers of `p`, `ln p` and `ln ln p`.

With `ln(x t*) = gamma ln p + s ln ln p + ln kappa + ln x`, to the first order that depends on x or p,

.. math:: t^{-\mu} (\ln t)^j = (\kappa x)^{-\mu} \gamma^j p^{-\gamma\mu} (\ln p)^{j - s\mu}
          \Big[1 + \frac{j}{\gamma} \frac{s \ln\ln p + \ln(\kappa x)}{\ln p} + \dots\Big],

and with `I` the slowest parts of a power of a sum and `S = S_I + S_rest`

.. math:: S^c = S_I^c + c\, S_I^{c-1} S_\mathrm{rest} + \dots

The first deviation from the limit is thus one of the shapes below; a law of pure power laws is given in full.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy

from .exact_arithmetic import power, sign
from .law_bounds import highest_degree
from .law_parsing import P
from .power_law_sum import PowerLawSum
from .relations import tidy
from .term import Term

__all__ = ["Horizon", "Piece", "X", "loss_along", "pieces_along", "relative_weights"]

X = sympy.Symbol("x", positive=True)
MOST_POWERS_IN_LOG = 12


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """`t* = kappa p^gamma (ln p)^logs`."""

    gamma: Any
    kappa: Any
    logs: Any = sympy.S.Zero

    @property
    def expr(self) -> Any:
        """`t*` as an expression in `p`."""
        return self.kappa * P**self.gamma * sympy.log(P) ** self.logs


@dataclass(frozen=True, kw_only=True)
class Piece:
    """`weight shape(x) p^-delta (ln p)^logs (ln ln p)^loglog` of the loss at `x t*`, relative to one term's weight.

    `terms` are the terms whose first order it is; none for a correction.
    """

    weight: Any
    shape: Any
    delta: Any
    logs: Any = sympy.S.Zero
    loglog: int = 0
    terms: tuple[int, ...] = ()


def relative_weights(terms: tuple[Term, ...], horizon: Horizon, ref: int) -> list[Any]:
    """`c_i / c_ref`, `c_i = a_i kappa^-mu_i gamma^log_t`; powers of kappa are combined so that its own root cancels."""
    base, root = horizon.kappa.as_base_exp()
    reference = terms[ref]
    weights = [t.a / reference.a * power(base, tidy(root * (reference.mu - t.mu))) for t in terms]
    if not any(term.has_logs for term in terms):
        return weights
    return [w * power(horizon.gamma, t.log_t - reference.log_t) for w, t in zip(weights, terms, strict=True)]


def pieces_along(law: PowerLawSum, horizon: Horizon, leading: tuple[int, ...]) -> Iterator[Piece]:
    """The pieces of every term, and their first corrections; `leading` are the slowest terms, known or assumed."""
    weights = relative_weights(law.terms, horizon, leading[0])
    for k, term in enumerate(law.single):
        yield from _term_pieces(k, term, weights[k], horizon)
    for number, members in enumerate(law.members):
        slowest = _slowest(law, horizon, members, leading)
        if slowest:
            yield from _power_pieces(law, horizon, number, slowest, weights[slowest[0]])
        else:  # symbols leave open which of its parts is the slowest
            for k in members:
                yield from _term_pieces(k, law.terms[k], weights[k], horizon)


def _term_pieces(k: int, term: Term, weight: Any, horizon: Horizon) -> Iterator[Piece]:
    delta, logs, shape = term.delta(horizon.gamma), term.logs - horizon.logs * term.mu, X**-term.mu
    yield Piece(weight=weight, shape=shape, delta=delta, logs=logs, terms=(k,))
    if term.log_t != 0:
        first = weight * term.log_t / horizon.gamma
        if horizon.logs != 0:
            yield Piece(weight=first * horizon.logs, shape=shape, delta=delta, logs=logs - 1, loglog=1)
        late = shape * (_log(horizon.kappa) + sympy.log(X))
        yield Piece(weight=first, shape=late, delta=delta, logs=logs - 1)


def _log(kappa: Any) -> Any:
    """`ln kappa`; factor by factor where high powers of names stand in it, whose roots sympy would look for."""
    if highest_degree(kappa) <= MOST_POWERS_IN_LOG:
        return sympy.log(kappa)
    factors = (factor.as_base_exp() for factor in sympy.Mul.make_args(kappa))
    return sympy.Add(*(exponent * sympy.log(base) for base, exponent in factors))


def _slowest(law: PowerLawSum, horizon: Horizon, members: tuple[int, ...], leading: tuple[int, ...]) -> tuple[int, ...]:
    """The slowest parts of a power of a sum; none where that is undecided."""
    if chosen := tuple(k for k in members if k in leading):
        return chosen
    deltas = {k: law.terms[k].delta(horizon.gamma) for k in members}
    for k in members:
        gaps = {other: sign(deltas[other] - deltas[k]) for other in members}
        if all(gap in (0, 1) for gap in gaps.values()):
            return tuple(other for other, gap in gaps.items() if gap == 0)
    return ()


def _power_pieces(
    law: PowerLawSum, horizon: Horizon, number: int, slowest: tuple[int, ...], weight: Any
) -> Iterator[Piece]:
    parts, c, members = law.powers[number].parts, law.powers[number].exponent, law.members[number]
    inside = [members.index(k) for k in slowest]
    ratios = relative_weights(parts, horizon, inside[0])
    total = sympy.Add(*(ratios[i] for i in inside))
    shape = sympy.Add(*(tidy(ratios[i] / total) * X ** -parts[i].mu for i in inside))
    lowest = parts[inside[0]].delta(horizon.gamma)
    delta = c * lowest
    yield Piece(weight=weight * power(total, c), shape=shape**c, delta=delta, terms=slowest)
    for i, part in enumerate(parts):
        if i not in inside:
            gap = tidy(part.delta(horizon.gamma) - lowest)
            late = shape ** (c - 1) * X**-part.mu
            yield Piece(weight=weight * c * power(total, c - 1) * ratios[i], shape=late, delta=delta + gap)


def loss_along(law: PowerLawSum, horizon: Horizon, ref: int, x: Any = X) -> Any:
    """The reducible loss at `x t*`, exactly, over `c_ref p^-delta_ref`."""
    weights = relative_weights(law.terms, horizon, ref)
    first = law.terms[ref].delta(horizon.gamma)

    def falling(terms: tuple[Term, ...], ratios: list[Any], lowest: Any) -> Iterator[Any]:
        for term, ratio in zip(terms, ratios, strict=True):
            value = ratio * P ** -tidy(term.delta(horizon.gamma) - lowest) * x**-term.mu
            if law.has_logs:
                log_t = _log(horizon.kappa) + horizon.gamma * sympy.log(P) + sympy.log(x)
                log_t += horizon.logs * sympy.log(sympy.log(P)) if horizon.logs != 0 else 0
                value *= (log_t / horizon.gamma) ** term.log_t * sympy.log(P) ** (term.log_p - horizon.logs * term.mu)
            yield value

    total = sympy.Add(*falling(law.single, weights[: len(law.single)], first))
    for power_of_sum, members in zip(law.powers, law.members, strict=True):
        ratios = relative_weights(power_of_sum.parts, horizon, 0)
        lowest = power_of_sum.parts[0].delta(horizon.gamma)
        inner = sympy.Add(*falling(power_of_sum.parts, ratios, lowest))
        fall = P ** -tidy(law.terms[members[0]].delta(horizon.gamma) - first)
        total += weights[members[0]] * fall * inner**power_of_sum.exponent
    return total
