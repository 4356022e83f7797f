"""Who draws which result: `painter(result, axes, **options)`; the package's `__init__` names them by class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ...common import PFLOP, InputError
from .canvas import colors, count, size_legend

if TYPE_CHECKING:  # a picture of one room loads no other
    from ...sgd_noise_model import CooldownPlan, Forecast, Simulation
    from ...theory import Derivation, Ladder, LossCurve
    from ..collapse.collapse_report import CollapseReport
    from ..extrapolation.extrapolation import Extrapolation
    from ..fits.horizon_fit import HorizonFit
    from ..fits.law_fit import LawFit
    from ..trainer.coordinate_check import CoordinateCheck

__all__ = [
    "collapse_report",
    "cooldown_plan",
    "coordinate_check",
    "derivation",
    "extrapolation",
    "forecast",
    "horizon_fit",
    "ladder",
    "law_fit",
    "loss_curve",
    "simulation",
]


def ladder(result: Ladder, axes: Any) -> Any:
    """Loss against tokens, a colour per size."""
    for (p, curves), color in zip(result.by_size.items(), colors(len(result.sizes)), strict=True):
        for i, curve in enumerate(curves):
            axes.plot(curve.tokens, curve.loss, color=color, linewidth=0.9, label=count(p) if i == 0 else None)
    _loss_axes(axes, result.curves[0].clock)
    size_legend(axes, len(result.sizes))
    return axes


def loss_curve(result: LossCurve, axes: Any) -> Any:
    """Loss against tokens; the horizon where the run goes on past it."""
    axes.plot(result.tokens, result.loss, label=result.run)
    if result.horizon_tokens < result.tokens[-1]:
        axes.axvline(result.horizon_tokens, color="black", linestyle=":", linewidth=1, label="horizon")
        axes.legend()
    _loss_axes(axes, result.clock)
    return axes


def simulation(result: Simulation, axes: Any) -> Any:
    """Expected reducible loss against steps."""
    inside = result.steps > 0
    axes.loglog(result.steps[inside], result.loss[inside])
    axes.set(xlabel="steps", ylabel="reducible loss", title=f"{result.problem.name}, {result.schedule.name}")
    return axes


def _loss_axes(axes: Any, clock: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel=clock, ylabel="loss")


def law_fit(result: LawFit, axes: Any) -> Any:
    """Final losses of the sizes and the law through them."""
    axes.plot(result.C, result.L, "o", color="C0", label="mean final loss of a size")
    if np.isfinite(result.L0):
        C = np.geomspace(result.C.min() / 3, result.C.max() * 3, 200)
        axes.plot(C, result(C), "--", color="black", linewidth=1.1, label="$L_0 + a\\,C^{-b}$")
    axes.set(xscale="log", xlabel="training compute (PFLOPs)", ylabel="final loss")
    axes.legend()
    return axes


def collapse_report(result: CollapseReport, axes: Any, *, what: str = "collapse") -> Any:
    """What of `"collapse"` (normalized curves), `"delta"` (Delta and sigma) and `"law"` is asked for."""
    paint = {"collapse": _collapse, "delta": _delta, "law": lambda report, axes: law_fit(report.law, axes)}.get(what)
    if paint is None:
        raise InputError(f"CollapseReport.plot needs `what` 'collapse', 'delta' or 'law'; got {what!r}. Choose one.")
    paint(result, axes)
    return axes


def _collapse(result: CollapseReport, axes: Any) -> None:
    for i, (p, color) in enumerate(zip(result.ladder.sizes, colors(len(result.ladder.sizes)), strict=True)):
        axes.plot(result.x, result.normalized[result.ladder.size_index == i].mean(axis=0), color=color, label=count(p))
    axes.set(xlabel="normalized compute $x$", ylabel="normalized reducible loss", title=f"Verdict: {result.verdict}")
    size_legend(axes, len(result.sizes))


def _delta(result: CollapseReport, axes: Any) -> None:
    inside = result.x < 1
    axes.plot(result.x[inside], result.delta[inside], label="collapse deviation $\\Delta(x)$")
    axes.plot(result.x, result.sigma, "--", color="C3", label="noise floor $\\sigma(x)$")
    axes.set(yscale="log", xlabel="normalized compute $x$", ylabel="relative spread")
    axes.legend()


def horizon_fit(result: HorizonFit, axes: Any) -> Any:
    """Optimal compute against parameters, and the fitted line."""
    used = [s for s in result.sizes if s.status == "used"]
    p = np.array([s.params for s in used])
    axes.loglog(p, [s.optimal_compute / PFLOP for s in used], "o")
    axes.loglog(p, result.optimal_compute(p) / PFLOP, "--", color="black", label=f"$\\gamma$ = {result.gamma:.3f}")
    axes.set(xlabel="parameters $p$", ylabel="optimal compute $C^*$ (PFLOPs)")
    axes.legend()
    return axes


def extrapolation(result: Extrapolation, axes: Any) -> Any:
    """The ladder's mean curves and the predicted one with its band, loss against compute."""
    if not result.claimed:
        raise InputError(f"Extrapolation.plot needs a predicted curve; got status {result.status!r}. Add sizes.")
    _runs(result.ladder, axes)
    C = result.compute / PFLOP
    axes.fill_between(C, result.low, result.high, color="C3", alpha=0.25, linewidth=0)
    axes.plot(C, result.loss, color="C3", label=f"{count(result.params)}, predicted")
    axes.set(xscale="log", xlabel="training compute (PFLOPs)", ylabel="loss")
    axes.legend(fontsize=7)
    return axes


def _runs(ladder: Ladder, axes: Any) -> None:
    for (p, curves), color in zip(ladder.by_size.items(), colors(len(ladder.sizes)), strict=True):
        inside = curves[0].tokens > 0.02 * curves[0].horizon_tokens
        axes.plot(curves[0].compute[inside] / PFLOP, curves[0].loss[inside], color=color, label=count(p))


def forecast(result: Forecast, axes: Any) -> Any:
    """The forecast curve with its band, over the calibration runs of its size."""
    if not np.isfinite(result.loss).any():
        status = result.calibration.status_in_words
        raise InputError(f"Forecast.plot needs a forecast curve; got status {status!r}. Add calibration runs.")
    for curve in result.calibration.curves:
        axes.plot(curve.tokens, curve.loss, color="0.75", linewidth=0.7)
    t = result.target.tokens
    axes.fill_between(t, result.low, result.high, color="C3", alpha=0.25, linewidth=0, label=f"{result.level:.0%} band")
    axes.plot(t, result.loss, color="C3", label=result.target.run)
    axes.set(xlabel=result.target.clock or "tokens or steps", ylabel="loss")
    axes.legend()
    return axes


def cooldown_plan(result: CooldownPlan, axes: Any) -> Any:
    """Final loss against the length of the cooldown, a line per shape."""
    shapes = list(dict.fromkeys(p.shape for p in sorted(result.plans, key=lambda p: p.shape)))
    for shape, color in zip(shapes, colors(len(shapes)), strict=True):
        rows = sorted((p for p in result.plans if p.shape == shape), key=lambda p: p.fraction)
        axes.plot([p.fraction for p in rows], [p.loss for p in rows], "o-", color=color, markersize=4, label=shape)
    axes.axhline(result.constant.loss, color="black", linestyle=":", linewidth=1, label="no cooldown")
    axes.set(xlabel="cooldown, share of the budget", ylabel="final loss")
    axes.legend()
    return axes


def coordinate_check(result: CoordinateCheck, axes: Any) -> Any:
    """Change of the features after each step against the width."""
    for k, color in enumerate(colors(result.hidden.shape[1])):
        axes.loglog(result.widths, result.hidden[:, k], "o-", color=color, label=f"step {k + 1}", markersize=3)
    axes.set(xlabel="width", ylabel="change of the features since initialization")
    axes.legend()
    return axes


def derivation(result: Derivation, axes: Any, *, sizes: ArrayLike | None = None) -> Any:
    """Normalized curves of `sizes` (default the derivation's own, else 10 to 10^9) and their limit."""
    import sympy

    from ...theory.laws.collapse_cases import X

    if len(result.curves) != 1:
        raise InputError("Derivation.plot needs one normalized curve; got several regions or none. Give gamma.")
    chosen = (result.sizes or (1e1, 1e3, 1e5, 1e7, 1e9)) if sizes is None else sizes
    p, curve, x = np.atleast_1d(np.asarray(chosen, dtype=np.float64)), result.curves[0], np.linspace(0.02, 1.0, 400)
    for color, size, row in zip(colors(p.size), p, curve(x, p[:, None]), strict=True):
        axes.plot(x, row, color=color, label=f"$p$ = {size:.3g}")
    limit = np.broadcast_to(sympy.lambdify(X, curve.limit, "numpy")(x), x.shape)
    axes.plot(x, limit, color="black", linestyle="--", linewidth=1.2, label=r"limit $p \to \infty$")
    axes.set(xlim=(0, 1), xlabel=r"normalized compute $x = t / t^*$", ylabel=r"normalized loss $\ell(x, p)$")
    axes.legend()
    return axes
