"""Figure 1f: how good the collapse is follows from noise of one size and how much of it persists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..common import Array
from ..theory import Ladder, losses_on_grid, normalized_variance
from .curve_tables import Tables
from .figure_page import PAGE, run_script, write_page
from .panels import collapse_of, grid_of

__all__ = ["make", "predicted_deviation"]


def predicted_deviation(ladder: Ladder, offset: float, *, of: Ladder | None = None) -> tuple[Array, Array]:
    r"""First-order `Delta(x)` from each size's noise and the spread between sizes, without x = 1.

    `of` is the ladder whose deviation is wanted, where that is another one: it gives x and the numbers p and n alone.

    `Delta^2 = [p (n - 1) <sigma(x)^2 + sigma(1)^2 - 2 rho sigma(x) sigma(1)> + n (p - 1) var(ln l)] / (p n - 1)` for p
    sizes of n seeds: the sample variance split as in the analysis of variance, the part within sizes by
    `theory.normalized_variance`.

    Returns
    -------
    tuple of ndarray
        The deviation with the spread between sizes, and the part that seeds alone make, each shape (n,).
    """
    of = ladder if of is None else of
    x, index = grid_of(of), ladder.size_index
    R = losses_on_grid(ladder, x) - offset
    within, centres = [], []
    for i in range(len(ladder.sizes)):
        r = R[index == i]
        sigma = r.std(axis=0, ddof=1) / r.mean(axis=0)
        rho = np.array([np.corrcoef(r[:, k], r[:, -1])[0, 1] for k in range(x.size)])
        within.append(normalized_variance(sigma, sigma[-1], rho))
        centres.append(np.log(r.mean(axis=0) / r[:, -1].mean()))
    p = len(of.sizes)
    n = len(of) / p
    noise = p * (n - 1) * np.mean(within, axis=0) / (p * n - 1)
    sizes = n * (p - 1) * np.var(centres, axis=0, ddof=1) / (p * n - 1)
    return np.sqrt(noise + sizes)[:-1], np.sqrt(np.maximum(noise, 0.0))[:-1]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Delta measured and predicted to first order, under decay and at a constant rate."""
    tables = Tables.at(curves)
    families, left_out = tables.with_offset("fig01f_predicted_quality", ("decay",), fast=fast)

    def draw(figure: Any) -> None:
        panels = figure.subplots(1, len(families), squeeze=False, sharey=True)[0]
        for axes, family in zip(panels, families, strict=True):
            decay = tables.ladder(family, "decay")
            assert decay is not None
            _panel(axes, decay, tables.ladder(family, "constant"), tables.offset(family, fast=fast), family.title)
        panels[0].set_ylabel("collapse deviation $\\Delta(x)$")

    names = "; ".join(tables.name(f, "decay", "constant") for f in families)
    note = (
        f"{names}; measured on every second size, predicted from the other sizes: their sigma(x), sigma(1), "
        "correlation over seeds and spread of the sizes' means; dotted: what seeds alone make. Ladders of under 3 "
        "seeds a size are left out"
    )
    width = min(PAGE, 2.7 * len(families) + 0.6)
    return write_page(
        Path(out), "fig01f_predicted_quality", draw, width=width, height=2.5, data=note + left_out, fast=fast
    )


def _halves(ladder: Ladder) -> tuple[Ladder, Ladder]:
    """Every other size, so that both halves span the ladder; both the whole ladder where it has under 4 sizes."""
    if len(ladder.sizes) < 4:
        return ladder, ladder
    return ladder.select(lambda c: c.params in ladder.sizes[::2]), ladder.select(
        lambda c: c.params in ladder.sizes[1::2]
    )


def _panel(axes: Any, decay: Ladder, constant: Ladder | None, offset: float, title: str) -> None:
    words = []
    for ladder, color, mark, name in ((decay, "#0072B2", "o", "decay"), (constant, "#D55E00", "^", "constant")):
        if ladder is None or min(len(runs) for runs in ladder.by_size.values()) < 3:
            continue
        told, asked = _halves(ladder)
        x, delta, _ = collapse_of(asked, offset)
        predicted, noise = predicted_deviation(told, offset, of=asked)
        axes.plot(x, delta, color=color, alpha=0.45, linewidth=2.4, label=f"measured, {name}")
        axes.plot(x, predicted, "--", color=color, marker=mark, markevery=(10, 30), label=f"predicted, {name}")
        axes.plot(x, noise, ":", color=color, linewidth=0.8)
        words.append(f"{name}: off by {100 * np.median(np.abs(predicted / delta - 1)):.1f} %")
    axes.set_title("\n".join([title, *words]))
    axes.set(xlim=(0, 1), yscale="log", xlabel="normalized compute $x$")
    axes.legend(loc="lower left")


if __name__ == "__main__":
    run_script(make)
