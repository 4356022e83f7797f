"""The report as one HTML page that carries everything: works from a file, fetches nothing, stays under 2 MB."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...common import page_json, page_of, shown
from ..fits.intervals import Interval
from .case import Case
from .page_data import ladder_panel, theory_panels
from .row import Relation, Row, Verdict, counts_of

__all__ = ["LIMIT", "render"]

LIMIT = 2_000_000
"""Bytes that a page may have."""
SPARE = 50_000
FIRST = 10
"""Rows of a verdict that are seen at once; the others unfold."""
HERE = Path(__file__).parent
RELATION = {Relation.EQUAL: "", Relation.BELOW: "below ", Relation.AT_LEAST: "at least "}
SIGN = {
    Verdict.DOES_NOT_HOLD: "\N{BALLOT X}",
    Verdict.UNDECIDED: "?",
    Verdict.HOLDS: "\N{CHECK MARK}",
    Verdict.NOT_APPLICABLE: "\N{EN DASH}",
}
"""What stands before a verdict, in the order in which verdicts are told: what does not hold is read first."""
COLUMNS = ("verdict", "claim", "ladder or table", "predicted", "measured", "note")


def render(*, rows: Sequence[Row], cases: Sequence[Case]) -> bytes:
    """The page of a validation's rows and ladders, UTF-8.

    Panels of ladders are laid down in order until the page would exceed its limit; what is left out is named on it.
    """
    texts = {"summary": _summary(rows), "counts": _counts(rows), "rows": _groups(rows)}
    empty = _page(texts | {"missing": "", "contents": "", "data": ""})
    panels, missing = _panels(cases, LIMIT - SPARE - len(empty))
    without = f"<p>Without a panel: {html.escape('; '.join(missing))}.</p>" if missing else ""
    return _page(texts | {"missing": without, "contents": _contents(panels), "data": page_json(panels)})


def _page(texts: dict[str, str]) -> bytes:
    return page_of(HERE / "page.html", [HERE / "page.css", HERE / "page.js"], texts).encode()


def _panels(cases: Sequence[Case], room: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The panels that fit into so many bytes, those of theory last, and which ladders have none, with the reason."""
    panels, missing = [], []
    theory = theory_panels(cases)
    room -= len(page_json(theory))
    for case in cases:
        if not case.usable:
            missing.append(f"{case.name} ({case.refusal})")
            continue
        panel = ladder_panel(case)
        size = len(page_json(panel)) + 2
        if size > room:
            missing.append(f"{case.name} (the page would exceed {LIMIT / 1e6:g} MB)")
        else:
            panels.append(panel)
            room -= size
    return [*panels, *theory], missing


def _summary(rows: Sequence[Row]) -> str:
    n = counts_of(rows)
    applying = sum(n.values()) - n[Verdict.NOT_APPLICABLE]
    return (
        f"Of {applying} predictions that these tables can test, {n[Verdict.HOLDS]} hold, "
        f"{n[Verdict.DOES_NOT_HOLD]} do not hold, and {n[Verdict.UNDECIDED]} stay undecided."
    )


def _counts(rows: Sequence[Row]) -> str:
    """The number of rows of each verdict, each a link to them where there are any."""
    found = counts_of(rows)
    return "\n".join(
        f'<a href="#{_slug(v)}" class="verdict {_slug(v)}">{sign} {v}: {found[v]}</a>'
        if found[v]
        else f'<span class="verdict {_slug(v)}">{sign} {v}: 0</span>'
        for v, sign in SIGN.items()
    )


def _contents(panels: Sequence[dict[str, Any]]) -> str:
    """Links to every panel."""
    return "\n".join(f'<li><a href="#panel-{i}">{html.escape(p["name"])}</a></li>' for i, p in enumerate(panels))


def _groups(rows: Sequence[Row]) -> str:
    """The rows of each verdict that has any; only the first group starts unfolded, and of it ten rows."""
    found = {v: [row for row in rows if row.verdict is v] for v in SIGN}
    parts = []
    for verdict, group in found.items():
        if not group:
            continue
        rest = len(group) - FIRST
        more = f'<details class="more"><summary>{rest} more</summary>{_table(verdict, group[FIRST:])}</details>'
        parts.append(
            f'<details class="group" id="{_slug(verdict)}"{"" if parts else " open"}>'
            f"<summary><h3>{SIGN[verdict]} {verdict}: {len(group)}</h3></summary>"
            f"{_table(verdict, group[:FIRST])}{more if rest > 0 else ''}</details>"
        )
    return "\n".join(parts)


def _table(verdict: Verdict, rows: Sequence[Row]) -> str:
    """Roles are written out: a narrow window lays rows out as cards, and browsers then forget that it is a table."""
    head = "".join(f'<th scope="col" role="columnheader">{name}</th>' for name in COLUMNS)
    body = "\n".join(map(_row, rows))
    return (
        f'<table role="table" aria-label="claims: {verdict}"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">\n{body}\n</tbody></table>'
    )


def _row(row: Row) -> str:
    predicted = number(row.prediction, row.prediction_interval, RELATION[row.relation], unit(row))
    measured = number(row.measurement, row.measurement_interval, unit=unit(row))
    cells = {
        "is": f'<span class="verdict {_slug(row.verdict)}">{SIGN[row.verdict]} {row.verdict}</span>',
        "claim": html.escape(row.claim),
        "of": html.escape(row.table),
        "number predicted": predicted,
        "number measured": measured,
        "about": f"<details class='fold' open><summary>note</summary>{html.escape(row.note)}</details>",
    }
    laid = "".join(f'<td role="cell" class="{kind}">{content}</td>' for kind, content in cells.items())
    return f'<tr role="row" class="{_slug(row.verdict)}">{laid}</tr>'


def unit(row: Row) -> str:
    """The part of a unit that goes with the number: the percent sign."""
    return f"&nbsp;{row.unit.sign}" if row.unit.sign else ""


def _slug(verdict: Verdict) -> str:
    return verdict.replace(" ", "-")


def number(value: float, interval: Interval, before: str = "", unit: str = "") -> str:
    """A number with its interval in one cell; a dash where there is none.

    >>> number(0.25, (0.2, 0.3)), number(float("nan"), (float("nan"), float("nan")))
    ('0.25<br><small>0.2 to 0.3</small>', '-')
    """
    text, ends = shown(value, interval)
    if text == "-":
        return text
    return f"{html.escape(before)}{text}{unit}" + (f"<br><small>{ends}</small>" if ends else "")
