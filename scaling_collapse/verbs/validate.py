"""`scaling-collapse validate`: what theory and simulator predict beside what curve tables say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..common import InputError
from ..output import NOWHERE, Answer, Outputs, progress_bar
from ._options import Sources, Where, parse_where

if TYPE_CHECKING:
    from ..empirical.fits.intervals import Interval
    from ..empirical.validation import validation
    from ..empirical.validation.row import Row

__all__ = ["validate"]

PAGE = "report.html"
LINES = 10


def validate(
    source: Sources,
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
    all_: Annotated[bool, Parameter(name="--all", negative="", help="Show every row, not ten lines.")] = False,
    check: Annotated[bool, Parameter(negative="", help="Exit 1 if a claim does not hold.")] = False,
    to: Outputs = NOWHERE,
) -> int:
    """Put the predictions of theory and simulator beside what curve tables say, row by row with a verdict."""
    from ..empirical import validate as run
    from ..empirical.validation.row import Verdict

    answer = Answer("validate", to, inputs=source, files=[PAGE])
    offsets = parse_offsets(offset)
    with progress_bar("validate") as progress:
        found = run(*source, ablations=ablation or (), offsets=offsets, where=parse_where(where), progress=progress)
    (_show_all if all_ else _show)(found, answer)
    answer.write(found.to_json(), files={PAGE: found.to_html})
    return 1 if check and found.counts[Verdict.DOES_NOT_HOLD] else 0


def _show(found: validation.Validation, answer: Answer) -> None:
    """Ten lines: how many claims hold, and those that do not."""
    from ..empirical.validation.row import Verdict

    n = found.counts
    answer.say(
        f"Of the predictions, {n[Verdict.HOLDS]} hold, {n[Verdict.DOES_NOT_HOLD]} do not hold, "
        f"{n[Verdict.UNDECIDED]} stay undecided, {n[Verdict.NOT_APPLICABLE]} do not apply to these tables"
    )
    failing = [row for row in found.rows if row.verdict == Verdict.DOES_NOT_HOLD]
    twins = [f"{case.name} (healthy: {case.twin.healthy})" for case in found.cases if case.twin is not None]
    if twins:
        answer.say(f"Taken for ablations, although not named: {', '.join(twins)}; --all says why")
    lines = LINES - 2 - bool(twins)
    room = lines - (len(failing) > lines)
    answer.say(
        *(
            f"  {row.verdict}: {row.claim}, {row.table}: predicted "
            f"{_number(row.prediction, row.prediction_interval, row, row.relation.sign)}, measured "
            f"{_number(row.measurement, row.measurement_interval, row)}"
            for row in failing[:room]
        )
    )
    if len(failing) > room:
        answer.say(f"  ... and {len(failing) - room} more that do not hold")
    answer.say("Every row, with what was assumed: --all here, --out DIR for a page with sliders.")


def _show_all(found: validation.Validation, answer: Answer) -> None:
    """Every row, and what does not apply, with the reason."""
    rows = [
        [row.claim, row.table, _number(row.prediction, row.prediction_interval, row, row.relation.sign),
         _number(row.measurement, row.measurement_interval, row), row.verdict]
        for row in found.rows
        if row.applies
    ]  # fmt: skip
    columns = ["claim", "ladder or table", "predicted (90 %)", "measured (90 %)", "verdict"]
    answer.show("Predictions and measurements", columns, rows)
    answer.say(*(f"  - {row.claim}, {row.table}: {row.note}" for row in found.rows if row.applies))
    answer.say(*(f"  - {sentence}" for sentence in _refusals(found.rows)))
    answer.say("Verdicts: " + ", ".join(f"{n} {verdict}" for verdict, n in found.counts.items()))
    answer.say(*(f"Read {table.name}: {table.whole.integrity.summary()}" for table in found.tables))


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
