"""The picture of a scaling law: loss against compute, and the law through the ends of training."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ...common import PFLOP, count
from ..collapse.collapse_report import CollapseReport
from ..fits.law_fit import LawFit
from .canvas import BAND, colors, picture, room_below, size_legend

__all__ = ["draw_law", "paint_law"]


def draw_law(report: CollapseReport) -> bytes:
    """A PNG of `paint_law`."""
    return picture(partial(paint_law, report=report))


def paint_law(axes: Any, report: CollapseReport) -> Any:
    """Loss against compute for every size (seed range shaded) and the law through the marked ends; the axes."""
    ladder, law, top = report.ladder, report.law, -math.inf
    for (p, curves), color in zip(ladder.by_size.items(), colors(len(ladder.sizes)), strict=True):
        horizon = min(c.horizon_tokens for c in curves)
        start = max(max(c.tokens[c.tokens > 0][0] for c in curves), 1e-3 * horizon)
        t = np.geomspace(start, horizon, 400)
        L = np.stack([c.loss_at(t) for c in curves])
        C = np.interp(t, curves[0].tokens, curves[0].compute) / PFLOP
        axes.plot(C, L.mean(axis=0), color=color, label=count(p))
        axes.fill_between(C, L.min(axis=0), L.max(axis=0), color=color, **BAND)
        axes.plot(C[-1], L[:, -1].mean(), "o", color=color, markersize=5, markeredgecolor="white", zorder=4)
        top = max(top, float(np.interp(0.03 * horizon, t, L.mean(axis=0))))
    span = law.C.max() / law.C.min()
    axes.set(
        xscale="log", xlim=(0.02 * law.C.min(), max(4.0, min(0.05 * span, 100.0)) * law.C.max()),
        ylim=(room_below(law.L.min(), top, 0.2), top), xlabel=_compute(law), ylabel="loss",
        title=_finding(law),
    )  # fmt: skip
    size_legend(axes, len(ladder.sizes), loc="upper right")
    axes.add_artist(axes.get_legend())  # a second legend would take its place
    _name_the_marks(axes, law, seeds=max(size.seeds for size in report.sizes))
    return axes


def _compute(law: LawFit) -> str:
    return "compute in steps (relative)" if law.by_steps else "training compute $C$ (PFLOPs)"


def _finding(law: LawFit) -> str:
    if not math.isfinite(law.L0):
        return f"No law through the ends of training: {law.status}"
    if law.by_steps:
        return f"The ends of training follow a power law of the steps\n$L_0$ = {law.L0:.4g} (fitted)"
    return (
        f"The ends of training follow $L_0 + a\\,C^{{-b}}$\n"
        f"$L_0$ = {law.L0:.4g}, $a$ = {law.a:.3g}, $b$ = {law.b:.3g} (fitted)"
    )


def _name_the_marks(axes: Any, law: LawFit, *, seeds: int) -> None:
    """The law itself, and what line, dot and shade mean, in the room below the curves."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    named: list[Any] = [Line2D([], [], marker="o", color="0.3", linestyle="", markersize=5, label="end of training")]
    if math.isfinite(law.L0):
        C = np.geomspace(law.C.min() / 3, law.C.max() * 3, 200)
        named += axes.plot(C, law(C), "--", color="black", linewidth=1.1, zorder=3, label="law")
    if seeds > 1:
        named.append(Patch(color="0.5", alpha=0.35, linewidth=0, label="range over seeds"))
    axes.legend(handles=named, loc="lower left")
