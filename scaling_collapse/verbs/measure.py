"""`scaling-collapse measure`: curve tables in, scaling law, collapse and verdict out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..output import NOWHERE, Answer, Outputs
from ._options import Sources, Where, parse_where

if TYPE_CHECKING:
    from ..empirical import CollapseReport

__all__ = ["PICTURES", "measure", "pictures", "show_report"]

PICTURES = ("law.png", "collapse.png", "delta_vs_sigma.png")
SHOWN = 8  # repairs that are listed in the terminal


def measure(
    source: Sources,
    /,
    *,
    offset: Annotated[float | None, Parameter(help="Irreducible loss to use instead of the fitted one.")] = None,
    where: Where = None,
    check: Annotated[bool, Parameter(negative="", help="Exit 1 unless the ladder collapses.")] = False,
    to: Outputs = NOWHERE,
) -> int:
    """Measure scaling law, collapse and supercollapse of curve tables."""
    from ..empirical import measure_collapse, read_curves
    from ..empirical.collapse.verdict import Verdict

    answer = Answer("measure", to, inputs=source, files=PICTURES)
    report = measure_collapse(read_curves(source, where=parse_where(where)), offset=offset)
    show_report(report, answer)
    answer.write(report.to_json(), files=pictures(report))
    return 1 if check and report.verdict not in (Verdict.COLLAPSE, Verdict.SUPERCOLLAPSE) else 0


def pictures(report: CollapseReport) -> dict[str, Callable[[], bytes]]:
    """File name to what draws it."""
    from ..empirical.pictures.collapse_pictures import draw_collapse, draw_delta_vs_sigma
    from ..empirical.pictures.law_picture import draw_law

    draw = (draw_law, draw_collapse, draw_delta_vs_sigma)
    return {name: lambda picture=picture: picture(report) for name, picture in zip(PICTURES, draw, strict=True)}


def show_report(report: CollapseReport, answer: Answer) -> None:
    """The report for people: the verdict with its reasons, then law and sizes, then what was read."""
    answer.say(f"Verdict: {report.verdict}", *(f"  - {reason}" for reason in report.reasons))
    law, top = report.law, report.supercollapse

    def interval(pair: tuple[float, float]) -> str:
        return "unknown" if math.isnan(pair[0]) else f"{pair[0]:.5g} to {pair[1]:.5g}"

    def number(value: float, form: str) -> str:
        return "-" if math.isnan(value) else format(value, form)

    rows = [
        ["irreducible loss L0, fitted", number(law.L0, ".6g"), interval(law.L0_interval)],
        ["offset in use", number(report.offset, ".6g"), ""],
        ["coefficient a (C in PFLOPs)", number(law.a, ".5g"), interval(law.a_interval)],
        ["exponent b", number(law.b, ".4f"), interval(law.b_interval)],
        ["share of x where Delta < sigma", number(top.fraction, ".3f"), interval(top.interval)],
        ["Delta < sigma from x =", number(top.x_from, ".3f"), ""],
        ["differences between sizes, beyond seed noise", number(report.spread, ".4f"), ""],
    ]
    answer.show(f"Scaling law ({law.status}) and collapse", ["quantity", "value", "90 % interval"], rows)
    sizes = [[f"{s.params:.0f}", str(s.seeds), f"{s.final_loss:.6g}"] for s in report.sizes]
    answer.show("Sizes", ["parameters", "seeds", "final loss"], sizes)
    integrity = report.ladder.integrity
    answer.say(f"Read: {integrity.summary()}")
    changes = [f for f in integrity.findings if f.action != "noted"]
    answer.say(*(f"  {f.action}: {f.subject}: {f.kind}: {f.detail}" for f in changes[:SHOWN]))
    if len(changes) > SHOWN:
        answer.say(f"  ... and {len(changes) - SHOWN} more (all of them in --json)")
