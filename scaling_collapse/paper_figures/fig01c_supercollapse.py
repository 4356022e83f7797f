"""Figure 1c: with decay, sizes differ by less than seeds of one size do: Delta < sigma, supercollapse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..theory import Ladder
from .curve_tables import Tables
from .figure_page import PAGE, run_script, write_page
from .panels import LATE, collapse_of

__all__ = ["make"]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Collapse deviation against the noise floor, decayed (solid marks) and at a constant rate (open marks)."""
    tables = Tables.at(curves)
    families, left_out = tables.with_offset("fig01c_supercollapse", ("decay",), fast=fast)

    def draw(figure: Any) -> None:
        panels = figure.subplots(1, len(families), squeeze=False, sharey=True)[0]
        for axes, family in zip(panels, families, strict=True):
            decay, constant = tables.ladder(family, "decay"), tables.ladder(family, "constant")
            assert decay is not None
            _panel(axes, decay, constant, tables.offset(family, fast=fast), family.title)
        panels[0].set_ylabel("relative spread")

    names = "; ".join(tables.name(f, "decay", "constant") for f in families)
    note = (
        f"{names}; late: mean over x in [0.8, 1); one offset a family, the decayed ladder's $L_0$; "
        "a constant-rate ladder of one seed has no sigma"
    )
    width = min(PAGE, 2.7 * len(families) + 0.6)
    return write_page(
        Path(out), "fig01c_supercollapse", draw, width=width, height=2.45, data=note + left_out, fast=fast
    )


def _panel(axes: Any, decay: Ladder, constant: Ladder | None, offset: float, title: str) -> None:
    words = []
    for ladder, color, mark, name in ((decay, "#0072B2", "o", "decay"), (constant, "#D55E00", "^", "constant")):
        if ladder is None:
            continue
        x, delta, sigma = collapse_of(ladder, offset)
        late = (x >= LATE[0]) & (x < LATE[1])
        style: dict[str, Any] = {"color": color, "marker": mark, "markevery": (10, 30)}
        axes.plot(x, delta, label=f"$\\Delta$, {name}", **style)
        if np.isfinite(sigma).all():
            axes.plot(x, sigma, linestyle="--", markerfacecolor="white", label=f"$\\sigma$, {name}", **style)
            words.append(f"{name} {np.mean(delta[late] / sigma[late]):.2f}")
    text = "late $\\Delta/\\sigma$: " + (", ".join(words) or "unknown, one seed a size")
    axes.set_title(f"{title}\n{text}")
    axes.set(xlim=(0, 1), yscale="log", xlabel="normalized compute $x$")
    axes.legend(loc="lower left")


if __name__ == "__main__":
    run_script(make)
