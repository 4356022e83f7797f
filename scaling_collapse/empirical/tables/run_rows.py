"""From the rows of one run to a `LossCurve`: order, restarts, gaps and the horizon, each repair reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import InputError
from ...theory import Finding, LossCurve
from ...theory.curve import Clock
from ...theory.integrity import Action
from .columns import NUMERIC, TEXT

__all__ = ["RunRows", "curve_from_rows"]

EXPORT_SIZES = (500, 1000, 1500, 10000)  # points to which trackers thin a history when they export it


@dataclass(frozen=True)
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


def _constant(rows: RunRows, name: str) -> float | None:
    """The run's single value of a column, or None where the column is absent or empty."""
    values = rows.columns.get(name)
    if values is None:
        return None
    given = np.unique(values[~np.isnan(values)])
    if given.size > 1:
        raise InputError(
            f"read_curves needs one value of {name!r} per run; got {given[0]:g} and {given[-1]:g} in run "
            f"{rows.name!r} of {rows.source}. Give the two parts different run names."
        )
    return float(given[0]) if given.size else None


def _clock(rows: RunRows) -> tuple[NDArray[np.float64], Clock]:
    """Tokens seen per row, and what they count: `tokens`, else steps times the batch, else bare steps."""
    if "tokens" in rows.columns:
        return rows.columns["tokens"], "tokens"
    batch = _constant(rows, "batch_size")
    if batch is None:
        return rows.columns["step"], "steps"
    return rows.columns["step"] * batch * (_constant(rows, "sequence_length") or 1.0), "tokens"


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
    findings: list[Finding] = []

    def found(kind: str, action: Action, detail: str, count: int = 1) -> None:
        findings.append(Finding(kind, action, rows.name, detail, count))

    params = _constant(rows, "params")
    if params is None or not params > 0 or not np.isfinite(params):
        raise InputError(
            f"read_curves needs a positive `params` for every run; got {params} for run {rows.name!r} of "
            f"{rows.source}. Fill in the number of parameters."
        )
    t, clock = _clock(rows)
    loss = rows.columns["loss"]
    if (t < 0).any():
        at = int(np.flatnonzero(t < 0)[0])
        raise InputError(
            f"read_curves needs `{clock}` >= 0; got {t[at]:g} at row {rows.first_row + at} of {rows.source} (run "
            f"{rows.name!r}). Mend or remove that row."
        )
    logged_until = float(np.max(t, initial=0.0, where=np.isfinite(t)))

    keep = np.isfinite(t)
    if not keep.all():
        found("missing step", "dropped", f"{(~keep).sum()} rows without a number of {clock}", int((~keep).sum()))
    bad_loss = keep & ~np.isfinite(loss)
    if bad_loss.any():
        count = int(bad_loss.sum())
        found("non-finite loss", "dropped", f"{count} points whose loss is missing, NaN or infinite", count)
    index = np.flatnonzero(keep & ~bad_loss)
    if index.size == 0:
        found("no finite loss", "dropped", "the whole run: no point with a finite loss")
        return None, findings

    index = _in_order(t, loss, index, found)
    if index.size < 2:
        found("one point", "dropped", "the whole run: a curve needs at least 2 points")
        return None, findings

    tokens = t[index]
    per_point = {name: values[index] for name, values in rows.columns.items() if name not in ("run", "params")}
    compute = per_point.pop("compute", None)
    if compute is not None and (~np.isfinite(compute)).any():
        found("compute gaps", "repaired", "compute missing at some points: 6 x params x tokens is used instead")
        compute = None
    if compute is not None and not (np.diff(compute) > 0).all():
        found("compute order", "repaired", "compute does not increase: 6 x params x tokens is used instead")
        compute = None

    horizon, how = _horizon(rows, params, tokens, compute, use_horizon)
    if how == "last point" and use_horizon:
        horizon = logged_until
        found("missing horizon", "noted", "neither horizon_tokens nor optimal_compute: it ends at the last point")
    last = float(tokens[-1])
    if horizon > last:
        # Logs commonly end a step, or up to one logging interval, before the planned end.
        interval = float(np.diff(tokens[-8:]).max())
        if horizon - last > min(1.001 * interval, 0.01 * horizon):
            found(
                "stopped early",
                "dropped",
                f"the whole run: its losses end at {last / horizon:.1%} of its horizon of {horizon:g} {clock}",
            )
            return None, findings
        horizon = last
    if len(index) in EXPORT_SIZES and np.unique(np.diff(tokens)).size > 0.2 * len(index):
        found("sampled export", "noted", f"{len(index)} unevenly spaced points: the history looks thinned")

    seed = _constant(rows, "seed")
    schedules = {s for s in per_point.pop("schedule", np.array([])) if s}
    if len(schedules) > 1:
        raise InputError(
            f"read_curves needs one `schedule` per run; got {', '.join(sorted(schedules))} in run {rows.name!r}. "
            "Give the two parts different run names."
        )
    extra = {
        name: _scalar_if_constant(values)
        for name, values in per_point.items()
        if name not in NUMERIC | TEXT or name in ("step", "batch_size", "sequence_length")
    }
    curve = LossCurve(
        run=rows.name,
        params=params,
        tokens=tokens,
        loss=per_point["loss"],
        seed=None if seed is None else int(seed),
        horizon_tokens=horizon,
        lr=_unless_empty(per_point.get("lr")),
        compute=compute,  # type: ignore[arg-type]  # None: the default 6 p t
        noise_trace=_unless_empty(per_point.get("noise_trace")),
        schedule=next(iter(schedules), None),
        clock=clock,
        extra=extra,
    )
    return curve, findings


def _in_order(t: NDArray[np.float64], loss: NDArray[np.float64], index: NDArray[np.intp], found: Any) -> Any:
    """Row numbers in increasing `t`, the last row of each repeated `t` (a restart overwrites what it repeats)."""
    if (np.diff(t[index]) > 0).all():
        return index
    backwards = int((np.diff(t[index]) < 0).sum())
    order = index[np.argsort(t[index], kind="stable")]
    last_of_repeat = np.append(np.diff(t[order]) > 0, True)
    repeats = int((~last_of_repeat).sum())
    if not repeats:
        found("steps out of order", "repaired", f"steps go back {backwards} times: sorted", backwards)
    elif backwards:
        detail = f"steps go back {backwards} times and {repeats} repeat: the later rows replace the earlier ones"
        found("restart", "merged", detail, repeats)
    else:
        same = bool((loss[order][:-1] == loss[order][1:])[~last_of_repeat[:-1]].all())
        what = "equal" if same else "different"
        found(
            "repeated step",
            "merged",
            f"{repeats} points repeat a step with {what} losses: the last stays",
            repeats,
        )
    return order[last_of_repeat]


def _horizon(
    rows: RunRows,
    params: float,
    tokens: NDArray[np.float64],
    compute: NDArray[np.float64] | None,
    use_horizon: bool,
) -> tuple[float, str]:
    """The horizon `t*` in tokens and where it comes from."""
    if use_horizon:
        optimal = _constant(rows, "optimal_compute")
        if optimal is not None:
            if compute is not None and optimal <= compute[-1]:
                return float(np.interp(optimal, compute, tokens)), "optimal_compute"
            per_token = 6.0 * params if compute is None else float(compute[-1] / tokens[-1])
            return optimal / per_token, "optimal_compute"
        planned = _constant(rows, "horizon_tokens")
        if planned is not None:
            return planned, "horizon_tokens"
    return float(tokens[-1]), "last point"


def _scalar_if_constant(values: NDArray[Any]) -> Any:
    """One value where all are equal (numbers and text alike), else the array."""
    if values.dtype != object and np.isnan(values.astype(np.float64)).any():
        return values
    return values[0] if (values == values[0]).all() else values


def _unless_empty(values: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    return None if values is None or np.isnan(values).all() else values
