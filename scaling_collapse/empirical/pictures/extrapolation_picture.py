"""The picture of `extrapolate`: ladder and predicted curve, and how far sizes and bands lie from the joint curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common import PFLOP, Array, count
from ...theory import LossCurve
from ..extrapolation.extrapolation import Extrapolation
from .canvas import colors, picture

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
        axes.plot(C[-1], L[-1], "o", color=color, markersize=4, markeredgecolor="white")
        ends.append(L[-1])
    axes.plot(C_new, predicted, color="C3", label=f"{count(found.params)}, predicted")
    band = f"one run, {found.level:.0%}"
    axes.fill_between(C_new, found.low[kept], found.high[kept], color="C3", alpha=0.25, linewidth=0, label=band)
    span = np.geomspace(min(c.horizon_compute for c in found.ladder) / PFLOP / 2, C_new[-1] * 2, 100)
    text = f"$L_0 + a\\,C^{{-b}}$, $L_0$ = {law.L0:.4g}, $b$ = {law.b:.3g}"
    axes.plot(span, law.L0 + law.a * span**-law.b, "--", color="black", linewidth=1.0, label=text)
    height = max(ends) - predicted[-1]
    axes.set_ylim(predicted[-1] - 0.7 * height, max(ends) + 0.6 * height)
    axes.set(xscale="log", xlim=(span[0] / 4, span[-1]), xlabel="training compute (PFLOPs)", ylabel="loss")
    axes.legend(loc="lower left", fontsize=7, ncols=2)
    low, high = found.final_interval
    axes.set_title(f"Final loss {found.final_loss:.5g}, one run {low:.5g} to {high:.5g}", loc="left")
    return axes


def paint_deviations(axes: Any, found: Extrapolation) -> Any:
    """Reducible loss relative to the joint law times the universal curve, less 1, of all sizes; the axes."""
    law, kept = found.law, found.x >= FIRST
    x = found.x[kept]
    curve = (found.loss[kept] - law.L0) / (found.final_loss - law.L0)

    def percent(loss: Array, reducible: float) -> Array:
        return 100 * ((loss - law.L0) / (reducible * curve) - 1)

    for curves, color in zip(found.ladder.by_size.values(), colors(len(found.ladder.sizes)), strict=True):
        C, L = _mean_curve(curves, x)
        axes.plot(x, percent(L, law.a * C[-1] ** -law.b), color=color, linewidth=1.0)
    reducible, shade = found.final_loss - law.L0, {"color": "C3", "linewidth": 0}
    outer, inner = ((found.low, found.high), (found.expected_low, found.expected_high))
    named = ((outer, 0.2, f"one run, {found.level:.0%}"), (inner, 0.35, "mean of many runs"))
    for (bottom, top), alpha, name in named:
        edges = percent(bottom[kept], reducible), percent(top[kept], reducible)
        axes.fill_between(x, *edges, alpha=alpha, label=f"{count(found.params)}: {name}", **shade)
    if np.isfinite(found.low).all():
        reach = max(abs(percent(side[kept], reducible)[x >= 0.1]).max() for side in outer)
        axes.set_ylim(-2 * reach, 2 * reach)
        axes.legend(loc="lower right")
    axes.set(xlim=(0, 1), xlabel="normalized compute $x$", ylabel="reducible loss over law x curve, less 1 (%)")
    axes.set_title("Each size against the joint law and curve", loc="left")
    return axes


def _mean_curve(curves: tuple[LossCurve, ...], x: Array) -> tuple[Array, Array]:
    """Compute (PFLOPs) and mean loss of one size at normalized compute `x`."""
    L = np.mean([c.loss_at(x * c.horizon_tokens) for c in curves], axis=0)
    return np.interp(x * curves[0].horizon_tokens, curves[0].tokens, curves[0].compute) / PFLOP, L
