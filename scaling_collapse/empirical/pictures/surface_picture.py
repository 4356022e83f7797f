"""The picture of loss over sizes and data: points and law over tokens, and the compute-optimal line."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common import InputError, count
from ..extrapolation.surface_extrapolation import SurfaceExtrapolation
from ..fits.loss_surface import LossSurface
from .canvas import BAND, CLAIM, colors, picture, size_legend

__all__ = [
    "draw_surface",
    "draw_surface_extrapolation",
    "paint_allocation",
    "paint_surface",
    "paint_surface_extrapolation",
]

FIRST = 0.02
"""The progress from which on curves are drawn."""


def draw_surface(fit: LossSurface) -> bytes:
    """A PNG: `paint_surface` left and, where there is a law, `paint_allocation` right."""
    if not fit.claimed:
        return picture(lambda axes: paint_surface(axes, fit))

    def draw(left: Any, right: Any) -> None:
        paint_surface(left, fit)
        paint_allocation(right, fit)

    return picture(draw, size=(9.6, 4.0), columns=2)


def paint_surface(axes: Any, fit: LossSurface) -> Any:
    """Final loss against tokens, a colour for each size: what was measured, and the law; the axes."""
    points = fit.points
    for N, color in zip(points.sizes, colors(points.sizes.size), strict=True):
        own = points.N == N
        axes.plot(points.D[own], points.loss[own], "o", color=color, markersize=4, label=count(N), zorder=3)
        if fit.claimed:
            D = np.geomspace(points.D[own].min() / 1.5, points.D[own].max() * 1.5, 60)
            axes.plot(D, fit(N, D), "-", color=color, linewidth=1.1)
    title = f"$L_0$ = {fit.law.L0:.4g}, missed by {fit.misfit:.2%} (rms)" if fit.claimed else fit.status
    axes.set(xscale="log", xlabel="tokens $D$", ylabel="final loss", title=title)
    size_legend(axes, points.sizes.size)
    return axes


def paint_allocation(axes: Any, fit: LossSurface) -> Any:
    """Tokens against parameters: the runs, and the tokens after which a size is the best for its compute; the axes."""
    points = fit.points
    N = np.geomspace(points.sizes[0] / 1.5, points.sizes[-1] * 3.0, 60)
    ends = np.array([fit.optimal_tokens_interval(p) for p in N])
    line = f"$D^* \\propto N^{{{fit.gamma:.2f}}}$ by the law"
    axes.plot(N, fit.optimal_tokens(N), color=CLAIM, linewidth=1.4, label=line)
    axes.fill_between(N, ends[:, 0], ends[:, 1], color=CLAIM, label=f"{fit.level:.0%} interval", **BAND)
    axes.plot(points.N, points.D, "o", color="0.3", markersize=4, label="runs")
    axes.set(xscale="log", yscale="log", xlabel="parameters $N$", ylabel="tokens $D$", title="Compute-optimal tokens")
    axes.legend(loc="upper left")
    return axes


def draw_surface_extrapolation(found: SurfaceExtrapolation) -> bytes:
    """A PNG: `paint_surface_extrapolation` left, the law right."""

    def draw(left: Any, right: Any) -> None:
        paint_surface_extrapolation(left, found)
        paint_surface(right, found.surface)

    return picture(draw, size=(9.6, 4.0), columns=2)


def paint_surface_extrapolation(axes: Any, found: SurfaceExtrapolation) -> Any:
    """Loss against tokens: the runs, and the predicted curve with its band; the axes."""
    if not found.claimed:
        raise InputError(
            f"SurfaceExtrapolation.plot needs a predicted curve; got status {found.status!r}. {found.notes[0]}"
        )
    for (N, curves), color in zip(found.ladder.by_size.items(), colors(len(found.ladder.sizes)), strict=True):
        for i, curve in enumerate(curves):
            kept = curve.tokens >= FIRST * curve.horizon_tokens
            label = count(N) if i == 0 else None
            axes.plot(curve.tokens[kept], curve.loss[kept], color=color, linewidth=0.8, label=label)
    kept = found.x >= FIRST
    axes.plot(
        found.tokens[kept], found.loss[kept], color=CLAIM, linewidth=1.8, label=f"{count(found.params)}, predicted"
    )
    axes.fill_between(found.tokens[kept], found.low[kept], found.high[kept], color=CLAIM, **BAND)
    low, high = found.final_interval
    axes.set(
        xscale="log", xlabel="tokens", ylabel="loss",
        title=f"Ends at {found.final_loss:.4g}\none run: {low:.4g} to {high:.4g} ({found.level:.0%})",
    )  # fmt: skip
    size_legend(axes, len(found.ladder.sizes) + 1, fontsize=7)
    return axes
