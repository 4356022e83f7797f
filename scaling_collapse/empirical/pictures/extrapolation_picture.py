"""The picture of `extrapolate`: ladder and predicted curve, and how far sizes and bands lie from the joint curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common import PFLOP, Array, count
from ...theory import LossCurve
from ..extrapolation.extrapolation import Extrapolation
from .canvas import BAND, CLAIM, colors, picture

__all__ = ["draw_extrapolation", "paint_deviations", "paint_extrapolation"]

FIRST = 0.02
"""The normalized compute from which on curves are drawn."""


def draw_extrapolation(found: Extrapolation) -> bytes:
    """A PNG: `paint_extrapolation` left, `paint_deviations` right."""

    def draw(left: Any, right: Any) -> None:
        paint_extrapolation(left, found)
        paint_deviations(right, found)

    return picture(draw, size=(9.6, 4.0), columns=2)


def paint_extrapolation(axes: Any, found: Extrapolation) -> Any:
    """Loss against compute: the ladder, the law through its ends, the predicted curve with its band; the axes."""
    law, kept = found.law, found.x >= FIRST
    x, predicted, C_new = found.x[kept], found.loss[kept], found.compute[kept] / PFLOP
    ends = []
    for (p, curves), color in zip(found.ladder.by_size.items(), colors(len(found.ladder.sizes)), strict=True):
        C, L = _mean_curve(curves, x)
        axes.plot(C, L, color=color, label=count(p))
        axes.plot(C[-1], L[-1], "o", color=color, markersize=4, markeredgecolor="white", zorder=4)
        ends.append(L[-1])
    axes.plot(C_new, predicted, color=CLAIM, linewidth=1.8, label=f"{count(found.params)}, predicted")
    band = f"one run of it, {found.level:.0%}"
    axes.fill_between(C_new, found.low[kept], found.high[kept], color=CLAIM, label=band, **BAND)
    first = min(c.horizon_compute for c in found.ladder) / PFLOP / 2
    span = np.geomspace(first, C_new[-1] * 2, 100)
    line = f"$L_0 + a\\,C^{{-b}}$, $L_0$ = {law.L0:.4g}"
    axes.plot(span, law.L0 + law.a * span**-law.b, "--", color="black", linewidth=1.0, label=line)
    height = max(ends) - predicted[-1]
    axes.set(
        xscale="log", xlim=(first / 4, 8 * C_new[-1]), ylim=(predicted[-1] - 0.25 * height, max(ends) + 0.6 * height),
        xlabel="training compute $C$ (PFLOPs)", ylabel="loss", title=_finding(found),
    )  # fmt: skip
    axes.legend(loc="upper right", fontsize=7, title="parameters, prediction, law", title_fontsize=7)
    return axes


def _finding(found: Extrapolation) -> str:
    low, high = found.final_interval
    one = "interval unknown" if np.isnan(low) else f"one run: {low:.4g} to {high:.4g} ({found.level:.0%})"
    doubt = "" if found.status == "ok" else f"; {found.status}"
    return f"{count(found.params)} parameters end at {found.final_loss:.4g}{doubt}\n{one}"


def paint_deviations(axes: Any, found: Extrapolation) -> Any:
    """Reducible loss relative to the law times the universal curve, less 1, of all sizes; the axes."""
    law, kept = found.law, found.x >= FIRST
    x = found.x[kept]
    curve = (found.loss[kept] - law.L0) / (found.final_loss - law.L0)

    def percent(loss: Array, reducible: float) -> Array:
        return 100 * ((loss - law.L0) / (reducible * curve) - 1)

    for curves, color in zip(found.ladder.by_size.values(), colors(len(found.ladder.sizes)), strict=True):
        C, L = _mean_curve(curves, x)
        axes.plot(x, percent(L, law.a * C[-1] ** -law.b), color=color, linewidth=1.0)
    reducible, size = found.final_loss - law.L0, count(found.params)
    outer = [percent(side[kept], reducible) for side in (found.low, found.high)]
    inner = [percent(side[kept], reducible) for side in (found.expected_low, found.expected_high)]
    axes.fill_between(x, *outer, color=CLAIM, label=f"one run of {size}, {found.level:.0%}", **BAND)
    for side, label in zip(inner, (f"mean of many runs of {size}, {found.level:.0%}", ""), strict=True):
        axes.plot(x, side, "--", color=CLAIM, linewidth=1.0, label=label)
    if np.isfinite(outer).all():
        reach = max(abs(side[x >= 0.1]).max() for side in outer)
        axes.set_ylim(-2 * reach, 2 * reach)
        axes.legend(loc="lower right")
    axes.set(
        xlim=(0, 1), xlabel="normalized compute $x = t/t^*$", ylabel="off the law and curve (%)",
        title="How far sizes lie from\nthe law times the common curve",
    )  # fmt: skip
    return axes


def _mean_curve(curves: tuple[LossCurve, ...], x: Array) -> tuple[Array, Array]:
    """Compute (PFLOPs) and mean loss of one size at normalized compute `x`."""
    L = np.mean([c.loss_at(x * c.horizon_tokens) for c in curves], axis=0)
    return np.interp(x * curves[0].horizon_tokens, curves[0].tokens, curves[0].compute) / PFLOP, L
