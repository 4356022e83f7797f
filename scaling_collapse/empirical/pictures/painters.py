"""Who draws which result: `painter(result, axes, **options)`; the package's `__init__` names them by class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ...common import InputError, count
from .canvas import colors, size_legend

if TYPE_CHECKING:  # a picture of one room loads no other
    from ...sgd_noise_model import CooldownPlan, Forecast, Simulation
    from ...theory import Derivation, Ladder, LossCurve
    from ..collapse.collapse_report import CollapseReport
    from ..extrapolation.extrapolation import Extrapolation
    from ..extrapolation.surface_extrapolation import SurfaceExtrapolation
    from ..fits.horizon_fit import HorizonFit
    from ..fits.law_fit import LawFit
    from ..fits.loss_surface import LossSurface
    from ..running.running_forecast import RunningForecast
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
    "loss_surface",
    "running_forecast",
    "simulation",
    "surface_extrapolation",
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
    """What of `"collapse"` (normalized curves), `"delta"` (against the floor), `"law"` and `"trend"` is asked for."""
    from .collapse_pictures import paint_collapse, paint_delta_vs_sigma
    from .law_picture import paint_law
    from .trend_picture import paint_trend

    painters = {"collapse": paint_collapse, "delta": paint_delta_vs_sigma, "law": paint_law, "trend": paint_trend}
    paint = painters.get(what)
    if paint is None:
        raise InputError(
            f"CollapseReport.plot needs `what` 'collapse', 'delta', 'law' or 'trend'; got {what!r}. Choose one."
        )
    return paint(axes, result)


def horizon_fit(result: HorizonFit, axes: Any) -> Any:
    """Optimal compute against parameters, and the fitted line."""
    from .horizon_picture import paint_horizon

    return paint_horizon(axes, result)


def loss_surface(result: LossSurface, axes: Any, *, what: str = "loss") -> Any:
    """What of `"loss"` (over tokens, size by size) and `"allocation"` (compute-optimal tokens) is asked for."""
    from .surface_picture import paint_allocation, paint_surface

    paint = {"loss": paint_surface, "allocation": paint_allocation}.get(what)
    if paint is None:
        raise InputError(f"LossSurface.plot needs `what` 'loss' or 'allocation'; got {what!r}. Choose one.")
    return paint(axes, result)


def surface_extrapolation(result: SurfaceExtrapolation, axes: Any) -> Any:
    """The runs and the predicted curve with its band, loss against tokens."""
    from .surface_picture import paint_surface_extrapolation

    return paint_surface_extrapolation(axes, result)


def extrapolation(result: Extrapolation, axes: Any) -> Any:
    """The ladder's mean curves and the predicted one with its band, loss against compute."""
    if not result.claimed:
        raise InputError(f"Extrapolation.plot needs a predicted curve; got status '{result.status}'. Add sizes.")
    from .extrapolation_picture import paint_extrapolation

    return paint_extrapolation(axes, result)


def forecast(result: Forecast, axes: Any) -> Any:
    """The forecast curve with its band, over the calibration runs of its size."""
    if not np.isfinite(result.loss).any():
        status = result.calibration.status_in_words
        raise InputError(f"Forecast.plot needs a forecast curve; got status {status!r}. Add calibration runs.")
    from .forecast_picture import paint_forecast

    return paint_forecast(axes, result)


def running_forecast(result: RunningForecast, axes: Any) -> Any:
    """What was seen of the run, and the rest of its curve with its band."""
    from .running_picture import paint_running

    return paint_running(axes, result)


def cooldown_plan(result: CooldownPlan, axes: Any) -> Any:
    """Final loss against the length of the cooldown, a line per shape."""
    from .forecast_picture import paint_plan

    return paint_plan(axes, result)


def coordinate_check(result: CoordinateCheck, axes: Any) -> Any:
    """Change of the features after each step against the width."""
    from .coordinate_picture import paint_coordinates

    return paint_coordinates(axes, result)


def derivation(result: Derivation, axes: Any, *, sizes: ArrayLike | None = None) -> Any:
    """Normalized curves of `sizes` (default the derivation's own, else 10 to 10^9) and their limit."""
    from .derivation_picture import paint_derivation

    return paint_derivation(axes, result, sizes)
