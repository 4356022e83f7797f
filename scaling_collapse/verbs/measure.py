"""`scaling-collapse measure`: curve tables in, scaling law, collapse and verdict out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..common import count
from ..output import NOWHERE, Answer, Outputs
from ._options import Sources, Where, parse_where

if TYPE_CHECKING:
    from ..empirical import CollapseReport
    from ..empirical.collapse.culprits import Culprit

__all__ = ["PICTURES", "measure", "pictures", "show_report"]

PICTURES = ("report.html", "law.png", "collapse.png", "delta_vs_sigma.png", "trend.png")
SHOWN = 8  # lines of a list in the terminal
UNKNOWN = (math.nan, math.nan)


def measure(
    source: Sources,
    /,
    *,
    offset: Annotated[float | None, Parameter(help="Irreducible loss to use instead of the fitted one.")] = None,
    where: Where = None,
    check: Annotated[bool, Parameter(negative="", help="Exit 1 unless the ladder collapses.")] = False,
    to: Outputs = NOWHERE,
) -> int:
    """Say whether a ladder is scaled well, what is wrong if not, and what to try next."""
    from ..empirical import measure_collapse, read_curves
    from ..empirical.collapse.verdict import Verdict

    answer = Answer("measure", to, inputs=source, files=PICTURES)
    report = measure_collapse(read_curves(source, where=parse_where(where)), offset=offset)
    show_report(report, answer)
    answer.write(report.to_json(), files=pictures(report))
    return 1 if check and report.verdict not in (Verdict.COLLAPSE, Verdict.SUPERCOLLAPSE) else 0


def pictures(report: CollapseReport) -> dict[str, Callable[[], bytes]]:
    """File name to what draws it."""
    from ..empirical.collapse_page.report_page import report_page
    from ..empirical.pictures.collapse_pictures import draw_collapse, draw_delta_vs_sigma
    from ..empirical.pictures.law_picture import draw_law
    from ..empirical.pictures.trend_picture import draw_trend

    draw = (report_page, draw_law, draw_collapse, draw_delta_vs_sigma, draw_trend)
    return {name: lambda picture=picture: picture(report) for name, picture in zip(PICTURES, draw, strict=True)}


def show_report(report: CollapseReport, answer: Answer) -> None:
    """The report for people: verdict, what it looks like, what to try next, why; then the numbers and what was read."""
    answer.say(f"Verdict: {report.verdict}")
    _list(answer, "What it looks like:", [_culprit(c) for c in report.culprits])
    _list(answer, "What to try next:", report.next)
    _list(answer, "Why:", report.reasons)
    if report.without_offset.words:
        without = report.without_offset
        differ = (
            "" if math.isnan(without.deviation) else f", sizes differ by {without.deviation:.1%} of the curve's fall"
        )
        answer.say(f"Without an offset, as L/L(1): {without.verdict}{differ}. {without.words}")
    answer.show(
        f"Scaling law ({report.law.status}) and collapse", ["quantity", "value", "90 % interval"], _rows(report)
    )
    sizes = [[count(s.params), str(s.seeds), f"{s.final_loss:.6g}", _percent(s.sigma)] for s in report.sizes]
    answer.show("Sizes", ["parameters", "seeds", "final loss", "seeds scatter by"], sizes)
    integrity = report.ladder.integrity
    answer.say(f"Read: {integrity.summary()}")
    changes = [f for f in integrity.findings if f.action != "noted"]
    answer.say(*(f"  {f.action}: {f.subject}: {f.kind}: {f.detail}" for f in changes[:SHOWN]))
    if len(changes) > SHOWN:
        answer.say(f"  ... and {len(changes) - SHOWN} more (all of them in --json)")


def _list(answer: Answer, title: str, lines: Sequence[str]) -> None:
    if lines:
        answer.say(title, *(f"  - {line}" for line in lines[:SHOWN]))


def _culprit(culprit: Culprit) -> str:
    """One culprit in a line: what it is, what it looks like, how sure that is."""
    like = {
        "horizon": "a wrong horizon",
        "rate": "a wrong learning rate or batch size",
        "offset": "a wrong offset",
        "level": "a final loss off the law",
        "seed": "a run gone wrong",
        "endpoint": "a wrong last point",
        "break": "a break in the law",
        "noise": "noise",
    }
    sure = "over 99%" if culprit.confidence > 0.99 else f"{culprit.confidence:.0%}"
    return f"{culprit.words} It looks like {like[culprit.cause]} ({sure} sure)."


def _rows(report: CollapseReport) -> list[list[str]]:
    """The table of the law and the collapse."""
    law, top, size, trend = report.law, report.supercollapse, report.deviation, report.trend
    gamma = (math.nan, UNKNOWN) if trend is None or law.by_steps else (trend.gamma_error, trend.gamma_interval)
    compute = (
        [["-", "unknown: no tokens"]] * 2 if law.by_steps
        else [[_number(law.a, ".5g"), _interval(law.a_interval)], [_number(law.b, ".4f"), _interval(law.b_interval)]]
    )  # fmt: skip
    return [
        ["irreducible loss L0, fitted", _number(law.L0, ".6g"), _interval(law.L0_interval)],
        ["offset in use", _number(report.offset, ".6g"), ""],
        ["offset at which the curves agree best", _number(report.curve_offset.value, ".6g"),
         _interval(report.curve_offset.interval)],
        ["coefficient a (C in PFLOPs)", *compute[0]],
        ["exponent b", *compute[1]],
        ["sizes differ by, share of the curve's fall", _percent(size.value), _interval(size.interval, percent=True)],
        ["  tolerated", _percent(size.tolerance), ""],
        ["drift, as an error of the horizons' exponent", _percent(gamma[0], "+"), _interval(gamma[1], percent=True)],
        ["share of x where Delta is below the floor", _percent(top.fraction), _interval(top.interval, percent=True)],
        ["  from x =", _number(top.x_from, ".3f"), ""],
    ]  # fmt: skip


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _percent(value: float, sign: str = "") -> str:
    return "-" if math.isnan(value) else format(value, f"{sign}.1%")


def _interval(pair: tuple[float, float], *, percent: bool = False) -> str:
    if math.isnan(pair[0]):
        return "unknown"
    low, high = (_percent(v) if percent else format(v, ".5g") for v in pair)
    return f"{low} to {high}"
