"""The picture of a ladder's curves: loss, or reducible loss, against tokens."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...common import Array, count
from ...theory import Ladder, LossCurve
from .canvas import BAND, colors, picture, plain_log

__all__ = ["draw_curves", "paint_curves"]

STYLES = ("-", "--", ":", "-.", (0, (6, 1.5)), (0, (3, 1, 1, 1, 1, 1)))


def draw_curves(ladder: Ladder, offset: float = 0.0) -> bytes:
    """A PNG of `paint_curves`."""
    return picture(partial(paint_curves, ladder=ladder, offset=offset))


def paint_curves(axes: Any, ladder: Ladder, offset: float = 0.0) -> Any:
    """Mean loss above `offset`, a colour per size, a line style per schedule, the seeds' range shaded; the axes."""
    groups: dict[tuple[float, str], list[LossCurve]] = {}
    for curve in ladder:
        groups.setdefault((float(curve.params), curve.schedule or "schedule unknown"), []).append(curve)
    kinds = sorted({kind for _, kind in groups})
    style_of = {kind: STYLES[i % len(STYLES)] for i, kind in enumerate(kinds)}
    color_of = dict(zip(ladder.sizes, colors(len(ladder.sizes)), strict=True))
    for (params, kind), curves in sorted(groups.items()):
        t, L = _on_one_clock(curves)
        L = L - offset
        axes.plot(t, L.mean(axis=0), linestyle=style_of[kind], color=color_of[params])
        axes.fill_between(t, L.min(axis=0), L.max(axis=0), color=color_of[params], **BAND)
    axes.set(
        xscale="log", yscale="log", xlabel=ladder.curves[0].clock,
        ylabel=f"loss less $L_0$ = {offset:.4g}" if offset else "loss", title=_title(ladder, kinds),
    )  # fmt: skip
    low, high = axes.get_ylim()
    if high < 30 * low:
        plain_log(axes.yaxis)
    _legend(axes, color_of, style_of, shaded=len(ladder) > len(groups))
    return axes


def _on_one_clock(curves: list[LossCurve]) -> tuple[Array, Array]:
    """Tokens > 0 of the first run as far as every run reaches, and the losses there, shape (runs, n)."""
    t = curves[0].tokens
    t = t[(t > 0) & (t >= max(c.tokens[0] for c in curves)) & (t <= min(c.tokens[-1] for c in curves))]
    return t, np.stack([c.loss_at(t) for c in curves])


def _title(ladder: Ladder, kinds: list[str]) -> str:
    sizes = f"{len(ladder.sizes)} sizes" if len(ladder.sizes) > 1 else f"{count(min(ladder.sizes))} parameters"
    return f"{sizes}, {len(ladder)} runs, " + (kinds[0] if len(kinds) == 1 else f"{len(kinds)} schedules")


def _legend(axes: Any, color_of: dict[float, Any], style_of: dict[str, Any], *, shaded: bool) -> None:
    """Sizes by colour, schedules by line, beside the panel: curves may lie anywhere in it."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    named: list[Any] = [Line2D([], [], color=color, label=count(p)) for p, color in color_of.items()]
    if len(style_of) > 1:
        named += [Line2D([], [], color="0.3", linestyle=style, label=kind) for kind, style in style_of.items()]
    if shaded:
        named.append(Patch(color="0.5", alpha=0.35, linewidth=0, label="range over seeds"))
    title = "parameters" if len(style_of) == 1 else "parameters, schedules"
    axes.legend(handles=named, title=title, loc="center left", bbox_to_anchor=(1.0, 0.5))
