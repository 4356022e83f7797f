"""`scaling-collapse fit`: the compute-optimal horizon; with `--law` loss over sizes and data."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ..output import NOWHERE, Answer, Outputs
from ._options import Sources, Where, parse_where

__all__ = ["fit"]


def fit(
    source: Sources,
    /,
    *,
    law: Annotated[
        bool, Parameter(negative="", help="Fit loss over parameters and tokens to runs of several sizes and horizons.")
    ] = False,
    where: Where = None,
    to: Outputs = NOWHERE,
) -> int:
    """Fit the compute-optimal horizon t* = kappa p^gamma from over-trained constant-LR runs."""
    if law:
        from ._loss_surface import answer_law

        return answer_law(source, where=parse_where(where), to=to)
    from ..empirical import fit_horizon, read_curves
    from ..empirical.pictures.horizon_picture import draw_horizon

    answer = Answer("fit", to, inputs=source, files=["horizon.png"])
    ladder = read_curves(source, where=parse_where(where), use_horizon=False)
    result = fit_horizon(ladder)
    low, high = result.gamma_interval
    answer.say(
        f"A model of p parameters is compute-optimal at t* = {result.kappa:.5g} p^{result.gamma:.4f} tokens",
        f"  data exponent gamma = {result.gamma:.4f} ({result.level:.0%} interval {low:.4f} to {high:.4f})",
    )
    low, high = result.kappa_interval
    answer.say(
        f"  coefficient kappa = {result.kappa:.5g} ({low:.3g} to {high:.3g})",
        f"  in compute: C*(p) = 1e15 (p / {result.scale:.8g})^{result.exponent:.4f} FLOPs",
    )
    rows = [
        [f"{s.params:.0f}", s.status, f"{s.low:.3g} to {s.high:.3g}" if s.low == s.low else "-",
         f"{s.optimal_compute:.4g}" if s.status == "used" else "-"]
        for s in result.sizes
    ]  # fmt: skip
    answer.show("Pareto frontier", ["parameters", "status", "best for C (FLOPs)", "C* (FLOPs)"], rows)
    answer.say(f"Read: {ladder.integrity.summary()}")
    answer.write(
        result.to_json() | {"integrity": ladder.integrity.summary()},
        files={"horizon.png": lambda: draw_horizon(result)},
    )
    return 0
