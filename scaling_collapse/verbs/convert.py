"""`scaling-collapse convert`: logs of any program in, one curve table out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..common import InputError, count
from ..output import NO_TABLE, Answer, TableOutputs
from ._options import Number, Sources, Where, parse_where

if TYPE_CHECKING:
    from ..empirical.tables.log_mapping import LogMapping
    from ..theory import Finding, Ladder

__all__ = ["convert"]

TABLE = "curves.parquet"
SHOWN = 12


def convert(
    source: Sources,
    /,
    *,
    map_: Annotated[
        list[str] | None,
        Parameter(
            name="--map", negative="", help="COLUMN=EXPRESSION, e.g. loss=val_loss or tokens='step*524288'. Repeatable."
        ),
    ] = None,
    params: Annotated[
        list[str] | None,
        Parameter(negative="", help="NAME=125M: parameters of a run, or of runs such as 'small*'. Repeatable."),
    ] = None,
    params_from_config: Annotated[str | None, Parameter(help="The setting that holds the parameters.")] = None,
    batch_tokens: Annotated[Number | None, Parameter(help="Tokens that one step sees, e.g. 0.5M.")] = None,
    pattern: Annotated[
        str | None, Parameter(help="A regular expression for lines of a text log; named groups are columns.")
    ] = None,
    mapping: Annotated[Path | None, Parameter(help="The same in a TOML file; --dry-run writes its lines.")] = None,
    where: Where = None,
    common_end: Annotated[
        bool, Parameter(negative="", help="End every run at the last share of its horizon at which all have a loss.")
    ] = False,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Say what was understood, and what would mend the rest; write nothing.")
    ] = False,
    to: TableOutputs = NO_TABLE,
) -> int:
    """Turn logs into one curve table, and say what was understood of them."""
    from ..empirical import read_curves, write_curves
    from ..empirical.tables.log_mapping import LogMapping

    given = _with_options(LogMapping.of(mapping), map_, params, params_from_config, batch_tokens, pattern)
    if dry_run:
        return _dry_run(source, given, Answer("convert", to, inputs=source))
    if to.table is None and to.out is None and to.json is None:
        raise InputError(
            "convert needs --table, the curve table to write; got none. Add --table T.parquet, or --dry-run."
        )
    answer = Answer("convert", to, inputs=source, files=(TABLE,))
    ladder = read_curves(source, where=parse_where(where), mapping=given, common_end=common_end)
    _show(ladder, answer)
    answer.write(
        {"runs": [_run(ladder, i) for i in range(len(ladder))], "integrity": ladder.integrity.to_json()},
        table=lambda path: write_curves(ladder, path),
        table_name=TABLE,
    )
    return 0


def _with_options(
    given: LogMapping,
    columns: Sequence[str] | None,
    params: Sequence[str] | None,
    params_from_config: str | None,
    batch_tokens: float | None,
    pattern: str | None,
) -> LogMapping:
    """The mapping with what the command line says besides; the command line has the last word."""
    from ..empirical.tables.log_mapping import LogMapping

    sizes = dict(_pair("--params", p if "=" in p else f"*={p}", "small=125M") for p in params or [])
    said = LogMapping.of(
        {"columns": dict(_pair("--map", c, "loss=val_loss") for c in columns or []), "params": sizes}
        | ({} if batch_tokens is None else {"batch_tokens": batch_tokens})
    )
    return replace(
        given,
        columns={**given.columns, **said.columns},
        params={**said.params, **{k: v for k, v in given.params.items() if k not in said.params}},
        params_from_config=params_from_config or given.params_from_config,
        batch_tokens=said.batch_tokens or given.batch_tokens,
        pattern=pattern or given.pattern,
    )


def _pair(option: str, text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.strip() and value.strip()):
        raise InputError(f"{option} needs NAME=VALUE; got {text!r}. Write, for example, {option} {example}.")
    return name.strip(), value.strip()


def _show(ladder: Ladder, answer: Answer) -> None:
    """What came out, and what was understood on the way."""
    clock = ladder.curves[0].clock
    answer.say(f"{ladder.headline()}, counted in {clock}")
    rows = [
        [count(p), str(len(runs)), str(sum(map(len, runs))), count(max(c.horizon_tokens for c in runs)),
         f"{sum(c.horizon_loss for c in runs) / len(runs):.6g}"]
        for p, runs in ladder.by_size.items()
    ]  # fmt: skip
    answer.show("Sizes", ["parameters", "runs", "points", f"horizon ({clock})", "final loss"], rows)
    answer.say(f"Read: {ladder.integrity.summary()}")
    _list(ladder.integrity.findings, answer)


def _list(findings: Sequence[Finding], answer: Answer) -> None:
    """What was done first, then what is worth knowing; alike findings once."""
    ordered = sorted(dict.fromkeys(findings), key=lambda f: f.action == "noted")
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in ordered:
        kinds.setdefault((finding.action, finding.kind), []).append(finding)
    for (action, kind), alike in list(kinds.items())[:SHOWN]:
        more = f" (and {len(alike) - 1} more)" if len(alike) > 1 else ""
        answer.say(f"  {action}: {kind}: {alike[0].subject}: {alike[0].detail}{more}")
    if len(kinds) > SHOWN:
        answer.say(f"  ... and {len(kinds) - SHOWN} more kinds (all of them in --json)")


def _run(ladder: Ladder, i: int) -> dict[str, object]:
    curve = ladder.curves[i]
    return {
        "run": curve.run, "params": curve.params, "seed": curve.seed, "points": len(curve), "clock": curve.clock,
        "horizon_tokens": curve.horizon_tokens, "final_loss": curve.horizon_loss,
    }  # fmt: skip


def _dry_run(source: Sequence[Path], mapping: LogMapping, answer: Answer) -> int:
    """What was understood, and the lines of a mapping that would mend the rest."""
    from ..empirical.tables.mending import mending_lines
    from ..empirical.tables.understanding import understand

    found = understand(list(source), mapping)
    rows = [
        [log.source, str(log.log.table.num_rows), ", ".join(log.names), ", ".join(found.missing.get(log.source, []))]
        for log in found.logs[:SHOWN]
    ]
    answer.show("What the logs hold", ["log", "rows", "columns", "missing"], rows)
    if len(found.logs) > SHOWN:
        answer.say(f"  ... and {len(found.logs) - SHOWN} more logs")
    _list(found.findings, answer)
    settings = {key: value for log in found.logs for own in log.log.settings.values() for key, value in own.items()}
    if settings:
        answer.say("Settings: " + ", ".join(f"{k} = {v}" for k, v in list(settings.items())[:SHOWN]))
    lines = mending_lines(found)
    if lines:
        answer.say("Save these lines as mapping.toml, put the right numbers, and add --mapping mapping.toml:", *lines)
    else:
        answer.say("Nothing is missing: leave out --dry-run, and add --table T.parquet.")
    answer.write(
        {"logs": rows, "missing": found.missing, "mapping": lines, "findings": [vars(f) for f in found.findings]}
    )
    return 0
