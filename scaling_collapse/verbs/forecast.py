"""`scaling-collapse forecast`: whole loss curves from learning rates, and when to cool down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from ..common import InputError, count
from ..output import NO_TABLE, Answer, TableOutputs
from ._options import Number, Where, parse_where

if TYPE_CHECKING:
    from ..sgd_noise_model import Forecast
    from ..theory import Ladder

__all__ = ["forecast"]

Runs = Annotated[list[Path], Parameter(name="RUNS", help="Curve tables with lr: the runs to learn from.")]
FORECAST = ("forecast.parquet", "forecast.png")
PLAN = ("plan.parquet", "plan.png", "schedule.csv", "schedule.json")
SHOWN = 12  # plans in the terminal


def forecast(
    runs: Runs,
    /,
    *,
    target: Annotated[
        list[Path] | None,
        Parameter(
            consume_multiple=True, negative="", help="Tables of runs to forecast: run, params, tokens or step, lr."
        ),
    ] = None,
    running: Annotated[
        Path | None,
        Parameter(help="A run in progress: its table, or its name in RUNS. RUNS are then finished runs of its family."),
    ] = None,
    horizon: Annotated[Number | None, Parameter(help="With --running: tokens (or steps) at which it will end.")] = None,
    offset: Annotated[float, Parameter(help="With --running: irreducible loss, where it is known.")] = 0.0,
    plan: Annotated[bool, Parameter(negative="", help="Rank cooldowns for --budget instead.")] = False,
    budget: Annotated[Number | None, Parameter(help="With --plan: length of the run, in tokens (or steps).")] = None,
    params: Annotated[Number | None, Parameter(help="With --plan: size of the run; default that of RUNS.")] = None,
    law: Annotated[
        str | None,
        Parameter(
            help="response, traced-response, momentum, multi-power, functional, convex-bound, one-power or noise."
        ),
    ] = None,
    level: Annotated[float, Parameter(help="Coverage of the bands.")] = 0.9,
    far: Annotated[bool, Parameter(negative="", help="Plan beyond 3 times the longest calibration run.")] = False,
    where: Where = None,
    to: TableOutputs = NO_TABLE,
) -> int:
    """Forecast whole loss curves of other schedules and horizons from their learning rates."""
    from ..empirical import read_curves

    if running is not None:
        from ._running import forecast_runs_in_progress

        if plan or target:
            raise InputError("forecast needs one of --running, --target and --plan; got two. Leave one out.")
        return forecast_runs_in_progress(runs, running, to, where=where, horizon=horizon, offset=offset, level=level)
    if plan and target:
        raise InputError("forecast needs either --plan or --target; got both. Leave one out.")
    if plan and budget is None:
        raise InputError(
            "forecast --plan needs --budget, the length of the run in tokens (or steps); got none. Add it."
        )
    if not plan and not target:
        raise InputError(
            "forecast needs --target, a table of runs to forecast, --running, a run in progress, or --plan; got none. "
            "Add one."
        )
    answer = Answer("forecast", to, inputs=[*runs, *(target or [])], files=PLAN if plan else FORECAST)
    learnt = read_curves(runs, where=parse_where(where), use_horizon=False)
    if plan:
        assert budget is not None
        options = {"params": params, "law": law, "level": level, "far": far}
        return _plan(learnt, budget, answer, **options)
    return _targets(learnt, target or [], answer, law=law, level=level)


def _targets(runs: Ladder, tables: list[Path], answer: Answer, *, law: str | None, level: float) -> int:
    from ..empirical import read_targets, write_curves
    from ..empirical.pictures.forecast_picture import draw_forecasts
    from ..sgd_noise_model import forecast as predict
    from ..sgd_noise_model.laws import in_hindsight
    from ..theory import Ladder

    targets = read_targets(tables, hindsight=in_hindsight(law))
    found = predict(runs, targets, law=law, level=level)
    for f in found:
        if not np.isfinite(f.loss).all():
            raise InputError(
                f"forecast needs calibration runs that determine the law {f.calibration.law!r}; got "
                f"{f.calibration.status_in_words}. Add runs, or longer ones."
            )
    rows = [[f.target.run, f"{f.loss[-1]:.6g}", f"{f.low[-1]:.6g} to {f.high[-1]:.6g}"] for f in found]
    answer.show("Forecast of the final loss", ["run", "loss", f"{level:.0%} band"], rows)
    told = dict.fromkeys((f.target.run, w) for f in found for w in f.warnings)
    answer.say(*(f"  warning: {run}: {warning}" for run, warning in told))
    _show_law(found[0], answer)
    answer.say(f"Read to learn from: {runs.integrity.summary()}", f"Read to forecast: {targets.integrity.summary()}")
    curves = [f.target.with_loss(f.loss, loss_low=f.low, loss_high=f.high) for f in found]
    answer.write(
        {
            "forecasts": [f.to_json() for f in found],
            "integrity": {"calibration": runs.integrity.summary(), "targets": targets.integrity.summary()},
        },
        table=lambda path: write_curves(Ladder(curves, targets.integrity), path),
        table_name=FORECAST[0],
        files={FORECAST[1]: lambda: draw_forecasts(found, list(runs))},
    )
    return 0


def _show_law(forecast: Forecast, answer: Answer) -> None:
    from ..sgd_noise_model.laws.calibration import LeftOut

    fit = forecast.calibration
    label = " (hindsight: it reads the target's own noise)" if fit.model.hindsight else ""
    answer.say(f"Law: {fit.law}{label}, fitted to {len(fit.curves)} runs; status: {forecast.status}")
    answer.say(
        *(
            f"  left out: {name}: {reason}"
            for name, reason in fit.left_out
            if reason not in (LeftOut.TRUNK, LeftOut.ANOTHER_SIZE)
        )
    )
    rows = [[p.name, f"{fit.solution.values[p.name]:.4g}", p.meaning] for p in fit.model.parameters]
    answer.show("Parameters", ["name", "value", "meaning"], rows)


def _plan(runs: Ladder, budget: float, answer: Answer, *, level: float, **options: Any) -> int:
    import pyarrow as pa

    from ..empirical.pictures.forecast_picture import draw_plan
    from ..empirical.tables.curve_writer import write_table
    from ..sgd_noise_model import plan_cooldown

    found = plan_cooldown(list(runs), budget, level=level, **options)
    target, short = found.best.forecast.target, found.shortest
    unit = "steps" if target.clock == "steps" else "tokens"
    answer.say(
        f"Cool down over the last {short.fraction:.0%} ({short.shape}), from {count(short.start)} {unit} on: the "
        f"latest start that is as good as the best, for {count(target.params)} parameters and {count(budget)} {unit}"
    )
    answer.say(f"  assumed: {found.recipe.words()}; final rate {short.forecast.target.lr[-1]:.4g}")
    answer.say(*(f"  warning: {note}" for note in found.best.forecast.warnings))
    rows = [
        [p.shape, f"{p.fraction:.0%}", f"{p.start:.4g}", f"{p.loss:.6g}", f"{p.low:.6g} to {p.high:.6g}",
         f"{p.gain:.4g}", "best" if p is found.best else "as good" if p.as_good else f"+{p.worse_by:.3g}"]
        for p in (*found.plans[:SHOWN], found.constant)
    ]  # fmt: skip
    columns = ["shape", "length", f"start ({unit})", "final loss", f"{level:.0%} band", "gain", "against the best"]
    answer.show(f"Cooldowns for a run of {budget:.4g} {unit}", columns, rows)
    _show_law(found.best.forecast, answer)
    answer.say(f"Read to learn from: {runs.integrity.summary()}")
    result = found.to_json()
    answer.write(
        result,
        table=lambda path: write_table(pa.Table.from_pylist(result["plans"]), path, "forecast"),
        table_name=PLAN[0],
        files={PLAN[1]: lambda: draw_plan(found), PLAN[2]: found.schedule.csv, PLAN[3]: found.schedule.json},
    )
    return 0
