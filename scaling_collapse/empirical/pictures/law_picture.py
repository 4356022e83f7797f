"""The picture of a scaling law: loss against compute, and the law through the ends of training."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ...common import PFLOP, count
from ..collapse.collapse_report import CollapseReport
from .canvas import colors, picture, size_legend

__all__ = ["draw_law", "paint_law"]


def draw_law(report: CollapseReport) -> bytes:
    """A PNG of `paint_law`."""
    return picture(partial(paint_law, report=report))


def paint_law(axes: Any, report: CollapseReport) -> Any:
    """Loss against compute for every size (seed range shaded) and the law through the marked ends; the axes."""
    ladder, top = report.ladder, -math.inf
    for (p, curves), color in zip(ladder.by_size.items(), colors(len(ladder.sizes)), strict=True):
        horizon = min(c.horizon_tokens for c in curves)
        start = max(max(c.tokens[c.tokens > 0][0] for c in curves), 1e-3 * horizon)
        t = np.geomspace(start, horizon, 400)
        L = np.stack([c.loss_at(t) for c in curves])
        C = np.interp(t, curves[0].tokens, curves[0].compute) / PFLOP
        axes.plot(C, L.mean(axis=0), color=color, label=count(p))
        axes.fill_between(C, L.min(axis=0), L.max(axis=0), color=color, alpha=0.25, linewidth=0)
        axes.plot(C[-1], L[:, -1].mean(), "o", color=color, markersize=5, markeredgecolor="white")
        top = max(top, float(np.interp(0.03 * horizon, t, L.mean(axis=0))))
    law = report.law
    ends = report.law.L
    bottom = ends.min() - 0.08 * (top - ends.min())
    if math.isfinite(law.L0):
        C = np.geomspace(law.C.min() / 3, law.C.max() * 3, 200)
        axes.plot(C, law(C), "--", color="black", linewidth=1.1)
        text = f"dashed: $L_0 + a\\,C^{{-b}}$\n$L_0$ = {law.L0:.4g}, $a$ = {law.a:.3g}, $b$ = {law.b:.3g}"
        axes.text(0.03, 0.04, text, transform=axes.transAxes, fontsize=8)
    axes.set(xscale="log", xlim=(0.02 * law.C.min(), 4 * law.C.max()), ylim=(bottom, top))
    axes.set(xlabel="training compute (PFLOPs)", ylabel="loss")
    axes.set_title("Loss against compute; dots are the ends of training", loc="left")
    size_legend(axes, len(ladder.sizes), loc="upper right")
    return axes
