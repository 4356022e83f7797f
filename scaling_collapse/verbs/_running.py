"""`scaling-collapse forecast --running`: where runs in progress will end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..common import InputError, count
from ..output import Answer, TableOutputs
from ._options import parse_where

if TYPE_CHECKING:
    from ..empirical import RunningForecast
    from ..theory import Ladder

__all__ = ["forecast_runs_in_progress"]

TABLE, PICTURE = "running.parquet", "running.png"


def forecast_runs_in_progress(
    references: list[Path],
    running: Path,
    to: TableOutputs,
    *,
    where: list[str] | None,
    horizon: float | None,
    offset: float,
    level: float,
) -> int:
    """Forecast every run in the table `running`, or the one of that name in `references`, from the others."""
    from ..empirical import forecast_running, read_curves, write_curves
    from ..empirical.pictures.running_picture import draw_running
    from ..theory import Ladder

    answer = Answer("forecast", to, inputs=[*references, running], files=[TABLE, PICTURE])
    partials = _partials(references, running, where)
    names = {c.run for c in partials}
    family = read_curves(references, where=parse_where(where))
    finished = [c for c in family if c.run not in names]
    if not finished:
        raise InputError(
            f"forecast --running needs finished runs of the family; got none besides {', '.join(sorted(names))}. "
            "Name the table of the smaller sizes first."
        )
    ladder = Ladder(finished, family.integrity)
    found = [forecast_running(c, ladder, horizon=horizon, offset=offset, level=level) for c in partials]
    for one in found:
        _show(one, answer)
    answer.say(f"Read as references: {family.integrity.summary()}", f"Read in progress: {partials.integrity.summary()}")
    curves = [c for one in found if (c := one.curve) is not None]
    result = {
        "status": max((f.status for f in found), key=lambda s: s != "ok"),
        "warnings": list(dict.fromkeys(w for f in found for w in f.warnings)),
        "final": [row for f in found for row in f.to_json()["final"]],
        "runs": [{"run": f.run, **f.to_json()} for f in found],
        "integrity": {"references": family.integrity.summary(), "running": partials.integrity.summary()},
    }
    if not curves:
        answer.write(result)
        return 0
    answer.write(
        result,
        table=lambda path: write_curves(Ladder(curves), path),
        table_name=TABLE,
        files={PICTURE: lambda: draw_running(found)},
    )
    return 0


def _partials(references: list[Path], running: Path, where: list[str] | None) -> Ladder:
    """The runs of that table; or the run of that name among the references."""
    from ..empirical import read_running

    if running.exists() or str(running).startswith("example:"):
        return read_running(running, where=parse_where(where))
    known = read_running(references, where=parse_where(where))
    named = [c.run for c in known if c.run == str(running)]
    if not named:
        names = [c.run for c in known]
        some = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        raise InputError(
            f"forecast --running needs a table that exists, or the name of a run in RUNS ({some}); got {running}. "
            "Check the path."
        )
    return known.select(lambda c: c.run == named[0])


def _show(found: RunningForecast, answer: Answer) -> None:
    """The end of one run, what it rests on, and how far the method can be trusted here."""
    run = (
        f"{found.run} ({count(found.params)} parameters, {found.progress:.0%} of {count(found.horizon_tokens)} tokens)"
    )
    if found.partial.clock == "steps":
        run = run.replace(" tokens)", " steps)")
    if found.claimed:
        answer.say(
            f"{run} will end at a loss of {found.final:.5g} ({found.level:.0%} band {found.low:.5g} to "
            f"{found.high:.5g}); status: {found.status}"
        )
    else:
        answer.say(f"Nothing is forecast for {run}: {found.status}")
    answer.say(*(f"  warning: {w}" for w in found.warnings))
    sizes = ", ".join(count(p) for p in found.ladder.sizes)
    answer.say(f"  - rests on {len(found.references)} finished runs of {sizes} parameters")
    if found.left_out is not None:
        out = found.left_out
        answer.say(
            f"  - leaving out the largest of these ({count(out.params)}) and forecasting it in the same way, the "
            f"method was off by {out.error:.2%}; {out.inside} of {out.runs} ended inside the band"
        )
    answer.say(*(f"  - assumed: {a}" for a in found.assumed))
