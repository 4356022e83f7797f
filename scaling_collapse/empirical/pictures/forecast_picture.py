"""Pictures of forecasts: curves with bands above their learning rates, forecasts against what happened, and plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...common import count
from ...sgd_noise_model import Forecast
from ...sgd_noise_model.cooldown import CooldownPlan
from ...theory import LossCurve
from .canvas import colors, picture

__all__ = [
    "draw_forecasts",
    "draw_judged",
    "draw_plan",
    "paint_forecast",
    "paint_forecasts",
    "paint_plan",
    "paint_planned_curves",
    "paint_rates",
]

MOST = 8
"""Curves in one picture; more cannot be told apart."""


def draw_forecasts(forecasts: Sequence[Forecast], curves: Sequence[LossCurve]) -> bytes:
    """A PNG: `paint_forecasts` on the calibration runs, and below it the learning rates."""

    def draw(top: Any, bottom: Any) -> None:
        paint_forecasts(top, forecasts, curves)
        paint_rates(bottom, forecasts, curves)
        top.set_xlabel("")

    return picture(draw, size=(6.4, 5.6), rows=2, sharex=True, height_ratios=[3, 1])


def paint_forecast(axes: Any, forecast: Forecast) -> Any:
    """One forecast curve with its band on the runs that it was calibrated on; the axes."""
    return paint_forecasts(axes, [forecast], forecast.calibration.curves)


def paint_forecasts(axes: Any, forecasts: Sequence[Forecast], curves: Sequence[LossCurve]) -> Any:
    """Forecast curves with their bands on the calibration runs (gray); the axes."""
    shown = list(forecasts[:MOST])
    for i, c in enumerate(_same_size(curves, shown)):
        label = "calibration runs" if i == 0 else None
        axes.plot(c.tokens, c.loss, color="0.75", linewidth=0.7, label=label, zorder=1)
    for f, color in zip(shown, colors(len(shown)), strict=True):
        axes.plot(f.target.tokens, f.loss, color=color, label=_short(f.target.run))
        axes.fill_between(f.target.tokens, f.low, f.high, color=color, alpha=0.25, linewidth=0)
    axes.set_ylim(*_window([f.loss for f in shown], [f.target.tokens for f in shown]))
    more = len(forecasts) - len(shown)
    rest = f"; {more} more not shown" if more else ""
    axes.set_title(f"Forecast, {shown[0].calibration.model.title}; bands {shown[0].level:.0%}{rest}", loc="left")
    axes.set(ylabel="loss", xlabel=_clock(shown[0]))
    axes.legend(loc="upper right", fontsize=7)
    return axes


def paint_rates(axes: Any, forecasts: Sequence[Forecast], curves: Sequence[LossCurve]) -> Any:
    """Learning rates of the forecast runs, those of the calibration runs in gray; the axes."""
    shown = list(forecasts[:MOST])
    for c in _same_size(curves, shown):
        axes.plot(c.tokens, c.lr, color="0.75", linewidth=0.7, zorder=1)
    for f, color in zip(shown, colors(len(shown)), strict=True):
        axes.plot(f.target.tokens, f.target.lr, color=color)
    axes.set(ylabel="learning rate", xlabel=_clock(shown[0]), ylim=(0, None))
    return axes


def _same_size(curves: Sequence[LossCurve], forecasts: Sequence[Forecast]) -> list[LossCurve]:
    sizes = {f.target.params for f in forecasts}
    return [c for c in curves if c.params in sizes and c.lr is not None]


def _clock(forecast: Forecast) -> str:
    """What the horizontal axis counts, `"tokens"` or `"steps"`: the calibration runs know it."""
    return forecast.calibration.curves[0].clock


def draw_judged(judged: Sequence[tuple[str, LossCurve, Forecast]]) -> bytes:
    """Side by side: what happened (gray) and the forecast with its band, from where the rate decays."""

    def draw(*panels: Any) -> None:
        for panel, (title, curve, f) in zip(panels, judged, strict=True):
            panel.plot(curve.tokens, curve.loss, color="0.6", linewidth=0.8, label="measured")
            panel.plot(curve.tokens, f.loss, color="C3", linewidth=1.2, label="forecast")
            panel.fill_between(curve.tokens, f.low, f.high, color="C3", alpha=0.25, linewidth=0, label=f"{f.level:.0%}")
            late = curve.tokens >= 0.15 * curve.tokens[-1]
            span = np.ptp(curve.loss[late])
            panel.set_ylim(curve.loss[late].min() - 0.1 * span, curve.loss[late].max() + 0.1 * span)
            panel.set_xlim(0.12 * curve.tokens[-1], curve.tokens[-1])
            panel.set_title(f"{title}\n{_short(curve.run)}", loc="left", fontsize=8)
            panel.set(xlabel=curve.clock, ylabel="loss")
        panels[0].legend(loc="upper right")

    return picture(draw, size=(4.0 * len(judged), 3.6), columns=len(judged))


def draw_plan(plan: CooldownPlan) -> bytes:
    """A PNG: `paint_plan` left, `paint_planned_curves` right."""

    def draw(left: Any, right: Any) -> None:
        paint_plan(left, plan)
        paint_planned_curves(right, plan)

    return picture(draw, size=(9.6, 4.0), columns=2)


def paint_plan(axes: Any, plan: CooldownPlan) -> Any:
    """Final loss of every shape against the length of the cooldown, with the best plan's band; the axes."""
    shapes = list(dict.fromkeys(p.shape for p in sorted(plan.plans, key=lambda p: p.shape)))
    for shape, color, mark in zip(shapes, colors(len(shapes)), "os^Dvp*hX" * 3, strict=False):
        rows = sorted((p for p in plan.plans if p.shape == shape), key=lambda p: p.fraction)
        x, y = [p.fraction for p in rows], [p.loss for p in rows]
        axes.plot(x, y, mark + "-", color=color, markersize=4, label=shape)
    axes.axhline(plan.constant.loss, color="black", linestyle=":", linewidth=1, label="no cooldown")
    best = plan.best
    axes.axhspan(best.low, best.high, color="0.9", zorder=0, label=f"{best.forecast.level:.0%} band of the best")
    axes.set(xlabel="cooldown, share of the budget", ylabel="final loss", xlim=(0, None))
    axes.set_title(f"Best: {best.shape} over the last {best.fraction:.0%}, gain {best.gain:.4g}", loc="left")
    axes.legend(fontsize=7)
    return axes


def paint_planned_curves(axes: Any, plan: CooldownPlan) -> Any:
    """Loss without a cooldown, under the shortest as good as the best, and under the best, with bands; the axes."""
    best = plan.best
    for one, color, label in (
        (plan.constant, "black", "no cooldown"),
        (plan.shortest, "C0", f"{plan.shortest.shape} {plan.shortest.fraction:.0%} (latest start as good)"),
        (best, "C3", f"{best.shape} {best.fraction:.0%} (best)"),
    ):
        f = one.forecast
        axes.plot(f.target.tokens, f.loss, color=color, label=label)
        axes.fill_between(f.target.tokens, f.low, f.high, color=color, alpha=0.15, linewidth=0)
    axes.set_ylim(*_window([best.forecast.loss, plan.constant.forecast.loss], [best.forecast.target.tokens] * 2))
    axes.set(xlabel=_clock(best.forecast), ylabel="loss")
    axes.set_title(f"{count(best.forecast.target.params)} parameters", loc="left")
    axes.legend(fontsize=7)
    return axes


def _window(losses: Sequence[Any], clocks: Sequence[Any]) -> tuple[float, float]:
    """Limits of the loss axis: the curves after their first tenth, with a margin."""
    late = [l[t >= 0.1 * t[-1]] for l, t in zip(losses, clocks, strict=True)]
    low = min(float(np.nanmin(l)) for l in late)
    high = max(float(np.nanmax(l)) for l in late)
    margin = 0.08 * (high - low) + 1e-9
    return low - margin, high + margin


def _short(name: str) -> str:
    return name if len(name) <= 42 else name[:20] + "..." + name[-19:]
