"""Figure B1, after Bergsma et al.: a family collapses at fixed tokens per parameter and timescale, else it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..common import Array
from .figure_page import MARKERS, PAGE, run_script, shades, write_page
from .toy_family import TAU, TPP, X, described, train

__all__ = ["make"]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """`L(x) / L(1)` of two families of one toy model, and how far their sizes differ."""
    sizes = (64, 128, 256, 512) if fast else (128, 256, 512, 1024, 2048)
    middle = sizes[len(sizes) // 2]
    # One weight decay for all, and tokens that grow as the root of size: what happens when neither ratio is kept.
    ratios = {s: (TPP * (middle / s) ** 0.5, TAU * (middle / s) ** 0.5) for s in sizes}
    varying = [train(s, tpp=tpp, tau=tau) for s, (tpp, tau) in ratios.items()]
    fixed = [train(s) for s in sizes]

    def draw(figure: Any) -> None:
        left, centre, right = figure.subplots(1, 3)
        for axes, losses, title, legends in (
            (
                left,
                varying,
                "both ratios vary with size",
                [f"{a:.0f}, {b:.2f}" for a, b in ratios.values()],
            ),
            (centre, fixed, "both ratios fixed", [f"{TPP:.0f}, {TAU:.2f}"] * len(sizes)),
        ):
            _panel(axes, sizes, losses, legends)
            axes.set(title=title, xlabel="fraction of training $x$", ylim=(0.98, 2.2), xlim=(0, 1))
        left.set_ylabel("$L(x)/L(1)$")
        for losses, color, mark, name in ((varying, "#D55E00", "^", "vary"), (fixed, "#0072B2", "o", "fixed")):
            l = np.stack([loss / loss[-1] for loss in losses])[:, :-1]
            deviation = 100 * l.std(axis=0, ddof=1) / l.mean(axis=0)
            right.semilogy(X[:-1], deviation, color=color, marker=mark, markevery=(15, 40), label=name)
        right.set(xlabel="fraction of training $x$", ylabel="deviation between sizes (%)", xlim=(0, 1))
        right.set_title("sd / mean of $L(x)/L(1)$ over sizes")
        right.legend(loc="lower left")

    note = (
        f"{described(sizes)}. "
        "In brackets the ratios: tokens per parameter, and timescale (AdamW's memory, fraction of training)"
    )
    return write_page(Path(out), "figb1_family_collapse", draw, width=PAGE, height=2.2, data=note, fast=fast)


def _panel(axes: Any, sizes: tuple[int, ...], losses: list[Array], legends: list[str]) -> None:
    for i, (size, loss, words, color) in enumerate(zip(sizes, losses, legends, shades(len(sizes)), strict=True)):
        mark = {"marker": MARKERS[i], "markevery": (8 + 6 * i, 45)}
        axes.plot(X, loss / loss[-1], color=color, label=f"{size} ({words})", **mark)
    axes.legend(loc="upper right", title="parameters (ratios)", fontsize=5.5)


if __name__ == "__main__":
    run_script(make)
