"""The report as one HTML page that carries everything: works from a file, fetches nothing, stays under 2 MB."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...common import plain, shown
from ..fits.intervals import Interval
from .case import Case
from .page_data import ladder_panel, theory_panels
from .row import Relation, Row, Verdict, counts_of

__all__ = ["LIMIT", "render"]

LIMIT = 2_000_000
"""Bytes that a page may have."""
SPARE = 50_000
HERE = Path(__file__).parent
RELATION = {Relation.EQUAL: "", Relation.BELOW: "below ", Relation.AT_LEAST: "at least "}
SIGN = {
    Verdict.HOLDS: "\N{CHECK MARK}",
    Verdict.DOES_NOT_HOLD: "\N{BALLOT X}",
    Verdict.UNDECIDED: "?",
    Verdict.NOT_APPLICABLE: "\N{EN DASH}",
}


def render(*, rows: Sequence[Row], cases: Sequence[Case]) -> bytes:
    """The page of a validation's rows and ladders, UTF-8.

    Panels of ladders are laid down in order until the page would exceed its limit; what is left out is named on it.
    """
    page = (HERE / "page.html").read_text(encoding="utf-8")
    for name in ("page.css", "page.js"):
        page = page.replace(f"{{{{{name}}}}}", (HERE / name).read_text(encoding="utf-8"))
    panels, missing = [], []
    page = page.replace("{{counts}}", _counts(rows)).replace("{{rows}}", "\n".join(map(_row, rows)))
    theory = theory_panels(cases)
    room = LIMIT - SPARE - len(page.encode()) - len(_json(theory))
    for case in cases:
        if not case.usable:
            missing.append(f"{case.name} ({case.refusal})")
            continue
        panel = ladder_panel(case)
        room -= len(_json(panel)) + 2
        if room < 0:
            missing.append(f"{case.name} (the page would exceed {LIMIT / 1e6:g} MB)")
            room += len(_json(panel)) + 2
        else:
            panels.append(panel)
    without = f"<p>Without a panel: {html.escape('; '.join(missing))}.</p>" if missing else ""
    page = page.replace("{{missing}}", without)
    return page.replace("{{data}}", _json([*panels, *theory])).encode()


def _json(value: Any) -> str:
    """JSON that can stand inside a script element: no NaN, no `<`."""
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _counts(rows: Sequence[Row]) -> str:
    return " ".join(f'<span class="verdict {_slug(v)}">{SIGN[v]} {n} {v}</span>' for v, n in counts_of(rows).items())


def _row(row: Row) -> str:
    cells = [
        f"<td>{html.escape(row.claim)}</td>",
        f"<td>{html.escape(row.table)}</td>",
        f'<td class="number">{number(row.prediction, row.prediction_interval, RELATION[row.relation], unit(row))}</td>',
        f'<td class="number">{number(row.measurement, row.measurement_interval, unit=unit(row))}</td>',
        f'<td><span class="verdict {_slug(row.verdict)}">{SIGN[row.verdict]} {row.verdict}</span></td>',
        f"<td>{html.escape(row.note)}</td>",
    ]
    return f'<tr class="{_slug(row.verdict)}">{"".join(cells)}</tr>'


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
