"""`scaling-collapse measure`: curve tables in, scaling law, collapse and verdict out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..output import announce, print_table, write_files, write_json
from ._options import JsonTarget, OutFolder, Tables, Where, parse_where

if TYPE_CHECKING:
    from ..empirical import CollapseReport

__all__ = ["measure", "pictures", "show_report"]


def measure(
    tables: Tables,
    /,
    *,
    offset: Annotated[float | None, Parameter(help="Irreducible loss to use instead of the fitted one.")] = None,
    where: Where = None,
    json: JsonTarget = None,
    out: OutFolder = None,
    check: Annotated[bool, Parameter(negative="", help="Exit 1 unless the ladder collapses.")] = False,
) -> int:
    """Measure scaling law, collapse and supercollapse of curve tables."""
    from ..empirical import measure_collapse, read_curves
    from ..empirical.collapse.verdict import Verdict

    report = measure_collapse(read_curves(tables, where=parse_where(where)), offset=offset)
    write_json(report.to_json(), json)
    written = write_files(out, pictures(report))
    show_report(report, json)
    for path in written:
        announce(f"wrote {path}", json)
    return 1 if check and report.verdict not in (Verdict.COLLAPSE, Verdict.SUPERCOLLAPSE) else 0


def pictures(report: CollapseReport) -> dict[str, Callable[[], bytes]]:
    """File name to what draws it."""
    from ..empirical.pictures.collapse_pictures import draw_collapse, draw_delta_vs_sigma
    from ..empirical.pictures.law_picture import draw_law

    return {
        "law.png": lambda: draw_law(report),
        "collapse.png": lambda: draw_collapse(report),
        "delta_vs_sigma.png": lambda: draw_delta_vs_sigma(report),
    }


def show_report(report: CollapseReport, json_target: str | None) -> None:
    """The report for people: integrity, sizes, law, verdict with reasons."""
    integrity = report.ladder.integrity
    announce(f"Integrity: {integrity.summary()}", json_target)
    changes = [f for f in integrity.findings if f.action != "noted"]
    for f in changes[:8]:
        announce(f"  {f.action}: {f.subject}: {f.kind}: {f.detail}", json_target)
    if len(changes) > 8:
        announce(f"  ... and {len(changes) - 8} more (all of them in --json)", json_target)
    rows = [[f"{s.params:.0f}", str(s.seeds), f"{s.final_loss:.6g}"] for s in report.sizes]
    print_table("Sizes", ["parameters", "seeds", "final loss"], rows, json_target)
    law, top = report.law, report.supercollapse

    def interval(pair: tuple[float, float]) -> str:
        return "unknown" if math.isnan(pair[0]) else f"{pair[0]:.5g} to {pair[1]:.5g}"

    def number(value: float, form: str) -> str:
        return "-" if math.isnan(value) else format(value, form)

    rows = [
        ["irreducible loss L0", number(law.L0, ".6g"), interval(law.L0_interval)],
        ["coefficient a (C in PFLOPs)", number(law.a, ".5g"), interval(law.a_interval)],
        ["exponent b", number(law.b, ".4f"), interval(law.b_interval)],
        ["share of x with Delta < sigma", number(top.fraction, ".3f"), interval(top.interval)],
        ["... holding from x", number(top.x_from, ".3f"), ""],
        ["size spread beyond noise", number(report.spread, ".4f"), ""],
    ]
    print_table(f"Scaling law ({law.status}) and collapse", ["quantity", "value", "90 % interval"], rows, json_target)
    announce(f"Verdict: {report.verdict}", json_target)
    for reason in report.reasons:
        announce(f"  - {reason}", json_target)
