"""The picture of a compute-optimal horizon: the Pareto frontier of the sizes' curves, and `C*(p)` read off it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common import PFLOP, count
from ..fits.horizon_fit import HorizonFit
from .canvas import colors, picture, size_legend

__all__ = ["draw_horizon", "paint_frontier", "paint_horizon"]


def draw_horizon(fit: HorizonFit) -> bytes:
    """A PNG: `paint_frontier` left, `paint_horizon` right."""

    def draw(left: Any, right: Any) -> None:
        paint_frontier(left, fit)
        paint_horizon(right, fit)

    return picture(draw, size=(9.0, 3.9), columns=2)


def paint_frontier(axes: Any, fit: HorizonFit) -> Any:
    """Loss against compute, thick where a size is the best at its compute; the axes."""
    best = np.where(np.isnan(fit.loss), np.inf, fit.loss).argmin(axis=0)
    for i, (size, color) in enumerate(zip(fit.sizes, colors(len(fit.sizes)), strict=True)):
        axes.plot(fit.C / PFLOP, fit.loss[i], color=color, linewidth=0.9)
        on = np.where(best == i, fit.loss[i], np.nan)
        axes.plot(fit.C / PFLOP, on, color=color, linewidth=2.6, label=count(size.params))
    lowest = [s.low for s in fit.sizes if s.status == "used"]
    window = 0.05 * min(lowest) <= fit.C
    frontier = np.nanmin(fit.loss[:, window], axis=0)
    axes.set(
        xscale="log", xlim=(0.05 * min(lowest) / PFLOP, fit.C[-1] / PFLOP), xlabel="training compute (PFLOPs)",
        ylim=(frontier.min() - 0.03 * np.ptp(frontier), frontier.max() + 0.15 * np.ptp(frontier)), ylabel="loss",
    )  # fmt: skip
    axes.set_title("Loss of every size; thick where it is the best")
    size_legend(axes, len(fit.sizes), loc="upper right")
    return axes


def paint_horizon(axes: Any, fit: HorizonFit) -> Any:
    """Optimal compute `C*(p)` against parameters with the fitted line; the axes."""
    params = [s.params for s in fit.sizes]
    optimum, stretch = "optimal compute of a size", "where that size is the best"
    for size, color in zip(fit.sizes, colors(len(params)), strict=True):
        if size.status == "used":
            reach = [size.low / PFLOP, size.high / PFLOP]
            axes.plot([size.params] * 2, reach, color=color, linewidth=4, alpha=0.4, label=stretch)
            axes.plot(
                size.params, size.optimal_compute / PFLOP, "o",
                color=color, markersize=6, markeredgecolor="white", zorder=3, label=optimum,
            )  # fmt: skip
            optimum = stretch = ""  # named once
    p = np.geomspace(min(params), max(params), 50)
    line = f"fit: $t^* = {fit.kappa:.3g}\\,p^{{{fit.gamma:.3f}}}$"
    axes.plot(p, fit.optimal_compute(p) / PFLOP, "--", color="black", linewidth=1.1, zorder=2, label=line)
    axes.set(xscale="log", yscale="log", xlabel="parameters $p$", ylabel="optimal compute $C^*$ (PFLOPs)")
    axes.set_xticks(params, [count(p) for p in params], minor=False)
    axes.set_xticks([], minor=True)
    low, high = fit.gamma_interval
    axes.set_title(f"$\\gamma$ = {fit.gamma:.3f} ({fit.level:.0%} interval {low:.3f} to {high:.3f})")
    axes.legend(loc="upper left")
    return axes
