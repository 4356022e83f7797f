"""The picture of a derivation: normalized curves of several sizes, with the limit that they go to."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import sympy

from ...common import Array, InputError
from ...theory.laws.collapse_cases import X

if TYPE_CHECKING:
    from ...theory.laws.derivation import Derivation

__all__ = ["draw"]


def draw(derivation: Derivation, path: Path | str | IO[bytes], sizes: Array, format: str) -> None:
    """Write the picture to a file, whose ending decides the format, or to an open one in `format`."""
    if len(derivation.curves) != 1:
        raise InputError("Derivation.plot needs one normalized curve; got several regions or none. Give gamma.")
    curve = derivation.curves[0]
    x = np.linspace(0.02, 1.0, 400)
    values = curve(x, sizes[:, None])  # refuses symbols before matplotlib is loaded
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for color, p, row in zip(colormaps["viridis"](np.linspace(0.9, 0.0, sizes.size)), sizes, values, strict=True):
        axes.plot(x, row, color=color, label=f"$p$ = {_power_of_ten(p)}")
    limit = np.broadcast_to(sympy.lambdify(X, curve.limit, "numpy")(x), x.shape).astype(np.float64)
    label = "every $p$" if curve.only.exact else r"limit $p \to \infty$"
    axes.plot(x, limit, color="black", linestyle=(0, (4, 3)), linewidth=1.2, label=label)
    top = float(max(values[:, x >= 0.1].max(), limit[x >= 0.1].max()))
    axes.set(xlim=(0, 1), ylim=(1 - 0.03 * (top - 1), 1 + 1.05 * (top - 1)))
    axes.set_xlabel(r"normalized compute $x = t / t^*$")
    axes.set_ylabel(r"normalized loss $\ell(x, p)$")
    optimal = derivation.optimal.regions[0].gamma
    ratio = "" if optimal is None else f" = {float(curve.gamma / optimal):.3g} $\\gamma^*$"
    ratio = ratio.replace("= 1 ", "= ")
    finding = {"trivial": "one term wins", "exact": "exact collapse", "asymptotic": "asymptotic collapse"}[curve.kind]
    axes.set_title(f"$\\gamma$ = {float(curve.gamma):.4g}{ratio}: {finding}", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    if isinstance(path, str | Path):
        figure.savefig(path, dpi=200)
    else:
        figure.savefig(path, dpi=200, format=format)


def _power_of_ten(p: float) -> str:
    exponent = np.log10(p)
    return f"$10^{{{round(exponent)}}}$" if abs(exponent - round(exponent)) < 1e-9 else f"{p:.3g}"
