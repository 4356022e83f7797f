"""Figure 2: only an offset near the irreducible loss collapses the curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..empirical import CollapseReport
from ..empirical.collapse.scale_deviation import scale_deviation
from ..theory import Ladder, losses_on_grid, normalize
from .curve_tables import Tables
from .figure_page import PAGE, plain_log, run_script, write_page
from .panels import collapse_panel, grid_of

__all__ = ["make"]

SHIFTS = (-1.0, 0.0, 0.6)
"""Offsets shown: L0 plus these multiples of the smallest reducible loss."""


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Normalized curves at three offsets, and how far sizes differ against the offset."""
    tables = Tables.at(curves)
    families, left_out = tables.with_offset("fig02_offset", ("decay",), fast=fast)

    def draw(figure: Any) -> None:
        for row, family in zip(figure.subplots(len(families), 4, squeeze=False), families, strict=True):
            ladder = tables.ladder(family, "decay")
            assert ladder is not None
            _row(row, ladder, tables.report(family, fast=fast), family.title)

    names = ", ".join(tables.name(f, "decay") for f in families)
    note = (
        f"{names}. R is the smallest reducible loss over $L_0$. Right: how far sizes differ beyond "
        "seeds, relative to how far the curve falls; $\\Delta$ alone would shrink for small offsets, because they "
        "flatten every curve. Shaded: 90 % interval of $L_0$ from end points"
    )
    return write_page(
        Path(out), "fig02_offset", draw, width=PAGE, height=1.65 * len(families) + 0.1, data=note + left_out, fast=fast
    )


def _row(row: Any, ladder: Ladder, report: CollapseReport, title: str) -> None:
    L0 = report.offset
    smallest = float(min(c.horizon_loss for c in ladder)) - L0
    for i, (axes, shift) in enumerate(zip(row, SHIFTS, strict=False)):
        words = "$L_0$" if shift == 0 else f"$L_0 {shift:+.1f}\\,R$"
        head = f"{title}\n" if i == 0 else "\n"
        collapse_panel(axes, ladder, L0 + shift * smallest, title=f"{head}$\\hat L$ = {words}", legend=False)
        axes.set(ylabel="$\\ell(x)$" if i == 0 else "", xlabel="$x = t/t^*$")
    x, index = grid_of(ladder), ladder.size_index
    L = losses_on_grid(ladder, x)
    z = np.linspace(-1.5, 0.9, 121)
    spread = [max(100 * scale_deviation(normalize(L, L0 + v * smallest), index).value, 1e-2) for v in z]
    right = row[-1]
    right.plot(z, spread, color="black")
    low, high = ((end - L0) / smallest for end in report.law.L0_interval)
    if np.isfinite(low):
        right.axvspan(max(low, z[0]), min(high, z[-1]), color="0.9", zorder=0)
    for shift in SHIFTS:
        right.plot(shift, np.interp(shift, z, spread), "o", color="#D55E00")
    right.set(xlabel="$(\\hat L - L_0)\\,/\\,R$", ylabel="size spread (%)", yscale="log", xlim=(z[0], z[-1]))
    plain_log(right.yaxis)
    right.set_title(f"\nleast at {z[int(np.argmin(spread))]:+.2f} R")


if __name__ == "__main__":
    run_script(make)
