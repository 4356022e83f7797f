"""`scaling-collapse plan`: sizes, span and seeds that show a fault, or the run that sharpens a measured ladder most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..common import InputError
from ..output import NOWHERE, Answer, Outputs
from ._options import Number, Share, Sources, Where, parse_where

if TYPE_CHECKING:
    from ..empirical import MeasurementPlan
    from ..empirical.collapse.further_runs import Aim, FurtherRuns

__all__ = ["plan"]

SHOWN = {"L0": "L0", "gamma": "the error of gamma", "verdict": "the deviation between sizes (the verdict)"}


def plan(
    source: Annotated[Sources, Parameter(show_default=False)] = [],  # noqa: B006
    /,
    *,
    effect: Annotated[Share, Parameter(help="Error of the horizons' exponent that is to show, e.g. 20%.")] = 0.2,
    probability: Annotated[Share, Parameter(help="With which it is to show.")] = 0.9,
    noise: Annotated[
        Share | None, Parameter(help="Scatter of a curve's steepness, ln S, between seeds; default 5%.")
    ] = None,
    exponent: Annotated[float | None, Parameter(help="b: reducible losses fall as C^-b; default 0.2.")] = None,
    gamma: Annotated[float | None, Parameter(help="Horizons grow as p^gamma; default 1.")] = None,
    smallest: Annotated[Number | None, Parameter(help="FLOPs of a run of the smallest size; default 1e15.")] = None,
    sizes: Annotated[Number | None, Parameter(help="Number of sizes, if it is settled.")] = None,
    seeds: Annotated[Number | None, Parameter(help="Runs of each size, if that is settled.")] = None,
    span: Annotated[Number | None, Parameter(help="Largest over smallest size, if that is settled.")] = None,
    offset: Annotated[float | None, Parameter(help="Irreducible loss of SOURCE instead of the fitted one.")] = None,
    where: Where = None,
    to: Outputs = NOWHERE,
) -> int:
    """Plan sizes, span and seeds of a ladder, or the next runs of a measured one."""
    from ..empirical import plan_measurement, read_curves

    if where and not source:
        raise InputError("plan --where needs SOURCE, whose rows it selects; got none. Leave it out, or name a table.")
    answer = Answer("plan", to, inputs=source)
    ladder = read_curves(source, where=parse_where(where)) if source else None
    found = plan_measurement(
        ladder, effect=effect, probability=probability, noise=noise, exponent=exponent, gamma=gamma,
        smallest=smallest, sizes=sizes, seeds=seeds, span=span, offset=offset,
    )  # fmt: skip
    show = _show_designs if found.now is None else _show_further_runs
    show(found, answer)
    if ladder is not None:
        answer.say(f"Read: {ladder.integrity.summary()}")
    answer.write(found.to_json() | ({} if ladder is None else {"integrity": ladder.integrity.to_json()}))
    return 0


def _show_designs(found: MeasurementPlan, answer: Answer) -> None:
    """A ladder that reaches the effect, what was assumed, and the alternatives."""
    best = found.recommended
    if best is None:
        answer.say(
            f"No ladder of this shape shows a horizon exponent that is off by {found.effect:.0%} with "
            f"{found.probability:.0%} probability. Allow more sizes or seeds, a wider span, or less noise."
        )
    else:
        answer.say(
            f"{best.sizes} sizes over a factor of {best.span:.3g} in parameters, {best.seeds} seeds each, show a "
            f"horizon exponent that is off by {found.effect:.0%} with {best.power:.0%} probability "
            f"({best.smallest_effect:.1%} with {found.probability:.0%}), for {best.compute:.2g} FLOPs in {best.runs} "
            "runs."
        )
    answer.say(*(f"  - {note}" for note in found.notes))
    if len(found.designs) > 1:
        rows = [
            [str(d.sizes), str(d.seeds), f"{d.span:.3g}", str(d.runs), f"{d.compute:.2g}", f"{d.power:.0%}"]
            for d in found.designs
        ]
        columns = ["sizes", "seeds", "span", "runs", "FLOPs", "power"]
        answer.show("Ladders that reach it, from cheap to few runs", columns, rows)


def _show_further_runs(found: MeasurementPlan, answer: Answer) -> None:
    """What the ladder sees now, what would reach the effect, the best single runs, and the table of all."""
    assert found.now is not None
    answer.say(
        f"This ladder shows a horizon exponent that is off by {found.effect:.0%} with {found.now.power:.0%} "
        f"probability ({found.smallest_effect:.0%} with {found.probability:.0%})."
    )
    if found.reaching:
        answer.say(f"What would show {found.effect:.0%} with {found.probability:.0%} probability:")
        answer.say(*(f"  - {r.action}: {r.runs} more runs, {r.compute:.2g} FLOPs" for r in found.reaching))
    elif found.now.power < found.probability:
        answer.say("Neither 50 seeds of each size nor 4 larger sizes would. Plan a wider ladder: plan without SOURCE.")
    answer.say("The single run that narrows the 90 % interval most:")
    for best in found.best:
        if best.most is None or best.per_flop is None:
            answer.say(f"  - of {SHOWN[best.aim]}: none. Add seeds to all sizes, or several runs of a larger one")
            continue
        line = f"  - of {SHOWN[best.aim]}: {best.most.action}, {_halves(found, best.most, best.aim)}"
        same = best.per_flop is best.most
        answer.say(line + (" (also the most per FLOP)" if same else ""))
        if not same:
            answer.say(f"    per FLOP: {best.per_flop.action}, {_halves(found, best.per_flop, best.aim)}")
    answer.say(*(f"  - {note}" for note in found.notes))
    rows = [
        [r.action, str(r.runs), f"{r.compute:.2g}", _number(r.L0_half), f"{r.gamma_half:.1%}",
         f"{r.deviation_half:.1%}", f"{r.power:.0%}"]
        for r in (found.now, *found.reaching, *found.runs)
    ]  # fmt: skip
    columns = ["ladder", "runs", "FLOPs", "L0", "gamma", "deviation", "power"]
    answer.show("Half-widths of the 90 % intervals after further runs, predicted", columns, rows)


def _halves(found: MeasurementPlan, run: FurtherRuns, aim: Aim) -> str:
    """From where to where the half-width goes, and the price."""
    assert found.now is not None
    show = _number if aim == "L0" else "{:.1%}".format
    before, after = (show(row.half(aim)) for row in (found.now, run))
    return f"from +-{before} to +-{after} for {run.compute:.2g} FLOPs"


def _number(value: float) -> str:
    return f"{value:.3g}" if value == value else "-"
