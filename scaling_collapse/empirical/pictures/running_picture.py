"""The picture of a run in progress: its references, what was seen of it, and the rest with its band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...common import count
from ..running.running_forecast import RunningForecast
from .canvas import BAND, CLAIM, FLOOR, colors, picture

__all__ = ["draw_running", "paint_progress", "paint_running"]

FIRST = 0.05
"""Progress from which on curves are drawn."""
TICKS = (0.05, 0.1, 0.2, 0.5, 1.0)
MOST = 6
"""Runs in one picture."""


def draw_running(found: Sequence[RunningForecast]) -> bytes:
    """A PNG, for each run a row: `paint_running` left, `paint_progress` right."""
    shown = found[:MOST]

    def draw(*axes: Any) -> None:
        for i, one in enumerate(shown):
            paint_running(axes[2 * i], one)
            paint_progress(axes[2 * i + 1], one)

    return picture(draw, size=(9.6, 3.6 * len(shown)), rows=len(shown), columns=2)


def paint_running(axes: Any, found: RunningForecast) -> Any:
    """Loss against progress: what was seen, and the forecast rest with its band; the axes."""
    run, T = found.partial, found.horizon_tokens
    seen = run.tokens >= FIRST * T
    axes.plot(run.tokens[seen] / T, run.loss[seen], color=FLOOR, linewidth=1.0, label=f"{found.run}, seen")
    if found.tokens.size:
        x = found.tokens / T
        axes.plot(x, found.loss, color=CLAIM, label="forecast")
        axes.fill_between(x, found.loss_low, found.loss_high, color=CLAIM, label=f"one run, {found.level:.0%}", **BAND)
    title = f"{found.run} ends at {found.final:.4g}" if found.claimed else f"{found.run}: {found.status}"
    band = f"\n{found.low:.4g} to {found.high:.4g} ({found.level:.0%})" if found.claimed else ""
    axes.set(xlim=(0, 1.02), xlabel="progress $x = t/T$", ylabel="loss", title=title + band)
    axes.legend(loc="upper right", fontsize=7)
    return axes


def paint_progress(axes: Any, found: RunningForecast) -> Any:
    """`L / L(T)` of references and run, as far as it was seen and as forecast; the axes."""
    offset = found.offset
    for (p, curves), color in zip(found.ladder.by_size.items(), colors(len(found.ladder.sizes)), strict=True):
        for i, curve in enumerate(curves):
            x = curve.tokens / curve.horizon_tokens
            kept = (x >= FIRST) & (x <= 1)
            ratio = (curve.loss[kept] - offset) / (curve.horizon_loss - offset)
            axes.plot(x[kept], ratio, color=color, linewidth=0.9, label=count(p) if i == 0 else None)
    if found.claimed:
        end, T, run = found.final - offset, found.horizon_tokens, found.partial
        seen = run.tokens >= FIRST * T
        axes.plot(run.tokens[seen] / T, (run.loss[seen] - offset) / end, color=FLOOR, linewidth=1.0, label=found.run)
        if found.tokens.size:
            axes.plot(found.tokens / T, (found.loss - offset) / end, color=CLAIM, label="forecast")
    axes.set(
        xscale="log", xlabel="progress $x = t/T$", title="Its references",
        ylabel="loss / final loss" if offset == 0 else f"(loss - {offset:g}) / (final loss - {offset:g})",
    )  # fmt: skip
    axes.set_xticks(TICKS, [f"{x:g}" for x in TICKS])
    axes.legend(loc="upper right", fontsize=7)
    return axes
