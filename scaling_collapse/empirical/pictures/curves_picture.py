"""The picture of a ladder's curves: reducible loss against tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...theory import Ladder, LossCurve
from .canvas import colors, count, picture

__all__ = ["draw_curves"]


def draw_curves(ladder: Ladder, offset: float) -> bytes:
    """Mean reducible loss against tokens, a colour per size, a line style per schedule; the seeds' range shaded."""
    groups: dict[tuple[float, str], list[LossCurve]] = {}
    for curve in ladder:
        groups.setdefault((float(curve.params), str(curve.schedule)), []).append(curve)
    kinds = sorted({kind for _, kind in groups})
    color_of = dict(zip(ladder.sizes, colors(len(ladder.sizes)), strict=True))

    def draw(axes: Any) -> None:
        for (params, kind), curves in sorted(groups.items()):
            L = np.stack([c.loss for c in curves]) - offset
            tokens, style = curves[0].tokens, ("-", "--", ":", "-.")[kinds.index(kind) % 4]
            axes.loglog(tokens, L.mean(axis=0), style, color=color_of[params], label=f"{count(params)}, {kind}")
            axes.fill_between(tokens, L.min(axis=0), L.max(axis=0), color=color_of[params], alpha=0.2, linewidth=0)
        axes.set(xlabel="tokens", ylabel="loss - $L_0$")
        if len(groups) <= 16:
            axes.legend(fontsize=6)

    return picture(draw)
