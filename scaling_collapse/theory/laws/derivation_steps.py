"""The sentences of a derivation and their equations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from .balance import KAPPA
from .collapse_cases import GAMMA, CollapseCase, X
from .compute_optimal import COMPUTE, Optimum
from .derivation_findings import Findings
from .law_parsing import P, T
from .normalized_curve import NormalizedCurve
from .power_law_sum import PowerLawSum

__all__ = ["LIMIT", "LOSS", "OPTIMAL_LOSS", "T_STAR", "Step", "steps_of"]

LOSS = sympy.Function("L")(T, P)
CURVE = sympy.Function("l")(X, P)
LIMIT = sympy.Function("l_inf")(X)
OPTIMAL_LOSS = sympy.Function("L_opt")(COMPUTE)
T_STAR = sympy.Symbol("t_star", positive=True)


@dataclass(frozen=True)
class Step:
    """One step: a sentence, the equations or relations it is about, and a heading where a new part begins."""

    sentence: str
    equations: tuple[Any, ...] = ()
    heading: str = ""


def _eq(left: Any, right: Any) -> Any:
    return sympy.Eq(left, right, evaluate=False)


def steps_of(found: Findings) -> Iterator[Step]:
    """All steps, in the order in which one would write them on a board."""
    law = found.law
    yield Step("The loss after t tokens of a model with p parameters:", (_eq(LOSS, law.expr),), "The law")
    if law.assumptions:
        yield Step("Coefficients are taken to be positive:", law.assumptions)
    deltas = tuple(_eq(sympy.Symbol(f"delta_{k}"), term.delta(GAMMA)) for k, term in enumerate(law.terms, start=1))
    listed = tuple(_eq(sympy.Symbol(f"T_{k}"), term.expr) for k, term in enumerate(law.terms, start=1))
    yield Step("Its terms, numbered:", listed)
    yield from _kind_steps(law)
    horizon = "Train to a horizon that is a power of size. There each term falls as p to the minus its delta:"
    yield Step(horizon, (_eq(T_STAR, KAPPA * P**GAMMA), *deltas))
    if law.has_logs:
        yield Step(
            "up to powers of the logarithm of p: ln t is gamma ln p there, and what is added to it counts ever less."
        )
    many = len(found.optimal.regions) > 1
    for number, optimum in enumerate(found.optimal.regions, start=1):
        yield from _optimum_steps(law, optimum, f"Compute-optimal horizon{f', region {number}' if many else ''}", many)
    yield from _condition_steps(found.collapse)
    for number, curve in enumerate(found.curves, start=1):
        region = f", region {number}" if len(found.curves) > 1 else ""
        yield from _curve_steps(curve, f"Normalized curves{region}")
    if found.spread is not None:
        worst, sizes = float(np.max(found.spread)), ", ".join(f"{p:g}" for p in found.sizes)
        yield Step(
            f"Over the sizes {sizes} the spread of the curves, standard deviation over mean, is at most "
            f"{worst:.3g} for x from 0.1 to 1."
        )


def _kind_steps(law: PowerLawSum) -> Iterator[Step]:
    for members in law.members:
        yield Step(
            f"Terms {_numbers(members)} are the parts of a power of a sum, raised one by one: the power falls as the "
            "slowest of them does, and where they fall alike it is the power of their sum."
        )
    if any(term.a.is_negative for term in law.terms):
        yield Step(
            "Negative terms make the loss smaller. None of them is the slowest: the loss stays above L0 for large p."
        )


def _numbers(indices: tuple[int, ...]) -> str:
    names = [str(k + 1) for k in indices]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _optimum_steps(law: PowerLawSum, best: Optimum, heading: str, many: bool) -> Iterator[Step]:
    if best.gamma is None:
        yield Step(f"There is no compute-optimal horizon: {best.reason}.", (), heading)
        return
    if many or best.condition != sympy.true:
        yield Step("This region of the exponents:", _parts(best.condition), heading)
        heading = ""
    interval = best.status == "interval"
    steep = tuple(k for k, term in enumerate(law.terms) if sympy.expand(term.mu - term.nu) != 0)
    if interval:
        yield Step(
            f"Term {_numbers(best.balanced)} depends on compute alone and falls slowest, so every gamma between these "
            "bounds gives the frontier the same exponent; the other terms pick one of them:",
            tuple(_eq(sympy.Symbol(name), bound) for name, bound in
                  zip(("gamma_low", "gamma_high"), best.gamma_interval or (), strict=True)),
            heading,
        )  # fmt: skip
        sentence = "At fixed compute C = 6 t p the others are smallest where those that fall with t balance the rest:"
    else:
        shown = tuple(k for k in best.balanced if k in steep)
        sentence = (
            f"At fixed compute C = 6 t p the slowest terms, {_numbers(shown)}, are smallest together where they fall "
            "equally fast:"
        )
    yield Step(sentence, (_eq(GAMMA, best.gamma),), "" if interval else heading)
    if best.horizon_logs != 0:
        logs = "They carry unlike logarithms. The horizon makes up for that by a power of the logarithm of p:"
        yield Step(logs, (_eq(T_STAR, KAPPA * P**GAMMA * sympy.log(P) ** best.horizon_logs),))
    solved = () if best.kappa == KAPPA else (_eq(KAPPA, best.kappa),)
    yield Step(
        "The derivative of the loss along fixed compute vanishes; gains from tokens and from parameters are equal:",
        (best.kappa_equation, *solved),
    )
    frontier = _eq(OPTIMAL_LOSS, law.L0 + best.reducible)
    if best.exact:
        yield Step("So the best loss for C FLOPs is exactly", (frontier,))
    else:
        yield Step(
            "So the best loss for C FLOPs is, to leading order,",
            (frontier,),
        )
        if best.rate == 0:
            yield Step("and the next order is smaller only by a logarithm, as", (best.order,))
            return
        rate = _eq(sympy.Symbol("rate"), best.rate)
        yield Step("and the next order is smaller by C to the minus rate:", (rate,))


def _condition_steps(cases: Sequence[CollapseCase]) -> Iterator[Step]:
    heading = "Which horizons make the curves collapse"
    yield Step(
        "Tokens are divided by the horizon, and the loss less its irreducible part by its value there. The curves of "
        "all sizes agree where the shares of their terms do not depend on p.",
        (),
        heading,
    )
    balanced = [case for case in cases if not case.trivial]
    for case in balanced:
        how = "exactly, at every size," if case.exact else "as models grow, and not trivially,"
        logs = () if case.logs == 0 else (_eq(T_STAR, KAPPA * P**GAMMA * sympy.log(P) ** case.logs),)
        where = (*_parts(case.condition), *logs)
        yield Step(f"They collapse {how} with terms {_numbers(case.leading)} in balance where", where)
    if not balanced:
        yield Step("No horizon keeps two terms of different shape in balance, so no collapse says anything.")
    elif any(case.trivial for case in cases):
        yield Step("Elsewhere a single term survives for large p and the limit is a bare power of x.")


def _curve_steps(curve: NormalizedCurve, heading: str) -> Iterator[Step]:
    yield Step("At the horizon", (_eq(T_STAR, curve.horizon.expr),), heading)
    for case in curve.cases:
        if len(curve.cases) > 1:
            yield Step("In the case", _parts(case.condition))
        yield from _case_steps(curve, case)


def _case_steps(curve: NormalizedCurve, case: CollapseCase) -> Iterator[Step]:
    if case.exact:
        about = "but it is one bare power law" if case.trivial else "whatever the size"
        yield Step(f"the normalized curve is the same for every p, {about}:", (_eq(CURVE, case.limit),))
        return
    if len(curve.cases) == 1:
        yield Step("the normalized curve is", (_eq(CURVE, curve.expr),))
    if case.trivial:
        yield Step(
            f"For large p only term {_numbers(case.leading)} is left. The limit is trivial: it shows no balance.",
            (_eq(LIMIT, case.limit),),
        )
    else:
        yield Step(f"For large p terms {_numbers(case.leading)} are left:", (_eq(LIMIT, case.limit),))
    if case.zeta == 0:
        yield Step(
            "Logarithms make the approach slow. The distance to the limit dies only as a logarithm of p does, so it is "
            "there at every real size:",
            () if case.decay is None else (case.decay,),
        )
        leading = case.decay
    else:
        yield Step(
            "The distance to the limit dies as p to the minus zeta (terms with the limit's own shape in x change "
            "nothing):",
            (_eq(sympy.Symbol("zeta"), case.zeta),),
        )
        leading = None if case.decay is None else case.decay.xreplace({P**-case.zeta: P ** -sympy.Symbol("zeta")})
    if case.coefficient is not None:
        yield Step("and to leading order it is", (_eq(CURVE - LIMIT, case.coefficient * leading),))


def _parts(condition: Any) -> tuple[Any, ...]:
    return condition.args if isinstance(condition, sympy.And) else (condition,)
