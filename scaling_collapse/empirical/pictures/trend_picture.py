"""The picture of a trend with size: the slope of the normalized curve on size over x, and each size's steepness."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..collapse.collapse_report import CollapseReport
from .canvas import BAND, CLAIM, FLOOR, colors, count_axis, picture, plain_log

__all__ = ["draw_trend", "paint_steepness", "paint_trend"]


def draw_trend(report: CollapseReport) -> bytes:
    """A PNG of `paint_trend` and, beside it, `paint_steepness`."""

    def draw(left: Any, right: Any) -> None:
        paint_trend(left, report)
        paint_steepness(right, report)

    return picture(draw, size=(10.4, 3.9), columns=2)


def paint_trend(axes: Any, report: CollapseReport) -> Any:
    """The slope of ln l(x) on ln p against x with its standard error; the axes."""
    trend = report.trend
    axes.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
    axes.set(
        xlim=(0, 1), xlabel="normalized compute $x = t/t^*$", ylabel="slope of $\\ln\\,\\ell(x)$ on $\\ln\\,p$",
        title="Trend with size: 0 where sizes agree",
    )  # fmt: skip
    if trend is None:
        axes.text(0.5, 0.5, "nothing to normalize", ha="center", transform=axes.transAxes)
        return axes
    slope, error = trend.slope_of_curve, trend.error_of_curve
    axes.fill_between(report.x, slope - error, slope + error, color=FLOOR, label="standard error", **BAND)
    axes.plot(report.x, slope, color=FLOOR, label="slope")
    return axes


def paint_steepness(axes: Any, report: CollapseReport) -> Any:
    """How steeply the curve of each size falls, ln S against p, and the line through the sizes; the axes."""
    trend, evidence = report.trend, report.evidence
    axes.set(xscale="log", xlabel="parameters $p$", ylabel="steepness $\\ln\\,S$")
    if trend is None or evidence is None:
        axes.text(0.5, 0.5, "nothing to normalize", ha="center", transform=axes.transAxes)
        return axes
    found, z = evidence.steepness.slope, evidence.log_p
    p = np.exp(z)
    for point, mean, error, color in zip(p, found.mean, found.error, colors(p.size), strict=True):
        axes.errorbar(point, mean, yerr=None if np.isnan(error) else error, fmt="o", color=color, markersize=5)
    axes.plot(p, found.mean.mean() + trend.slope * (z - z.mean()), "--", color=CLAIM, linewidth=1.1)
    axes.set(title=f"slope {trend.slope:+.3f}" + (f" $\\pm$ {trend.error:.3f}" if trend.error > 0 else ""))
    plain_log(axes.xaxis)
    count_axis(axes.xaxis)
    return axes
