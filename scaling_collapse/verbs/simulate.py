"""`scaling-collapse simulate`: loss curves of power-law random features under any schedules, as a curve table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
from cyclopts import Parameter

from ..common import InputError
from ..output import announce, print_table, progress_bar, write_files, write_json
from ._options import JsonTarget

if TYPE_CHECKING:
    from ..sgd_noise_model.problems.power_law import Features
    from ..sgd_noise_model.solvers.simulation import Solver
    from ..theory import Ladder, LossCurve

__all__ = ["simulate"]


def simulate(
    *,
    sizes: Annotated[list[int], Parameter(consume_multiple=True, negative="", help="Parameters d of each size.")],
    alpha: Annotated[float, Parameter(help="Spectrum j^-2alpha.")],
    beta: Annotated[float, Parameter(help="Target j^-beta.")],
    out: Annotated[Path, Parameter(help="Write curves.parquet and the pictures into this folder.")],
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
    json: JsonTarget = None,
) -> int:
    """Simulate the loss curves of a family of sizes under learning-rate schedules."""
    from ..sgd_noise_model import power_law, schedules, simulate_ladder, stability_limit
    from ..theory import Ladder, phase_gamma, phase_of

    _check(sizes, kappa, seeds)
    chosen = [schedules.parse(text) for text in schedule or ["linear"]]
    kind = cast("Features", features)  # power_law and simulate refuse names that they do not know
    problems = [
        power_law(d, v=round(dimensions * d), alpha=alpha, beta=beta, label_noise=label_noise, features=kind, seed=d)
        for d in sizes
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
    written = _write(ladder, irreducible, out)
    write_json(facts, json)
    _show(rows, json)
    for path in written:
        announce(f"wrote {path}", json)
    return 0


def _check(sizes: list[int], kappa: float, seeds: int) -> None:
    for name, value, needs in (("--sizes", len(sizes), "at least one size"), ("--kappa", kappa, "a number > 0")):
        if not value > 0:
            raise InputError(f"simulate needs {name} as {needs}; got {value}.")
    if seeds < 0:
        raise InputError(f"simulate needs --seeds >= 0; got {seeds}.")


def _write(ladder: Ladder, offset: float, out: Path) -> list[Path]:
    """The curve table and the picture of it."""
    from ..empirical import write_curves
    from ..empirical.pictures.curves_picture import draw_curves
    from ..empirical.tables.files import ensure_folder

    ensure_folder(out)
    table = write_curves(ladder, out / "curves.parquet")
    return [table, *write_files(out, {"curves.png": lambda: draw_curves(ladder, offset)})]


def _show(rows: list[dict[str, Any]], json: str | None) -> None:
    shown = [
        [r["schedule"], f"{r['params']:.0f}", str(r["runs"]), f"{r['tokens']:.4g}", f"{r['reducible_loss']:.6g}"]
        for r in rows
    ]
    print_table("Final reducible loss", ["schedule", "parameters", "runs", "tokens", "loss - L0"], shown, json)


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
