"""Figure 1d: each schedule has its own universal curve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..theory import Ladder, LossCurve
from .curve_tables import Family, Tables, label_of
from .figure_page import PAGE, curtain, legend_above, run_script, stroke_of, write_page
from .panels import normalized
from .simulated_ladders import SCHEDULES, described, simulated_ladder

__all__ = ["make"]

NEAR = 0.1
"""A run of a table of schedules counts as trained to its horizon if it ends within 10 % of it."""


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Normalized curves of every schedule: the mean over sizes, and the range over sizes shaded."""
    tables = Tables.at(curves)
    families, left_out = tables.with_offset("fig01d_schedules_collapse", ("decay",), fast=fast)
    families = [f for f in families if tables.has(f, "constant") or tables.has(f, "schedules")] or families[:1]

    def draw(figure: Any) -> None:
        panels = figure.subplots(1, len(families) + 1, squeeze=False)[0]
        for axes, family in zip(panels, families, strict=False):
            decay = tables.ladder(family, "decay")
            assert decay is not None
            offset = tables.offset(family, fast=fast)
            _panel(axes, list(_by_schedule(tables, family, decay)), offset, family.title)
        simulated = [(name, simulated_ladder(name, fast)) for name in SCHEDULES]
        _panel(panels[-1], simulated, 0.0, "simulated SGD")
        panels[0].set_ylabel("normalized loss $\\ell(x)$")
        legend_above(figure, panels)

    names = "; ".join(tables.name(f, "decay", "constant", "schedules") for f in families)
    note = (
        f"{names}; right: {described(fast)}. Lines: mean over sizes and seeds, shaded: range of the sizes' means; "
        "without shade: one size. A family's offset is its decayed ladder's $L_0$"
    )
    width = min(PAGE, 2.4 * (len(families) + 1) + 0.4)
    return write_page(
        Path(out), "fig01d_schedules_collapse", draw, width=width, height=2.5, data=note + left_out, fast=fast
    )


def _by_schedule(tables: Tables, family: Family, decay: Ladder) -> Iterator[tuple[str, Ladder]]:
    """The family's runs by schedule: its ladders, and what its table of schedules adds at the ladder's horizon."""
    seen = set()
    for role in ("constant", "decay"):
        ladder = tables.ladder(family, role)
        if ladder is not None:
            seen.add(label_of(ladder.curves[0]))
            yield label_of(ladder.curves[0]), ladder
    more: dict[str, list[LossCurve]] = {}
    for curve in tables.ladder(family, "schedules") or ():
        horizon = np.exp(
            np.interp(
                np.log(curve.params), np.log(decay.sizes), [np.log(c[0].horizon_tokens) for c in decay.by_size.values()]
            )
        )
        if label_of(curve) not in seen and abs(curve.horizon_tokens / horizon - 1) < NEAR:
            more.setdefault(label_of(curve), []).append(curve)
    for label, runs in sorted(more.items()):
        yield label, Ladder(runs)


def _panel(axes: Any, ladders: list[tuple[str, Ladder]], offset: float, title: str) -> None:
    drawn = []
    for label, ladder in ladders:
        stroke = stroke_of(label)
        x, l = normalized(ladder, offset)
        means = np.stack([l[ladder.size_index == i].mean(axis=0) for i in range(len(ladder.sizes))])
        drawn.append(means)
        axes.plot(x, means.mean(axis=0), label=label, markevery=(5, 25), **stroke)
        axes.fill_between(x, means.min(axis=0), means.max(axis=0), color=stroke["color"], alpha=0.25, linewidth=0)
    axes.set(xlim=(0, 1), ylim=curtain(drawn), title=title, xlabel="normalized compute $x$")


if __name__ == "__main__":
    run_script(make)
