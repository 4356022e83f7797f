"""Figure 5: sums of power laws collapse, exactly or for large sizes, at the compute-optimal horizon and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..theory import ScalingLaw, phase_gamma, phase_law
from .figure_page import MARKERS, PAGE, count, run_script, shades, write_page

__all__ = ["make"]

SIZES = 10.0 ** np.arange(1, 10)
FACTORS = (0.9, 1.0, 1.1)
PHASE_II = (0.6, 0.52)


def make(out: Path, *, curves: Path | None = None, fast: bool = False) -> list[Path]:
    """Loss against compute with the ends at 0.9, 1 and 1.1 gamma*, then the normalized curves at each; two laws."""
    rows = (
        ("$t^{-0.5} + p^{-0.5}$", ScalingLaw("t**-0.5 + p**-0.5"), 1.0),
        (
            "phase II, $\\alpha$ = {:g}, $\\beta$ = {:g}".format(*PHASE_II),
            phase_law(*PHASE_II),
            float(phase_gamma(*PHASE_II)),
        ),
    )

    def draw(figure: Any) -> None:
        for panels, (title, law, gamma) in zip(figure.subplots(2, 4), rows, strict=True):
            kappa = float(law.compute_optimal().kappa)
            _law_panel(panels[0], law, gamma, kappa, title)
            for axes, factor in zip(panels[1:], FACTORS, strict=True):
                _curve_panel(axes, law, factor, gamma, kappa)

    note = (
        "none; evaluated from the laws (coefficients 1), p from 10 (dark) to 10^9 (light), horizons "
        "$\\kappa p^\\gamma$ with the optimal $\\kappa$; ends at 0.9 (triangles), 1 (dots), 1.1 $\\gamma^*$ (squares)"
    )
    return write_page(Path(out), "fig05_power_law_sums", draw, width=PAGE, height=3.4, data=note, fast=fast)


def _law_panel(axes: Any, law: ScalingLaw, gamma: float, kappa: float, title: str) -> None:
    for p, color in zip(SIZES, shades(SIZES.size), strict=True):
        t = np.geomspace(1e-3, 1.0, 120) * kappa * p ** (FACTORS[-1] * gamma)
        axes.plot(6 * t * p, law(t, p) - float(law.L0), color=color, linewidth=0.9)
    for factor, mark, face in zip(FACTORS, ("^", "o", "s"), ("white", "black", "0.65"), strict=True):
        t = kappa * SIZES ** (factor * gamma)
        axes.plot(6 * t * SIZES, law(t, SIZES) - float(law.L0), mark, color="black", markerfacecolor=face,
                  markersize=2.6, markeredgewidth=0.5, zorder=3)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="compute $C = 6tp$ (FLOPs)", ylabel="reducible loss", title=title)


def _curve_panel(axes: Any, law: ScalingLaw, factor: float, gamma: float, kappa: float) -> None:
    x = np.linspace(0.02, 1.0, 250)
    curve = law.normalized_curve(gamma=factor * gamma, kappa=kappa)
    for i, (p, color) in enumerate(zip(SIZES, shades(SIZES.size), strict=True)):
        mark = {"marker": MARKERS[i % len(MARKERS)], "markevery": (20 + 5 * i, 80)} if p in (10.0, 1e9) else {}
        axes.plot(x, curve(x, p), color=color, linewidth=0.9, label=f"p = {count(p)}" if mark else None, **mark)
    words = "$\\gamma^*$" if factor == 1 else f"{factor:g} $\\gamma^*$"
    axes.set(xlim=(0, 1), ylim=(0.95, 4.0), xlabel="normalized compute $x$", title=f"{words}: {curve.kind}")
    if factor == FACTORS[0]:
        axes.set_ylabel("normalized loss $\\ell(x)$")
    if factor == FACTORS[-1]:
        axes.legend(loc="upper right")


if __name__ == "__main__":
    run_script(make)
