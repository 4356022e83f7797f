"""From the rows of one run to a `LossCurve`, with what was found on the way (`repairs.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array, InputError
from ...theory import Finding, LossCurve
from ...theory.curve import Clock
from .clock import clock_of
from .columns import NUMERIC, TEXT
from .odd_units import compute_in_flops
from .passes import steps_of_one_run, unwrapped
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

__all__ = ["RunRows", "curve_from_rows", "reached_share"]


@dataclass(frozen=True, eq=False, kw_only=True)
class RunRows:
    """The rows of one run as they stood in the source, in the source's order.

    Parameters
    ----------
    name
        Name of the run, unique in the ladder to be.
    source
        File (or `"frame"`) for messages.
    numbers
        Their row numbers in the source, from 1, shape (rows,): the rows of other runs may lie between them.
    columns
        Column name to array, shape (rows,).
    """

    name: str
    source: str
    numbers: NDArray[np.intp]
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


def curve_from_rows(
    rows: RunRows, use_horizon: bool = True, *, share: float = 1.0
) -> tuple[LossCurve | None, list[Finding]]:
    """The run as a `LossCurve`, or None where it cannot be used; and what was found on the way.

    Parameters
    ----------
    rows
        The run's rows; required columns are present.
    use_horizon
        Whether `optimal_compute` and `horizon_tokens` end the curve; otherwise its last point does.
    share
        Of the horizon at which the curve ends.

    Raises
    ------
    InputError
        For what no repair can mend: parameters missing or not positive, negative tokens or steps.
    """
    run = rows.name
    params = _params(rows)
    t, clock, kept, findings = _points_in_order(rows)
    if kept.size < 2:
        return None, findings
    points = {name: values[kept] for name, values in rows.columns.items()}
    tokens = t[kept]
    compute, found = sound_compute(points.get("compute"), run=run)
    findings += found

    horizon = float(tokens[-1])
    if use_horizon:
        planned, found = known_horizon(_planned_horizon(rows, params, tokens, compute), t, run=run)
        horizon, unreached = reached_horizon(planned * share, tokens, run=run, clock=clock)
        findings += found + unreached
        if horizon is None:
            return None, findings
    if clock == "tokens":
        compute, found = compute_in_flops(compute, params, tokens, run=run)
        findings += found
    findings += thinned_export(tokens, run=run)

    curve = LossCurve(
        run=run,
        params=params,
        tokens=tokens,
        loss=points["loss"],
        seed=_seed(rows),
        horizon_tokens=horizon,
        lr=_unless_empty(points.get("lr")),
        compute=compute,  # type: ignore[arg-type]  # None: the default 6 p t
        noise_trace=_unless_empty(points.get("noise_trace")),
        schedule=_schedule(points, run),
        clock=clock,
        extra=_extra(points),
    )
    return curve, findings


def _points_in_order(rows: RunRows) -> tuple[Array, Clock, NDArray[np.intp], list[Finding]]:
    """The steps of all rows, what they count, and the rows that make the curve; fewer than 2 where there is none."""
    run, loss = rows.name, rows.columns["loss"]
    t, clock, findings = _clock(rows)
    kept, found = rows_with_a_step(t, run=run, clock=clock)
    findings += found
    kept, found = rows_with_a_loss(loss, kept, run=run)
    findings += found
    if kept.size == 0:
        return t, clock, kept, [*findings, whole_run("no finite loss", run, "no point with a finite loss")]
    t, found = steps_of_one_run(t, loss, kept, run=run, source=rows.source)
    findings += found
    kept, found = rows_in_order(t, loss, kept, run=run)
    findings += found
    if kept.size < 2:
        findings.append(whole_run("one point", run, "a curve needs at least 2 points"))
    return t, clock, kept, findings


def reached_share(rows: RunRows) -> float | None:
    """The share of its horizon up to which a run has losses, at most 1; None for a run without a curve."""
    curve, _ = curve_from_rows(rows, use_horizon=False)
    if curve is None:
        return None
    t, _, _ = _clock(rows)
    planned = _planned_horizon(rows, curve.params, curve.tokens, curve.compute)
    horizon, _ = known_horizon(planned, t, run=rows.name)
    return min(1.0, float(curve.tokens[-1]) / horizon)


def _params(rows: RunRows) -> float:
    params = rows.constant("params")
    if params is None or not params > 0 or not np.isfinite(params):
        raise InputError(
            f"read_curves needs a positive `params` for every run; got {params} for run {rows.name!r} of "
            f"{rows.source}. Fill in the number of parameters."
        )
    return params


def _clock(rows: RunRows) -> tuple[Array, Clock, list[Finding]]:
    """Tokens (or bare steps) seen per row, >= 0, what they count, and how they were mended."""
    t, clock, findings = clock_of(rows.columns, rows.constant, run=rows.name)
    t, found = unwrapped(t, run=rows.name, clock=clock)
    if (t < 0).any():
        at = int(np.flatnonzero(t < 0)[0])
        raise InputError(
            f"read_curves needs `{clock}` >= 0; got {t[at]:g} at row {rows.numbers[at]} of {rows.source} (run "
            f"{rows.name!r}). Mend or remove that row."
        )
    return t, clock, findings + found


def _seed(rows: RunRows) -> int | None:
    """The run's seed, a whole number."""
    seed = rows.constant("seed")
    if seed is None:
        return None
    if not (np.isfinite(seed) and float(seed).is_integer()):
        at = int(np.flatnonzero(rows.columns["seed"] == seed)[0])
        raise InputError(
            f"read_curves needs whole numbers in column 'seed'; got {seed:g} at row {rows.numbers[at]} of "
            f"{rows.source} (run {rows.name!r}). Number the seeds 0, 1, 2."
        )
    return int(seed)


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
