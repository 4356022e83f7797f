"""The picture of a ladder's curves: reducible loss against tokens."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...common import count
from ...theory import Ladder, LossCurve
from .canvas import colors, picture

__all__ = ["draw_curves", "paint_curves"]


def draw_curves(ladder: Ladder, offset: float = 0.0) -> bytes:
    """A PNG of `paint_curves`."""
    return picture(partial(paint_curves, ladder=ladder, offset=offset))


def paint_curves(axes: Any, ladder: Ladder, offset: float = 0.0) -> Any:
    """Mean loss above `offset`, a colour per size, a line style per schedule, the seeds' range shaded; the axes."""
    groups: dict[tuple[float, str], list[LossCurve]] = {}
    for curve in ladder:
        groups.setdefault((float(curve.params), str(curve.schedule)), []).append(curve)
    kinds = sorted({kind for _, kind in groups})
    color_of = dict(zip(ladder.sizes, colors(len(ladder.sizes)), strict=True))
    for (params, kind), curves in sorted(groups.items()):
        L = np.stack([c.loss for c in curves]) - offset
        tokens, style = curves[0].tokens, ("-", "--", ":", "-.")[kinds.index(kind) % 4]
        axes.loglog(tokens, L.mean(axis=0), style, color=color_of[params], label=f"{count(params)}, {kind}")
        axes.fill_between(tokens, L.min(axis=0), L.max(axis=0), color=color_of[params], alpha=0.2, linewidth=0)
    axes.set(xlabel="tokens", ylabel="loss - $L_0$")
    if len(groups) <= 16:
        axes.legend(fontsize=6)
    return axes
