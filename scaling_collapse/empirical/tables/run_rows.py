"""From the rows of one run to a `LossCurve`, with what was found on the way (`repairs.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array, InputError
from ...theory import Finding, LossCurve
from ...theory.curve import Clock
from .columns import NUMERIC, TEXT
from .repairs import (
    known_horizon,
    reached_horizon,
    rows_in_order,
    rows_with_a_loss,
    rows_with_a_step,
    sound_compute,
    thinned_export,
    whole_run,
)

__all__ = ["RunRows", "curve_from_rows"]


@dataclass(frozen=True, eq=False, kw_only=True)
class RunRows:
    """The rows of one run as they stood in the source, in the source's order.

    Parameters
    ----------
    name
        Name of the run, unique in the ladder to be.
    source
        File (or `"frame"`) for messages.
    first_row
        Row number, from 1, of the run's first row in the source.
    columns
        Column name to array, shape (rows,).
    """

    name: str
    source: str
    first_row: int
    columns: dict[str, NDArray[Any]]

    def constant(self, name: str) -> float | None:
        """The run's single value of a column, or None where the column is absent or empty."""
        values = self.columns.get(name)
        if values is None:
            return None
        given = np.unique(values[~np.isnan(values)])
        if given.size > 1:
            raise InputError(
                f"read_curves needs one value of {name!r} per run; got {given[0]:g} and {given[-1]:g} in run "
                f"{self.name!r} of {self.source}. Give the two parts different run names."
            )
        return float(given[0]) if given.size else None


def curve_from_rows(rows: RunRows, use_horizon: bool = True) -> tuple[LossCurve | None, list[Finding]]:
    """The run as a `LossCurve`, or None where it cannot be used; and what was found on the way.

    Parameters
    ----------
    rows
        The run's rows; required columns are present.
    use_horizon
        Whether `optimal_compute` and `horizon_tokens` end the curve; otherwise its last point does.

    Raises
    ------
    InputError
        For what no repair can mend: parameters missing or not positive, negative tokens or steps.
    """
    run = rows.name
    params = _params(rows)
    t, clock = _clock(rows)
    loss = rows.columns["loss"]
    kept, findings = rows_with_a_step(t, run=run, clock=clock)
    kept, found = rows_with_a_loss(loss, kept, run=run)
    findings += found
    if kept.size == 0:
        return None, [*findings, whole_run("no finite loss", run, "no point with a finite loss")]
    kept, found = rows_in_order(t, loss, kept, run=run)
    findings += found
    if kept.size < 2:
        return None, [*findings, whole_run("one point", run, "a curve needs at least 2 points")]
    points = {name: values[kept] for name, values in rows.columns.items()}
    tokens = t[kept]
    compute, found = sound_compute(points.get("compute"), run=run)
    findings += found

    horizon = float(tokens[-1])
    if use_horizon:
        planned, found = known_horizon(_planned_horizon(rows, params, tokens, compute), t, run=run)
        horizon, unreached = reached_horizon(planned, tokens, run=run, clock=clock)
        findings += found + unreached
        if horizon is None:
            return None, findings
    findings += thinned_export(tokens, run=run)

    seed = rows.constant("seed")
    curve = LossCurve(
        run=run,
        params=params,
        tokens=tokens,
        loss=points["loss"],
        seed=None if seed is None else int(seed),
        horizon_tokens=horizon,
        lr=_unless_empty(points.get("lr")),
        compute=compute,  # type: ignore[arg-type]  # None: the default 6 p t
        noise_trace=_unless_empty(points.get("noise_trace")),
        schedule=_schedule(points, run),
        clock=clock,
        extra=_extra(points),
    )
    return curve, findings


def _params(rows: RunRows) -> float:
    params = rows.constant("params")
    if params is None or not params > 0 or not np.isfinite(params):
        raise InputError(
            f"read_curves needs a positive `params` for every run; got {params} for run {rows.name!r} of "
            f"{rows.source}. Fill in the number of parameters."
        )
    return params


def _clock(rows: RunRows) -> tuple[Array, Clock]:
    """Tokens seen per row, >= 0, and what they count: `tokens`, else steps times the batch, else bare steps."""
    if "tokens" in rows.columns:
        t, clock = rows.columns["tokens"], "tokens"
    elif (batch := rows.constant("batch_size")) is None:
        t, clock = rows.columns["step"], "steps"
    else:
        t, clock = rows.columns["step"] * batch * (rows.constant("sequence_length") or 1.0), "tokens"
    if (t < 0).any():
        at = int(np.flatnonzero(t < 0)[0])
        raise InputError(
            f"read_curves needs `{clock}` >= 0; got {t[at]:g} at row {rows.first_row + at} of {rows.source} (run "
            f"{rows.name!r}). Mend or remove that row."
        )
    return t, clock


def _planned_horizon(rows: RunRows, params: float, tokens: Array, compute: Array | None) -> float | None:
    """The horizon `t*` in tokens that the table gives: by `optimal_compute`, else `horizon_tokens`, else None."""
    optimal = rows.constant("optimal_compute")
    if optimal is None:
        return rows.constant("horizon_tokens")
    if compute is not None and optimal <= compute[-1]:
        return float(np.interp(optimal, compute, tokens))
    per_token = 6.0 * params if compute is None else float(compute[-1] / tokens[-1])
    return optimal / per_token


def _schedule(points: dict[str, NDArray[Any]], run: str) -> str | None:
    """The one name in the column `schedule`, or None where there is none."""
    schedules = sorted({s for s in points.get("schedule", ()) if s})
    if len(schedules) > 1:
        raise InputError(
            f"read_curves needs one `schedule` per run; got {', '.join(schedules)} in run {run!r}. "
            "Give the two parts different run names."
        )
    return schedules[0] if schedules else None


def _extra(points: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The columns that no field of a curve holds: one value where all are equal (numbers and text), else the array."""
    kept = ("step", "batch_size", "sequence_length")
    return {n: _scalar_if_constant(v) for n, v in points.items() if n not in NUMERIC | TEXT or n in kept}


def _scalar_if_constant(values: NDArray[Any]) -> Any:
    if values.dtype != object and np.isnan(values.astype(np.float64)).any():
        return values
    return values[0] if (values == values[0]).all() else values


def _unless_empty(values: Array | None) -> Array | None:
    return None if values is None or np.isnan(values).all() else values
