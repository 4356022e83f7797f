"""The pictures of a collapse: normalized curves of all sizes, and their spread Delta against the noise floor sigma."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from ...common import count
from ..collapse.collapse_report import CollapseReport
from .canvas import colors, picture, size_legend

__all__ = ["draw_collapse", "draw_delta_vs_sigma", "paint_collapse", "paint_delta_vs_sigma"]


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
        axes.fill_between(report.x, l.min(axis=0), l.max(axis=0), color=color, alpha=0.25, linewidth=0)
    axes.set(xlim=(0, 1), xlabel="normalized compute $x$", ylabel="normalized reducible loss $\\ell(x)$")
    if math.isfinite(report.offset):
        span = np.nanmax(report.normalized) - 1
        axes.set_ylim(1 - 0.03 * span, 1 + 1.05 * span)
        size_legend(axes, len(ladder.sizes), loc="upper right")
    else:
        axes.text(0.5, 0.5, "no irreducible loss: nothing to normalize", ha="center", transform=axes.transAxes)
    axes.set_title(f"Verdict: {report.verdict}", loc="left")
    return axes


def paint_delta_vs_sigma(axes: Any, report: CollapseReport) -> Any:
    """Collapse deviation Delta(x), its range over the interval of L0, and the noise floor sigma(x); the axes."""
    x, inside = report.x, report.x < 1
    if np.isfinite(report.delta_low).any():
        axes.fill_between(
            x[inside], report.delta_low[inside], report.delta_high[inside], color="C0", alpha=0.2, linewidth=0,
            label="$\\Delta$ as $L_0$ moves in its interval",
        )  # fmt: skip
    axes.plot(x[inside], report.delta[inside], color="C0", label="collapse deviation $\\Delta(x)$")
    if np.isfinite(report.sigma).all():
        axes.plot(x, report.sigma, color="C3", linestyle="--", label="noise floor $\\sigma(x)$")
        part = report.supercollapse.fraction
        axes.set_title(f"$\\Delta < \\sigma$ on {part:.1%} of $x$", loc="left")
    else:
        axes.set_title("no noise floor: " + _why_no_floor(report), loc="left")
    axes.set(xlim=(0, 1), yscale="log", xlabel="normalized compute $x$", ylabel="relative spread")
    finite = report.delta[inside][np.isfinite(report.delta[inside]) & (report.delta[inside] > 0)]
    if finite.size:
        floor = np.nanmin([*finite, *report.sigma[np.isfinite(report.sigma) & (report.sigma > 0)]])
        axes.set_ylim(max(floor, 1e-2 * finite.max()) / 1.5, None)
    else:
        axes.set_yscale("linear")
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        axes.legend(handles, labels, loc="lower left")
    return axes


def _why_no_floor(report: CollapseReport) -> str:
    return "one seed a size" if math.isfinite(report.offset) else "no irreducible loss"
