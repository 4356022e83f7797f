"""Panels that several figures share: curves of a ladder on the normalized axes, and Delta against sigma."""

from __future__ import annotations

from typing import Any

from ..common import Array
from ..theory import Ladder, collapse_deviation, default_grid, losses_on_grid, noise_floor, normalize
from .figure_page import count, curtain, shades

__all__ = [
    "LATE",
    "collapse_of",
    "collapse_panel",
    "grid_of",
    "legend_of_sizes",
    "middle_deviation",
    "normalized",
    "size_curves",
]

LATE = (0.8, 1.0)
"""The stretch of x over which Delta / sigma is averaged."""


def grid_of(ladder: Ladder) -> Array:
    """The project's grid, from where every run of the ladder is logged."""
    x = default_grid()
    return x[x >= max(c.tokens[0] / c.horizon_tokens for c in ladder)]


def normalized(ladder: Ladder, offset: float) -> tuple[Array, Array]:
    """`x` and `l(x)` of every run, shape (runs, n)."""
    x = grid_of(ladder)
    return x, normalize(losses_on_grid(ladder, x), offset)


def collapse_of(ladder: Ladder, offset: float) -> tuple[Array, Array, Array]:
    """`x`, `Delta(x)` and `sigma(x)` of a ladder (sigma NaN where no size has two seeds), without x = 1."""
    x = grid_of(ladder)
    L, index = losses_on_grid(ladder, x), ladder.size_index
    delta = collapse_deviation(normalize(L, offset), index)
    return x[:-1], delta[:-1], noise_floor(L, index, offset)[:-1]


def middle_deviation(x: Array, delta: Array) -> float:
    """`Delta(0.5)`: its mean over x in [0.45, 0.55], since single points scatter."""
    return float(delta[(x >= 0.45) & (x <= 0.55)].mean())


def size_curves(axes: Any, ladder: Ladder, x: Array, values: Array) -> None:
    """Mean over seeds for every size, dark small to light large, the range over seeds shaded."""
    for i, (p, color) in enumerate(zip(ladder.sizes, shades(len(ladder.sizes)), strict=True)):
        rows = values[ladder.size_index == i]
        axes.plot(x, rows.mean(axis=0), color=color, label=count(p))
        axes.fill_between(x, rows.min(axis=0), rows.max(axis=0), color=color, alpha=0.25, linewidth=0)


def collapse_panel(axes: Any, ladder: Ladder, offset: float, *, title: str, legend: bool = True) -> None:
    """Normalized loss against normalized compute, a shade per size."""
    x, l = normalized(ladder, offset)
    size_curves(axes, ladder, x, l)
    axes.set(xlim=(0, 1), ylim=curtain([l]), title=title)
    axes.set(xlabel="normalized compute $x = t/t^*$", ylabel="normalized loss $\\ell(x)$")
    if legend:
        legend_of_sizes(axes, ladder)


def legend_of_sizes(axes: Any, ladder: Ladder, **options: Any) -> None:
    """A legend by parameter count."""
    axes.legend(**({"title": "parameters", "loc": "upper right", "handlelength": 1.6} | options))
