"""The pictures of a collapse: normalized curves of all sizes, and their spread Delta against the noise floor."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ...common import count
from ..collapse.collapse_report import CollapseReport
from .canvas import BAND, CLAIM, FLOOR, colors, picture, room_below, size_legend

__all__ = ["draw_collapse", "draw_delta_vs_sigma", "paint_collapse", "paint_delta_vs_sigma"]

LEGEND = 0.3
"""Share of the picture of Delta that its legend needs, below whatever is drawn in the left two thirds."""
SOURCE = {
    "given": "given",
    "law": "the law's fitted $L_0$",
    "law without one size": "$L_0$ fitted without one size",
    "curves": "where curves agree best",
}


def draw_collapse(report: CollapseReport) -> bytes:
    """A PNG of `paint_collapse`."""
    return picture(partial(paint_collapse, report=report))


def draw_delta_vs_sigma(report: CollapseReport) -> bytes:
    """A PNG of `paint_delta_vs_sigma`."""
    return picture(partial(paint_delta_vs_sigma, report=report))


def paint_collapse(axes: Any, report: CollapseReport) -> Any:
    """Normalized loss against normalized compute for every size, the range over seeds shaded; the axes."""
    ladder = report.ladder
    for i, (p, color) in enumerate(zip(ladder.sizes, colors(len(ladder.sizes)), strict=True)):
        l = report.normalized[ladder.size_index == i]
        axes.plot(report.x, l.mean(axis=0), color=color, label=count(p))
        axes.fill_between(report.x, l.min(axis=0), l.max(axis=0), color=color, **BAND)
    axes.set(
        xlim=(0, 1), xlabel="normalized compute $x = t/t^*$", ylabel="normalized reducible loss $\\ell(x)$",
        title=f"Verdict: {report.verdict}\n{_offset(report)}",
    )  # fmt: skip
    if math.isfinite(report.offset):
        span = np.nanmax(report.normalized) - 1
        axes.set_ylim(1 - 0.03 * span, 1 + 1.05 * span)
        seeds = max(size.seeds for size in report.sizes)
        size_legend(axes, len(ladder.sizes), band="range over seeds" if seeds > 1 else "", loc="upper right")
    else:
        axes.text(0.5, 0.5, "nothing to normalize", ha="center", transform=axes.transAxes)
    return axes


def paint_delta_vs_sigma(axes: Any, report: CollapseReport) -> Any:
    """Collapse deviation Delta(x), its range over the offset's interval, the noise floor and sigma(x); the axes."""
    inside = report.x < 1
    x, delta, low, high = (v[inside] for v in (report.x, report.delta, report.delta_low, report.delta_high))
    if np.isfinite(low).any():
        name = f"$\\Delta$ over the {report.law.level:.0%} interval of the offset"
        axes.fill_between(x, low, high, color=FLOOR, label=name, **BAND)
    axes.plot(x, delta, color=FLOOR, label="collapse deviation $\\Delta(x)$")
    if np.isfinite(report.floor).all():
        axes.plot(report.x, report.floor, "--", color=CLAIM, label="noise floor, median of the sizes")
        axes.plot(report.x, report.sigma, ":", color=CLAIM, linewidth=0.8, label="$\\sigma(x)$, root mean square")
        finding = f"$\\Delta$ below the noise floor on {report.supercollapse.fraction:.1%} of $x$"
    else:
        finding = "No noise floor" + (": one seed a size" if math.isfinite(report.offset) else "")
    axes.set(
        xlim=(0, 1), xlabel="normalized compute $x = t/t^*$", ylabel="spread over all runs, relative",
        title=f"{finding}\n{_offset(report)}",
    )  # fmt: skip
    drawn = np.stack([delta, low, high, report.sigma[inside], report.floor[inside]])
    drawn = np.where(drawn > 0, drawn, np.nan)
    if np.isfinite(drawn).any():
        top, left = np.log(np.nanmax(drawn)), drawn[:, x < 0.67]
        bottom = min(np.log(np.nanmin(drawn)), room_below(np.log(np.nanmin(left)), top, LEGEND))
        axes.set(yscale="log", ylim=(np.exp(bottom) / 1.3, 1.3 * np.exp(top)))
        axes.legend(loc="lower left")
    return axes


def _offset(report: CollapseReport) -> str:
    """The offset in use, and where it comes from."""
    if not math.isfinite(report.offset):
        return "no irreducible loss below every final loss"
    return f"offset $\\hat L$ = {report.offset:.4g} ({SOURCE[report.offset_source]})"
