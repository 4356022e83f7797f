"""The report of `measure` as one HTML page that carries everything: works from a file, fetches nothing, below 2 MB."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ...common import count, page_json, page_of
from ..collapse.chosen_offset import IN_WORDS
from ..collapse.collapse_report import CollapseReport
from ..collapse.culprits import Culprit
from ..collapse.power import PROBABILITY, Power
from ..collapse.verdict import Verdict
from .report_page_data import PageData, clean, page_data

__all__ = ["LIMIT", "report_page"]

LIMIT = 2_000_000
"""Bytes that a page may have."""
HERE = Path(__file__).parent
MEANING = {
    Verdict.SUPERCOLLAPSE: "The loss curves of all sizes are one curve, more tightly than seeds of one size scatter.",
    Verdict.COLLAPSE: "The loss curves of all sizes are one curve, within what is tolerated.",
    Verdict.NO_COLLAPSE: "The loss curves of the sizes are not one curve.",
    Verdict.UNDECIDED: "These runs do not settle whether the loss curves of the sizes are one curve.",
}
CERTAINTY = ((0.95, "very likely"), (0.8, "likely"), (0.5, "perhaps"), (0.0, "a guess"))
NOTHING = {True: "Without an offset little can be said.", False: "Nothing looks wrong."}
UNKNOWN = "\N{EN DASH}"


def report_page(report: CollapseReport) -> bytes:
    """The page of a report, UTF-8."""
    data = page_data(report)
    texts = {
        "title": _text(f"{report.verdict}: {_source(report)}"),
        "source": _text(f"{_source(report)}: {len(report.sizes)} sizes, {_runs(len(report.ladder))}"),
        "slug": report.verdict.replace(" ", "-"),
        "verdict": _text(report.verdict.capitalize()),
        "meaning": _text(MEANING[report.verdict]),
        # Of runs that were set aside the first reason speaks; then the next one decides.
        "reason": _text(" ".join(report.reasons[: 2 if data.suspects else 1])),
        "culprits": _items(map(_culprit, report.culprits)) or f"<p>{NOTHING[data.evidence is None]}</p>",
        "next": _items(map(_text, report.next)) or "<p>Nothing.</p>",
        "power": _power(report.power),
        "facts": _facts(data),
        "sizes": _size_rows(data),
        "reasons": _items(map(_text, report.reasons)),
        "assumptions": _items(map(_text, assumptions(data))),
        "integrity": _integrity(report),
        "data": page_json(data.to_json() | {"bars": _bars(data)}),
    }
    return page_of(HERE / "report.html", [HERE / "report.css", HERE / "report.js"], texts).encode()


def _power(power: Power) -> str:
    """The smallest errors that the ladder would have shown."""
    at_offset = power.gamma_error_at_offset
    right = f" ({_percent(at_offset)} if the offset is right)" if at_offset < 0.9 * power.gamma_error else ""
    errors = [
        (power.gamma_error, _percent, "in the exponent by which horizons grow with size" + right),
        (power.level_error, _percent, "in one size's final reducible loss"),
        (power.offset_error, "{:.2g}".format, "in the offset"),
    ]
    known = [f"{form(error)} {words}" for error, form, words in errors if math.isfinite(error)]
    if not known:
        return "<p>Unknown: nothing here measures noise. Two seeds of each size would.</p>"
    lead = f"Errors of at least this much would have shown with {_percent(PROBABILITY)} probability:"
    return f"<p>{lead}</p>{_items(map(_text, known))}"


def assumptions(data: PageData) -> list[str]:
    """What was taken for granted: the offset, the grid, the runs that were left out, the clock."""
    report, x = data.report, data.report.x
    offset = f" = {report.offset:.8g}" if math.isfinite(report.offset) else ""
    ends = data.offset_interval
    interval = f" (90 % interval {ends[0]:.6g} to {ends[1]:.6g})" if ends else ""
    lines = [
        f"Offset{offset}{interval}: {IN_WORDS[report.offset_source]}.",
        f"Curves are compared at {x.size} points from x = {x[0]:.3g} to 1, where x is the share of each run's horizon.",
        "Each size counts once, however many seeds it has.",
    ]
    names = [report.ladder.curves[s.index].run for s in data.suspects]
    lines.append(
        f"Left out of everything but the pictures: {', '.join(map(repr, names))}." if names else "No run is left out."
    )
    if report.ladder.curves[0].clock == "steps":
        lines.append("Runs were logged by steps, without batch sizes: compute is relative.")
    if data.stride > 1:
        lines.append(f"To stay small, this page carries one of {data.stride} points of the grid.")
    return lines


def _text(text: object) -> str:
    return html.escape(clean(text))


def _items(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _source(report: CollapseReport) -> str:
    """Names of the files, without their folders."""
    sources = report.ladder.integrity.sources
    first = PurePath(sources[0]).name if sources else "curves in memory"
    return first if len(sources) < 2 else f"{first} and {len(sources) - 1} more"


def _runs(n: int) -> str:
    return f"{n} run{'' if n == 1 else 's'}"


def _culprit(culprit: Culprit) -> str:
    sure = next(words for least, words in CERTAINTY if culprit.confidence >= least)
    share = "> 99 %" if culprit.confidence > 0.99 else _percent(culprit.confidence)
    return f'{_text(culprit.words)} <span class="sure">{culprit.cause}, {sure} ({_text(share)})</span>'


def _facts(data: PageData) -> str:
    """The three numbers that decide."""
    report = data.report
    deviation, top, other = report.deviation, report.supercollapse, report.without_offset
    facts = []
    if math.isfinite(deviation.value):
        low, high = deviation.interval
        noise = "beyond noise" if data.evidence and data.evidence.seeded else "seed noise included"
        facts.append((
            _percent(deviation.value), f"of the curve's fall is what sizes differ by, {noise}",
            f"90 % interval {_percent(low)} to {_percent(high)}; tolerated {_percent(deviation.tolerance)}",
        ))  # fmt: skip
    if math.isfinite(top.fraction):
        where = f"from x = {top.x_from:.2f} on" if math.isfinite(top.x_from) else "and not at the end"
        low, high = top.interval
        facts.append((
            _percent(top.fraction), "of training is where all runs scatter less than seeds of one size",
            f"90 % interval {_percent(low)} to {_percent(high)}; {where}",
        ))  # fmt: skip
    if math.isfinite(report.offset):
        ends = data.offset_interval
        given = f"90 % interval {ends[0]:.5g} to {ends[1]:.5g}; " if ends else ""
        facts.append((f"{report.offset:.5g}", "is the offset in use: the loss that no model gets below",
                      f"{given}{IN_WORDS[report.offset_source]}"))  # fmt: skip
    if math.isfinite(other.deviation) and report.offset != 0:
        facts.append((
            _percent(other.deviation), "is what sizes differ by as L / L(1), without an offset",
            f"by that: {other.verdict}. {other.words}",
        ))  # fmt: skip
    return "".join(
        f"<li><b>{_text(number)}</b> {_text(words)} <small>{_text(more)}</small></li>" for number, words, more in facts
    )


def _percent(value: float) -> str:
    return f"{100 * value:.2g} %" if value < 0.1 else f"{100 * value:.0f} %"


def _bars(data: PageData) -> list[dict[str, Any]]:
    """For each kept size what remains without it, and what its seeds scatter by over x (root mean square)."""
    scatter = np.sqrt((data.report.sigma_by_size**2).mean(axis=1))
    return [
        {
            "size": count(data.report.ladder.sizes[place]), "index": place, "sigma": float(scatter[i]),
            "without": data.without[i].value if data.without else math.nan,
            "interval": data.without[i].interval if data.without else (math.nan, math.nan),
        }
        for i, place in enumerate(data.places)
    ]  # fmt: skip


def _size_rows(data: PageData) -> str:
    """The table of sizes; what was measured of a size without kept runs is unknown."""
    ladder, found = data.report.ladder, data.evidence
    row_of = {place: i for i, place in enumerate(data.places)}
    rows = []
    for place, (size, runs) in enumerate(zip(data.report.sizes, ladder.by_size.values(), strict=True)):
        i, steep = row_of.get(place), UNKNOWN
        if i is not None and found is not None:
            mean, error = float(found.steepness.slope.mean[i]), float(found.steepness.slope.error[i])
            steep = f"{mean:+.4f}" + (f" \N{PLUS-MINUS SIGN} {error:.4f}" if math.isfinite(error) else "")
        without = _percent(data.without[i].value) if i is not None and data.without else UNKNOWN
        sigma = _percent(size.sigma) if math.isfinite(size.sigma) else UNKNOWN
        params = f"{size.params:.0f}" if size.params >= 1e3 else f"{size.params:.6g}"
        horizon = count(runs[0].horizon_tokens)
        cells = (params, size.seeds, horizon, f"{size.final_loss:.6g}", sigma, steep, without)
        rows.append("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>")
    return "\n".join(rows)


def _integrity(report: CollapseReport) -> str:
    integrity = report.ladder.integrity
    if not integrity.sources:
        return "<p>The curves were made in memory: nothing was read.</p>"
    found: Sequence[Any] = integrity.findings
    lines = [f"{f.action}: {f.subject}: {f.kind}: {f.detail}" for f in found]
    return f"<p>{_text(integrity.summary())}</p>{_items(map(_text, lines))}"
