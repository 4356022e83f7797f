"""Pictures of forecasts: curves with bands above their learning rates, forecasts against what happened, and plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...common import count
from ...sgd_noise_model import Forecast
from ...sgd_noise_model.cooldown import CooldownPlan
from ...theory import LossCurve
from .canvas import BAND, CLAIM, FLOOR, colors, count_axis, picture

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
EARLIEST = 0.02
"""Share of a run before which nothing is drawn: the first losses fall off the panel."""
STYLES = ("-", "--", "-.", ":")


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
    from matplotlib.patches import Patch

    kinds = _by_curve(forecasts)
    for i, c in enumerate(_same_size(curves, forecasts)):
        label = "calibration runs" if i == 0 else None
        axes.plot(*_late(c.tokens, c.loss), color="0.7", linewidth=0.7, label=label, zorder=1)
    for i, (same, color) in enumerate(zip(kinds, _colors(len(kinds)), strict=True)):
        f, more = same[0], f" and {len(same) - 1} with the same rates" if len(same) > 1 else ""
        axes.plot(*_late(f.target.tokens, f.loss), STYLES[i % 4], color=color, label=_short(f.target.run) + more)
        axes.fill_between(*_late(f.target.tokens, f.low, f.high), color=color, **BAND)
    axes.set_ylim(*_window([s[0].loss for s in kinds], [s[0].target.tokens for s in kinds]))
    left_out = len(forecasts) - sum(map(len, kinds))
    rest = f" ({left_out} more not shown)" if left_out else ""
    axes.set(ylabel="loss", xlabel=_clock(forecasts[0]), title=_finding(forecasts) + rest)
    count_axis(axes.xaxis)
    handles, labels = axes.get_legend_handles_labels()
    handles.append(Patch(color="0.5", alpha=0.35, linewidth=0))
    axes.legend(handles, [*labels, f"where one run lies, {forecasts[0].level:.0%}"], loc="upper right", fontsize=7)
    return axes


def _finding(forecasts: Sequence[Forecast]) -> str:
    """The final loss of one forecast, the law of several."""
    if len(forecasts) > 1:
        return f"Forecast by the law: {forecasts[0].calibration.model.title}"
    loss, low, high = forecasts[0].final
    return f"Forecast: final loss {loss:.4g}; one run: {low:.4g} to {high:.4g} ({forecasts[0].level:.0%})"


def paint_rates(axes: Any, forecasts: Sequence[Forecast], curves: Sequence[LossCurve]) -> Any:
    """Learning rates of the forecast runs, those of the calibration runs in gray; the axes."""
    kinds = _by_curve(forecasts)
    for c in _same_size(curves, forecasts):
        axes.plot(c.tokens, c.lr, color="0.7", linewidth=0.7, zorder=1)
    for i, (same, color) in enumerate(zip(kinds, _colors(len(kinds)), strict=True)):
        axes.plot(same[0].target.tokens, same[0].target.lr, STYLES[i % 4], color=color)
    axes.set(ylabel="learning rate", xlabel=_clock(forecasts[0]), ylim=(0, None))
    count_axis(axes.xaxis)
    return axes


def _by_curve(forecasts: Sequence[Forecast]) -> list[list[Forecast]]:
    """The first forecasts that are to be shown, together where they are the same curve: seeds of one schedule."""
    kinds: list[list[Forecast]] = []
    for f in forecasts:
        same = next((k for k in kinds if np.array_equal(k[0].loss, f.loss)), None)
        if same is not None:
            same.append(f)
        elif len(kinds) < MOST:
            kinds.append([f])
    return kinds


def _colors(n: int) -> list[Any]:
    """One forecast stands out from the gray runs; several go from dark to light."""
    return [CLAIM] if n == 1 else colors(n)


def _late(tokens: Any, *values: Any) -> list[Any]:
    kept = np.asarray(tokens) >= EARLIEST * tokens[-1]
    return [np.asarray(v)[kept] for v in (tokens, *values)]


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
            band = f"where one run lies, {f.level:.0%}"
            panel.plot(curve.tokens, curve.loss, color="0.5", linewidth=0.8, label="measured")
            panel.plot(curve.tokens, f.loss, color=CLAIM, linewidth=1.2, label="forecast")
            panel.fill_between(curve.tokens, f.low, f.high, color=CLAIM, label=band, **BAND)
            late = curve.tokens >= 0.15 * curve.tokens[-1]
            span = np.ptp(curve.loss[late])
            panel.set_ylim(curve.loss[late].min() - 0.1 * span, curve.loss[late].max() + 0.1 * span)
            panel.set_xlim(0.12 * curve.tokens[-1], curve.tokens[-1])
            panel.set_title(f"{title}\n{_short(curve.run)}", fontsize=8)
            panel.set_xlabel(curve.clock)
            count_axis(panel.xaxis)
        panels[0].set_ylabel("loss")
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
    band = f"{best.forecast.level:.0%} band of the best"
    axes.axhspan(best.low, best.high, facecolor="0.94", edgecolor="0.75", linewidth=0.6, zorder=0, label=band)
    axes.set(
        xlabel="cooldown, share of the budget", ylabel="final loss", xlim=(0, None),
        title=f"Best: {best.shape} over the last {best.fraction:.0%}, gain {best.gain:.4g}",
    )  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.3 * (high - low))
    axes.legend(loc="upper center", ncols=3, columnspacing=1.2)
    return axes


def paint_planned_curves(axes: Any, plan: CooldownPlan) -> Any:
    """Loss without a cooldown, under the shortest as good as the best, and under the best with its band; the axes."""
    best, short = plan.best, plan.shortest
    named = [
        (plan.constant, {"color": "0.55", "linewidth": 3.0}, "no cooldown"),
        (best, {"color": CLAIM, "linewidth": 1.6}, f"best: {best.shape} {best.fraction:.0%}"),
    ]
    if short is not best:
        label = f"as good, latest start: {short.shape} {short.fraction:.0%}"
        named.append((short, {"color": FLOOR, "linestyle": "--"}, label))
    for one, style, label in named:
        f = one.forecast
        axes.plot(*_late(f.target.tokens, f.loss), label=label, **style)
    f = best.forecast
    band = f"where one run of the best lies, {f.level:.0%}"
    axes.fill_between(*_late(f.target.tokens, f.low, f.high), color=CLAIM, label=band, **BAND)
    low, high = _window([f.loss, plan.constant.forecast.loss], [f.target.tokens] * 2)
    axes.set(ylim=(low, high), xlabel=_clock(f), ylabel="loss")
    axes.set_title(f"{count(f.target.params)} parameters, {count(plan.budget)} {_clock(f)}")
    count_axis(axes.xaxis)
    axes.legend(loc="upper right")
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
