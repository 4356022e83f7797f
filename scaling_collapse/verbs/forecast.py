"""`scaling-collapse forecast`: whole loss curves from learning rates, and when to cool down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from cyclopts import Parameter

from ..common import InputError
from ..output import announce, print_table, write_files, write_json
from ._options import JsonTarget, Where, parse_where

if TYPE_CHECKING:
    from ..sgd_noise_model import Forecast
    from ..theory import Ladder

__all__ = ["forecast"]

ManyTables = Annotated[
    list[Path], Parameter(consume_multiple=True, negative="", help="Curve tables with lr of runs to learn from.")
]


def forecast(
    *,
    calibrate: ManyTables,
    target: Annotated[
        list[Path] | None,
        Parameter(
            consume_multiple=True, negative="", help="Tables of runs to forecast: run, params, tokens or step, lr"
        ),
    ] = None,
    out: Annotated[Path | None, Parameter(help="Write the result to this .parquet, .csv or .jsonl.")] = None,
    law: Annotated[
        str | None,
        Parameter(help="response, traced-response, one-power, momentum, multi-power or noise. Default: own."),
    ] = None,
    level: Annotated[float, Parameter(help="Coverage of the bands.")] = 0.9,
    plan: Annotated[bool, Parameter(negative="", help="Rank cooldowns for --budget instead.")] = False,
    budget: Annotated[float | None, Parameter(help="With --plan: length of the run, in tokens (or steps).")] = None,
    params: Annotated[float | None, Parameter(help="With --plan: size of the run; default that of the runs.")] = None,
    where: Where = None,
    pictures: Annotated[Path | None, Parameter(help="Write the pictures into this folder.")] = None,
    json: JsonTarget = None,
) -> int:
    """Forecast whole loss curves of other schedules and horizons from their learning rates."""
    from ..empirical import read_curves

    if plan and target:
        raise InputError("forecast needs either --plan or --target; got both. Leave one out.")
    if plan and budget is None:
        raise InputError(
            "forecast --plan needs --budget, the length of the run in tokens (or steps); got none. Add it."
        )
    if not plan and not target:
        raise InputError("forecast needs --target, a table of runs to forecast, or --plan; got neither. Add one.")
    if out is not None and out.suffix not in (".parquet", ".csv", ".jsonl"):
        raise InputError(f"forecast needs --out to end in .parquet, .csv or .jsonl; got {str(out)!r}. Rename it.")
    runs = read_curves(calibrate, where=parse_where(where), use_horizon=False)
    announce(f"Integrity of the calibration runs: {runs.integrity.summary()}", json)
    write = _Answer(table=out, pictures=pictures, json=json)
    if plan:
        assert budget is not None
        return _plan(runs, budget, write, params=params, law=law, level=level)
    return _targets(runs, target or [], write, law=law, level=level)


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """Where the answer goes: a table, a folder of pictures, JSON."""

    table: Path | None
    pictures: Path | None
    json: str | None


def _targets(runs: Ladder, tables: list[Path], write: _Answer, *, law: str | None, level: float) -> int:
    from ..empirical import read_targets, write_curves
    from ..empirical.pictures.forecast_picture import draw_forecasts
    from ..sgd_noise_model import forecast as predict
    from ..sgd_noise_model.laws import in_hindsight
    from ..theory import Ladder

    json = write.json
    targets = read_targets(tables, hindsight=in_hindsight(law))
    found = predict(runs, targets, law=law, level=level)
    for f in found:
        if not np.isfinite(f.loss).all():
            raise InputError(
                f"forecast needs calibration runs that determine the law {f.calibration.law!r}; got "
                f"{f.calibration.status_in_words}. Add runs, or longer ones."
            )
    announce(f"Integrity of the targets: {targets.integrity.summary()}", json)
    written: list[Path] = []
    if write.table is not None:
        curves = [f.target.with_loss(f.loss, loss_low=f.low, loss_high=f.high) for f in found]
        written.append(write_curves(Ladder(curves, targets.integrity), write.table))
    draw: dict[str, Callable[[], bytes]] = {"forecast.png": lambda: draw_forecasts(found, list(runs))}
    written += write_files(write.pictures, draw)
    write_json(
        {
            "forecasts": [f.to_json() for f in found],
            "integrity": {"calibration": runs.integrity.summary(), "targets": targets.integrity.summary()},
        },
        json,
    )
    _show_law(found[0], json)
    rows = [[f.target.run, f"{f.loss[-1]:.6g}", f"{f.low[-1]:.6g} to {f.high[-1]:.6g}"] for f in found]
    print_table("Forecast of the final loss", ["run", "loss", f"{level:.0%} band"], rows, json)
    for run, warning in dict.fromkeys((f.target.run, w) for f in found for w in f.warnings):
        announce(f"  warning: {run}: {warning}", json)
    for path in written:
        announce(f"wrote {path}", json)
    return 0


def _show_law(forecast: Forecast, json: str | None) -> None:
    from ..sgd_noise_model.laws.calibration import LeftOut

    fit = forecast.calibration
    label = " (hindsight: it reads the target's own noise)" if fit.model.hindsight else ""
    announce(f"Law: {fit.law}{label}, fitted to {len(fit.curves)} runs; status: {fit.status_in_words}", json)
    for name, reason in fit.left_out:
        if reason not in (LeftOut.TRUNK, LeftOut.ANOTHER_SIZE):
            announce(f"  left out: {name}: {reason}", json)
    rows = [[p.name, f"{fit.solution.values[p.name]:.4g}", p.meaning] for p in fit.model.parameters]
    print_table("Parameters", ["name", "value", "meaning"], rows, json)


def _plan(runs: Ladder, budget: float, write: _Answer, *, params: float | None, law: str | None, level: float) -> int:
    import pyarrow as pa

    from ..empirical.pictures.forecast_picture import draw_plan
    from ..empirical.tables.curve_writer import write_table
    from ..sgd_noise_model import plan_cooldown

    found = plan_cooldown(list(runs), budget, params=params, law=law, level=level)
    json = write.json
    result = found.to_json()
    written: list[Path] = []
    if write.table is not None:
        written.append(write_table(pa.Table.from_pylist(result["plans"]), write.table, "forecast"))
    written += write_files(write.pictures, {"plan.png": lambda: draw_plan(found)})
    write_json(result, json)
    _show_law(found.best.forecast, json)
    rows = [
        [p.shape, f"{p.fraction:.0%}", f"{p.start:.4g}", f"{p.loss:.6g}", f"{p.low:.6g} to {p.high:.6g}",
         f"{p.gain:.4g}", "best" if p is found.best else "as good" if p.as_good else f"+{p.worse_by:.3g}"]
        for p in (*found.plans[:12], found.constant)
    ]  # fmt: skip
    columns = ["shape", "length", "start", "final loss", f"{level:.0%} band", "gain", "against the best"]
    print_table(f"Cooldowns for a run of {budget:.4g}", columns, rows, json)
    short = found.shortest
    announce(
        f"Latest start as good as the best: {short.shape}, last {short.fraction:.0%}, from {short.start:.4g} on", json
    )
    for note in found.best.forecast.warnings:
        announce(f"  warning: {note}", json)
    for path in written:
        announce(f"wrote {path}", json)
    return 0
