"""`scaling-collapse validate`: what theory and simulator predict beside what curve tables say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..common import InputError
from ..output import announce, print_table, progress_bar, write_json
from ._options import JsonTarget, Tables, Where, parse_where

if TYPE_CHECKING:
    from ..empirical.fits.intervals import Interval
    from ..empirical.validation.row import Row

__all__ = ["validate"]


def validate(
    tables: Tables,
    /,
    *,
    ablation: Annotated[
        list[str] | None,
        Parameter(negative="", help="A table scaled wrongly on purpose, by name (or mlp-*) or path. May be repeated."),
    ] = None,
    offset: Annotated[
        list[str] | None,
        Parameter(negative="", help="A known irreducible loss, TABLE=VALUE, or VALUE for all. May be repeated."),
    ] = None,
    where: Where = None,
    json: JsonTarget = None,
    html: Annotated[Path | None, Parameter(help="Write the page with interactive plots here.")] = None,
    check: Annotated[bool, Parameter(negative="", help="Exit 1 if a claim does not hold.")] = False,
) -> int:
    """Put the predictions of theory and simulator beside what curve tables say, row by row with a verdict."""
    from ..empirical import validate as run
    from ..empirical.tables.files import write_atomically
    from ..empirical.validation.row import Verdict

    offsets = parse_offsets(offset)
    with progress_bar("validate") as progress:
        found = run(*tables, ablations=ablation or (), offsets=offsets, where=parse_where(where), progress=progress)
    written = [] if html is None else [write_atomically(html, found.to_html())]
    write_json(found.to_json(), json)

    for table in found.tables:
        announce(f"Integrity of {table.name}: {table.whole.integrity.summary()}", json)
    rows = [
        [row.claim, row.table, _number(row.prediction, row.prediction_interval, row, row.relation.sign),
         _number(row.measurement, row.measurement_interval, row), row.verdict]
        for row in found.rows
        if row.applies
    ]  # fmt: skip
    columns = ["claim", "ladder or table", "predicted (90 %)", "measured (90 %)", "verdict"]
    print_table("Predictions and measurements", columns, rows, json)
    for row in found.rows:
        if row.applies:
            announce(f"  - {row.claim}, {row.table}: {row.note}", json)
    for sentence in _refusals(found.rows):
        announce(f"  - {sentence}", json)
    announce("Verdicts: " + ", ".join(f"{n} {verdict}" for verdict, n in found.counts.items()), json)
    for path in written:
        announce(f"wrote {path}", json)
    return 1 if check and found.counts[Verdict.DOES_NOT_HOLD] else 0


def parse_offsets(items: list[str] | None) -> dict[str, float]:
    """`["mlp=0", "1.5"]` as a mapping; the empty name stands for all other tables.

    >>> parse_offsets(["mlp=0", "1.5"])
    {'mlp': 0.0, '': 1.5}
    """
    found = {}
    for item in items or []:
        name, _, value = item.rpartition("=")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = math.nan
        if not math.isfinite(found[name]):
            raise InputError(f"--offset needs TABLE=VALUE or VALUE; got {item!r}. Write, for example, --offset mlp=0.")
    return found


def _refusals(rows: tuple[Row, ...]) -> list[str]:
    """The rows that do not apply, those of one claim for one reason together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if not row.applies:
            groups.setdefault((row.claim, row.note), []).append(row.table)
    return [f"{claim}, {', '.join(tables)}: {note}" for (claim, note), tables in groups.items()]


def _number(value: float, interval: Interval, row: Row, before: str = "") -> str:
    from ..common import shown

    text, ends = shown(value, interval)
    words = (before, text, row.unit.sign, f"({ends})" if ends else "")
    return text if text == "-" else " ".join(word for word in words if word)
