"""Figure S1, the simulator's own: in exact SGD, too, decay turns collapse into supercollapse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .figure_page import PAGE, plain_log, run_script, shades, write_page
from .panels import LATE, collapse_of, collapse_panel, legend_of_sizes
from .simulated_ladders import described, simulated_ladder

__all__ = ["make"]


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Loss of single runs, constant rate against linear decay; the collapse of both; Delta against sigma."""
    ladders = {name: simulated_ladder(name, fast) for name in ("constant", "linear")}

    def draw(figure: Any) -> None:
        first, second, third, last = figure.subplots(1, 4)
        sizes = ladders["linear"].sizes
        chosen = dict(zip((sizes[0], sizes[-1]), shades(2), strict=True))
        for (name, ladder), line in zip(ladders.items(), ("-", "--"), strict=True):
            for p, color in chosen.items():
                runs = ladder.by_size[p]
                L = np.stack([c.loss for c in runs])
                first.loglog(runs[0].tokens, L.mean(axis=0), line, color=color, label=f"d = {p:.0f}, {name}")
                first.fill_between(runs[0].tokens, L.min(axis=0), L.max(axis=0), color=color, alpha=0.2, linewidth=0)
        low = min(c.loss.min() for ladder in ladders.values() for c in ladder)
        top = max(c.loss[c.tokens > 3].max() for c in ladders["constant"])
        first.set(xlabel="examples", ylabel="loss", title="single runs", xlim=(3, None), ylim=(0.4 * low, 1.1 * top))
        plain_log(first.yaxis)
        first.legend(loc="lower left", fontsize=5.2)
        for axes, (name, ladder) in zip((second, third), ladders.items(), strict=True):
            collapse_panel(axes, ladder, 0.0, title=name, legend=False)
            axes.set(ylim=(0.85, 2.0), ylabel="$\\ell(x)$" if axes is second else "", xlabel="$x = t/t^*$")
        legend_of_sizes(third, ladders["linear"], title="features d")
        words = []
        for (name, ladder), color, mark in zip(ladders.items(), ("#D55E00", "#0072B2"), "^o", strict=True):
            x, delta, sigma = collapse_of(ladder, 0.0)
            late = (x >= LATE[0]) & (x < LATE[1])
            style: dict[str, Any] = {"color": color, "marker": mark, "markevery": (8, 40)}
            last.semilogy(x, delta, label=f"$\\Delta$, {name}", **style)
            last.semilogy(x, sigma, "--", markerfacecolor="white", label=f"$\\sigma$, {name}", **style)
            words.append(f"{np.mean(delta[late] / sigma[late]):.2f}")
        last.set(
            xlim=(0, 1), xlabel="$x$", ylabel="relative spread", title=f"late $\\Delta/\\sigma$: {' and '.join(words)}"
        )
        last.legend(fontsize=5.5, loc="lower left")

    note = (
        f"{described(fast)}; shaded: range over seeds; late $\\Delta/\\sigma$: mean over x in [0.8, 1), "
        "constant and linear"
    )
    return write_page(Path(out), "figs1_simulated_decay", draw, width=PAGE, height=1.9, data=note, fast=fast)


if __name__ == "__main__":
    run_script(make)
