"""`scaling-collapse simulate`: loss curves of power-law random features under any schedules, as a curve table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
from cyclopts import Parameter

from ..common import InputError
from ..output import NO_TABLE, Answer, TableOutputs, progress_bar
from ._options import Numbers

if TYPE_CHECKING:
    from ..sgd_noise_model.problems.power_law import Features
    from ..sgd_noise_model.solvers.simulation import Solver
    from ..theory import Ladder, LossCurve

__all__ = ["simulate"]

TABLE, PICTURE = "curves.parquet", "curves.png"


def simulate(
    *,
    sizes: Annotated[Numbers, Parameter(help="Parameters d of each size, whole numbers.")],
    alpha: Annotated[float, Parameter(help="Spectrum j^-2alpha.")],
    beta: Annotated[float, Parameter(help="Target j^-beta.")],
    schedule: Annotated[
        list[str] | None, Parameter(negative="", help='E.g. "wsd(decay=0.2)"; may be repeated. Default linear.')
    ] = None,
    kappa: Annotated[float, Parameter(help="Horizon of kappa d^gamma examples.")] = 2.0,
    gamma: Annotated[float | None, Parameter(help="Data exponent; default that of the phase.")] = None,
    dimensions: Annotated[float, Parameter(help="Data dimensions per parameter, v / d.")] = 8.0,
    peak: Annotated[float, Parameter(help="Peak learning rate as a share of each size's stability limit.")] = 0.5,
    batch: Annotated[int, Parameter(help="Examples per step.")] = 1,
    label_noise: Annotated[float, Parameter(help="Variance of the labels' noise.")] = 0.0,
    seeds: Annotated[int, Parameter(help="Single runs per size; 0 for the expected curve.")] = 0,
    features: Annotated[str, Parameter(help="draw or equivalent (expected curves only).")] = "draw",
    solver: Annotated[str, Parameter(help="Of expected curves: numba, numpy, jax or fast.")] = "numba",
    to: TableOutputs = NO_TABLE,
) -> int:
    """Simulate the loss curves of a family of sizes under learning-rate schedules."""
    from ..sgd_noise_model import power_law, schedules, simulate_ladder, stability_limit
    from ..theory import Ladder, phase_gamma, phase_of

    answer = Answer("simulate", to, files=[TABLE, PICTURE])
    widths = _whole(sizes)
    _check(kappa, seeds)
    chosen = [schedules.parse(text) for text in schedule or ["linear"]]
    kind = cast("Features", features)  # power_law and simulate refuse names that they do not know
    problems = [
        power_law(d, v=round(dimensions * d), alpha=alpha, beta=beta, label_noise=label_noise, features=kind, seed=d)
        for d in widths
    ]
    exponent = float(phase_gamma(alpha, beta)) if gamma is None else gamma
    curves: list[LossCurve] = []
    with progress_bar("simulating") as progress:
        for i, one in enumerate(chosen):
            progress(i / len(chosen), f"simulating {one.name}")
            curves += simulate_ladder(
                problems,
                one,
                steps=lambda p: max(2.0, kappa * p.params**exponent / batch),
                peak=lambda p: peak * stability_limit(p, batch),
                batch=batch,
                seeds=seeds,
                solver=cast("Solver", solver),
            )
    ladder, irreducible = Ladder(curves), label_noise / 2
    rows = final_losses(ladder, irreducible)
    facts = {
        "problem": {"alpha": alpha, "beta": beta, "label_noise": label_noise, "phase": str(phase_of(alpha, beta))},
        "horizon": {"kappa": kappa, "gamma": exponent},
        "batch": batch,
        "irreducible_loss": irreducible,
        "runs": rows,
    }
    _show(rows, answer)
    _write(ladder, irreducible, facts, answer)
    return 0


def _write(ladder: Ladder, irreducible: float, facts: dict[str, Any], answer: Answer) -> None:
    from ..empirical import write_curves
    from ..empirical.pictures.curves_picture import draw_curves

    answer.write(
        facts,
        table=lambda path: write_curves(ladder, path),
        table_name=TABLE,
        files={PICTURE: lambda: draw_curves(ladder, irreducible)},
    )


def _whole(sizes: list[float]) -> list[int]:
    for size in sizes:
        if not (size >= 1 and size == int(size)):
            raise InputError(f"simulate needs --sizes as whole numbers >= 1; got {size:g}.")
    return [int(size) for size in sizes]


def _check(kappa: float, seeds: int) -> None:
    if not kappa > 0:
        raise InputError(f"simulate needs --kappa as a number > 0; got {kappa}.")
    if seeds < 0:
        raise InputError(f"simulate needs --seeds >= 0; got {seeds}.")


def _show(rows: list[dict[str, Any]], answer: Answer) -> None:
    shown = [
        [r["schedule"], f"{r['params']:.0f}", str(r["runs"]), f"{r['tokens']:.4g}", f"{r['reducible_loss']:.6g}"]
        for r in rows
    ]
    answer.show("Final reducible loss", ["schedule", "parameters", "runs", "tokens", "loss - L0"], shown)


def final_losses(ladder: Ladder, offset: float) -> list[dict[str, Any]]:
    """Mean final reducible loss of every size and schedule."""
    groups: dict[tuple[str, float], list[LossCurve]] = {}
    for curve in ladder:
        groups.setdefault((str(curve.schedule), curve.params), []).append(curve)
    return [
        {
            "schedule": schedule,
            "params": params,
            "runs": len(curves),
            "tokens": float(curves[0].tokens[-1]),
            "reducible_loss": float(np.mean([c.loss[-1] for c in curves])) - offset,
        }
        for (schedule, params), curves in sorted(groups.items())
    ]
