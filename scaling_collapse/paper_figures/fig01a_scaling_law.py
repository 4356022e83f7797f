"""Figure 1a: compute-optimal ends lie on one power law, `L = L0 + a C^-b`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..common import PFLOP
from ..theory import Ladder
from .curve_tables import Tables, measured
from .figure_page import MARKERS, PAGE, count, run_script, shades, write_page
from .panels import legend_of_sizes

__all__ = ["make"]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Loss against compute for every size, the seeds' range shaded, and the fitted law through the marked ends."""
    tables = Tables.at(curves)
    families = tables.families("fig01a_scaling_law", ("decay",))

    def draw(figure: Any) -> None:
        for axes, family in zip(figure.subplots(1, len(families), squeeze=False)[0], families, strict=True):
            ladder = tables.ladder(family, "decay")
            assert ladder is not None
            _panel(axes, ladder, family.title, fast)

    names = ", ".join(tables.name(f, "decay") for f in families)
    note = (
        f"{names}; thick: mean of seeds, shaded: their range, marks: ends of training, dashed: the fit to "
        "the ends, $L_0 + a\\,C^{-b}$ with $C$ in PFLOPs"
    )
    return write_page(
        Path(out), "fig01a_scaling_law", draw, width=_width(len(families)), height=2.35, data=note, fast=fast
    )


def _width(panels: int) -> float:
    return min(PAGE, 2.7 * panels + 0.6)


def _panel(axes: Any, ladder: Ladder, title: str, fast: bool) -> None:
    law, top = measured(ladder, fast=fast).law, -np.inf
    sizes = ladder.by_size.items()
    for i, ((p, runs), color) in enumerate(zip(sizes, shades(len(ladder.sizes)), strict=True)):
        horizon = min(c.horizon_tokens for c in runs)
        start = max(max(c.tokens[c.tokens > 0][0] for c in runs), 1e-3 * horizon)
        t = np.geomspace(start, horizon, 300)
        L = np.stack([c.loss_at(t) for c in runs])
        C = np.interp(t, runs[0].tokens, runs[0].compute) / PFLOP
        axes.plot(C, L.mean(axis=0), color=color, label=count(p))
        axes.fill_between(C, L.min(axis=0), L.max(axis=0), color=color, alpha=0.25, linewidth=0)
        mark = MARKERS[i % len(MARKERS)]
        axes.plot(C[-1], L[:, -1].mean(), mark, color=color, markeredgecolor="black", markeredgewidth=0.4, zorder=3)
        top = max(top, float(np.interp(0.05 * horizon, t, L.mean(axis=0))))
    bottom = law.L.min() - 0.1 * (top - law.L.min())
    if np.isfinite(law.L0):
        title += f"\n$L_0$ = {law.L0:.3g}, $a$ = {law.a:.3g}, $b$ = {law.b:.3f}"
        C = np.geomspace(law.C.min() / 3, law.C.max() * 3, 100)
        axes.plot(C, law(C), "--", color="black", linewidth=0.9)
    else:
        title += f"\nno law: {law.status}"
    axes.set(xscale="log", xlim=(0.02 * law.C.min(), 40 * law.C.max()), ylim=(bottom, top), title=title)
    axes.set(xlabel="training compute $C$ (PFLOPs)", ylabel="test loss")
    legend_of_sizes(axes, ladder, handlelength=1.2)


if __name__ == "__main__":
    run_script(make)
