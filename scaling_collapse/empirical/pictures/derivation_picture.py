"""The picture of a derivation: normalized curves of several sizes, with the limit that they go to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from ...common import InputError
from ...theory.laws.collapse_cases import X
from .canvas import colors, picture

if TYPE_CHECKING:
    from ...theory.laws.derivation import Derivation

__all__ = ["draw_derivation", "paint_derivation"]

SIZES = (1e1, 1e3, 1e5, 1e7, 1e9)


def draw_derivation(derivation: Derivation, sizes: ArrayLike | None = None) -> bytes:
    """A PNG of `paint_derivation`."""
    return picture(partial(paint_derivation, derivation=derivation, sizes=sizes))


def paint_derivation(axes: Any, derivation: Derivation, sizes: ArrayLike | None = None) -> Any:
    """Normalized curves of `sizes` and their limit; default the derivation's own, else 10 to 10^9; the axes.

    Curves that are one (an exact collapse) are drawn ever thinner, so that all of them are seen.
    """
    if len(derivation.curves) != 1:
        raise InputError("Derivation.plot needs one normalized curve; got several regions or none. Give gamma.")
    chosen = np.atleast_1d(np.asarray((derivation.sizes or SIZES) if sizes is None else sizes, dtype=np.float64))
    curve = derivation.curves[0]
    x = np.linspace(0.02, 1.0, 400)
    values = curve(x, chosen[:, None])
    widths = np.linspace(5.0, 1.4, chosen.size) if curve.only.exact else np.full(chosen.size, 1.4)
    for color, width, p, row in zip(colors(chosen.size), widths, chosen, values, strict=True):
        axes.plot(x, row, color=color, linewidth=width, label=f"$p$ = {_power_of_ten(p)}")
    limit = np.broadcast_to(sympy.lambdify(X, curve.limit, "numpy")(x), x.shape).astype(np.float64)
    label = "every $p$" if curve.only.exact else r"limit $p \to \infty$"
    axes.plot(x, limit, color="black", linestyle=(0, (4, 3)), linewidth=1.2, label=label)
    top = float(max(values[:, x >= 0.1].max(), limit[x >= 0.1].max()))
    axes.set(xlim=(0, 1), ylim=(1 - 0.03 * (top - 1), 1 + 1.05 * (top - 1)))
    axes.set(xlabel=r"normalized compute $x = t / t^*$", ylabel=r"normalized loss $\ell(x, p)$")
    optimal = derivation.optimal.regions[0].gamma
    ratio = "" if optimal is None else f" = {float(curve.gamma / optimal):.3g} $\\gamma^*$"
    ratio = ratio.replace("= 1 ", "= ")
    finding = {"trivial": "one term wins", "exact": "exact collapse", "asymptotic": "asymptotic collapse"}[curve.kind]
    axes.set_title(f"$\\gamma$ = {float(curve.gamma):.4g}{ratio}: {finding}")
    axes.legend()
    return axes


def _power_of_ten(p: float) -> str:
    exponent = np.log10(p)
    return f"$10^{{{round(exponent)}}}$" if abs(exponent - round(exponent)) < 1e-9 else f"{p:.3g}"
