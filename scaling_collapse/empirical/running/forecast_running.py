"""`forecast_running`: the final loss of a run in progress, from its family's finished runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common import InputError, Source, count, opened
from ...theory import Ladder, LossCurve
from .left_out_size import leave_out_largest
from .reference_choice import ReferenceChoice, usable_references
from .run_outlook import run_outlook
from .running_forecast import RunningForecast
from .running_status import SENTENCES, RunningStatus
from .shape_prior import Outlook

__all__ = ["forecast_running"]


def forecast_running(
    partial: LossCurve | Source,
    reference: Ladder | Source,
    *,
    horizon: float | None = None,
    offset: float = 0.0,
    level: float = 0.9,
    check: bool = True,
) -> RunningForecast:
    """Forecast the rest of a run in progress: `L(T)` and the whole curve until then, each with a band.

    At equal progress `t / T`, `ln(L / L(T))` is nearly the same at all sizes of a family. How it drifts with size and
    scatters is estimated from the finished runs (docs/reference/running.md).

    Parameters
    ----------
    partial
        What was logged so far, one run: a curve, or a table with the columns of `read_curves`.
    reference
        Finished runs of the family: smaller sizes, other seeds, other horizons; a run of the same name is left out.
    horizon
        `T`, tokens (or steps) at which it will end; default `horizon_tokens` of a table, `planned_tokens` of a curve.
    offset
        Subtracted from all losses: 0, or the irreducible loss where it is known.
    level
        Coverage of the bands.
    check
        Whether to forecast the largest reference size too; it costs as much again.

    Raises
    ------
    InputError
        If the horizon is unknown, or no reference is usable.

    Examples
    --------
    >>> x = np.linspace(0.02, 1, 50)
    >>> def run(p, end=50):
    ...     return LossCurve(run=f"{p:g}", params=p, tokens=20 * p * x[:end], loss=p**-0.1 * (2 + x[:end] ** -0.5))
    >>> found = forecast_running(run(8e6, 15), [run(1e6), run(2e6), run(4e6)], horizon=1.6e8)
    >>> print(found.status, round(found.final, 3), round(3 * 8e6**-0.1, 3))
    ok 0.612 0.612
    """
    partial, horizon, assumed = _run_in_progress(partial, horizon)
    _check_level(level)
    usable = usable_references(partial, Ladder.of(reference), offset)
    choice = ReferenceChoice.of(usable, params=partial.params, horizon=horizon, offset=offset)
    if not choice.rule.known and partial.params not in usable.sizes:
        assumed.append("the run is trained as long for its size as the reference: one size does not show the rule")
    progress = partial.tokens[-1] / horizon
    outlook = None if progress >= 1.0 else run_outlook(choice, partial, horizon, level)
    found = _of_the_run(choice, progress, outlook) + (choice.findings() if progress < 1.0 else [])
    return RunningForecast(
        status=found[0][0] if found else RunningStatus.OK, run=partial.run, params=float(partial.params),
        progress=progress, horizon_tokens=horizon, level=level, offset=offset,
        references=tuple(c.run for c in choice.curves),
        left_out=leave_out_largest(choice, progress, level) if check and outlook is not None else None,
        assumed=tuple(assumed), warnings=tuple(sentence for _, sentence in found), partial=partial,
        ladder=Ladder(choice.curves), **_rest(partial, horizon, offset, outlook),
    )  # fmt: skip


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"forecast_running needs a level between 0 and 1; got {level:g}. Give 0.9, for example.")


def _of_the_run(choice: ReferenceChoice, progress: float, outlook: Outlook | None) -> list[tuple[RunningStatus, str]]:
    """What the run itself shows, with its sentence."""
    if progress >= 1.0:
        return [(RunningStatus.FINISHED, SENTENCES[RunningStatus.FINISHED])]
    if outlook is None:
        words = {"progress": progress, "first": choice.shapes().grid.first}
        return [(RunningStatus.TOO_EARLY, SENTENCES[RunningStatus.TOO_EARLY].format(**words))]
    return [(RunningStatus.UNLIKE, SENTENCES[RunningStatus.UNLIKE])] if outlook.unlike else []


def _rest(partial: LossCurve, horizon: float, offset: float, outlook: Outlook | None) -> dict[str, Any]:
    """The rest of the curve and its end, as fields of the result."""
    if outlook is None:
        end = float(partial.loss_at([horizon])[0])  # NaN before it is reached
        none = dict.fromkeys(("tokens", "loss", "loss_low", "loss_high"), np.zeros(0))
        return {"final": end, "low": end, "high": end, **none}
    loss, low, high = (offset + np.exp(side) for side in (outlook.median, outlook.low, outlook.high))
    return {
        "final": float(loss[-1]), "low": float(low[-1]), "high": float(high[-1]),
        "tokens": outlook.x * horizon, "loss": loss, "loss_low": low, "loss_high": high,
    }  # fmt: skip


def _run_in_progress(partial: LossCurve | Source, horizon: float | None) -> tuple[LossCurve, float, list[str]]:
    """The run, its horizon, and what was assumed of it."""
    found = opened(partial, "running")
    curves = [found] if isinstance(found, LossCurve) else list(found)
    if len(curves) != 1:
        names = ", ".join(c.run for c in curves[:4])
        raise InputError(f"forecast_running needs one run in progress; got {len(curves)} ({names}). Choose one.")
    curve = curves[0]
    planned = curve.extra.get("planned_tokens")
    assumed = []
    if horizon is None and planned is not None:
        horizon = float(np.ravel(planned)[0])
        if horizon == curve.tokens[-1]:  # as every table says whose writer knew nothing better
            raise InputError(
                f"forecast_running needs a run that has not ended; got {curve.run!r}, whose horizon in the table is "
                "its last logged point. Give the horizon."
            )
        assumed.append(f"it will end after {count(horizon)} {curve.clock}, as its table says")
    if horizon is None or not (np.isfinite(horizon) and horizon > 0):
        raise InputError(
            f"forecast_running needs the horizon of run {curve.run!r}, the {curve.clock} at which it will end; got "
            f"{'none' if horizon is None else format(horizon, 'g')}. Give it, or a column horizon_tokens."
        )
    return curve, float(horizon), assumed
