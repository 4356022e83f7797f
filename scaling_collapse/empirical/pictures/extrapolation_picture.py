"""The picture of `extrapolate`: ladder and predicted curve, and how far sizes and bands lie from the joint curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common import PFLOP
from ..extrapolation.extrapolation import Extrapolation
from .canvas import colors, count, picture

__all__ = ["draw_extrapolation"]


def draw_extrapolation(found: Extrapolation) -> bytes:
    """PNG: left loss against compute with law and band, right everything relative to law times universal curve."""
    ladder, law = found.ladder, found.law
    x = found.x[found.x >= 0.02]
    kept = slice(found.x.size - x.size, None)
    predicted, C_new = found.loss[kept], found.compute[kept] / PFLOP
    curve = (predicted - law.L0) / (found.final_loss - law.L0)

    def percent(loss: Any, reducible: float) -> Any:
        return 100 * ((loss - law.L0) / (reducible * curve) - 1)

    def draw(left: Any, right: Any) -> None:
        ends = []
        for (p, curves), color in zip(ladder.by_size.items(), colors(len(ladder.sizes)), strict=True):
            L = np.mean([c.loss_at(x * c.horizon_tokens) for c in curves], axis=0)
            C = np.interp(x * curves[0].horizon_tokens, curves[0].tokens, curves[0].compute) / PFLOP
            left.plot(C, L, color=color, label=count(p))
            left.plot(C[-1], L[-1], "o", color=color, markersize=4, markeredgecolor="white")
            right.plot(x, percent(L, law.a * C[-1] ** -law.b), color=color, linewidth=1.0)
            ends.append(L[-1])
        left.plot(C_new, predicted, color="C3", label=f"{count(found.params)}, predicted")
        band = f"one run, {found.level:.0%}"
        left.fill_between(C_new, found.low[kept], found.high[kept], color="C3", alpha=0.25, linewidth=0, label=band)
        span = np.geomspace(min(c.horizon_compute for c in ladder) / PFLOP / 2, C_new[-1] * 2, 100)
        text = f"$L_0 + a\\,C^{{-b}}$, $L_0$ = {law.L0:.4g}, $b$ = {law.b:.3g}"
        left.plot(span, law.L0 + law.a * span**-law.b, "--", color="black", linewidth=1.0, label=text)
        height = max(ends) - predicted[-1]
        left.set_ylim(predicted[-1] - 0.7 * height, max(ends) + 0.6 * height)
        left.set(xscale="log", xlim=(span[0] / 4, span[-1]), xlabel="training compute (PFLOPs)", ylabel="loss")
        left.legend(loc="lower left", fontsize=7, ncols=2)
        low, high = found.final_interval
        left.set_title(f"Final loss {found.final_loss:.5g}, one run {low:.5g} to {high:.5g}", loc="left")

        reducible, shade = found.final_loss - law.L0, {"color": "C3", "linewidth": 0}
        outer, inner = ((found.low, found.high), (found.expected_low, found.expected_high))
        for (bottom, top), alpha, name in ((outer, 0.2, band), (inner, 0.35, "mean of many runs")):
            edges = percent(bottom[kept], reducible), percent(top[kept], reducible)
            right.fill_between(x, *edges, alpha=alpha, label=f"{count(found.params)}: {name}", **shade)
        if np.isfinite(found.low).all():
            late = found.x[kept] >= 0.1
            reach = max(abs(percent(side[kept], reducible)[late]).max() for side in outer)
            right.set_ylim(-2 * reach, 2 * reach)
            right.legend(loc="lower right")
        right.set(xlim=(0, 1), xlabel="normalized compute $x$", ylabel="reducible loss over law x curve, less 1 (%)")
        right.set_title("Each size against the joint law and curve", loc="left")

    return picture(draw, size=(9.6, 4.0), columns=2)
