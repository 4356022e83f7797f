"""Derive, simulate, measure and forecast the collapse of loss curves across model sizes.

The public names load on first use, so that `import scaling_collapse` is cheap and needs neither torch nor jax.
"""

import lazy_loader

from .common import opening, painting
from .common.registry import Registry
from .common.user_folders import settle_matplotlib

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"

settle_matplotlib()  # before anything imports it

# No room imports the ones that draw or read; here they are named, and loaded on first use.
painting.painters = Registry(
    "picture",
    "scaling_collapse.empirical.pictures",
    {
        "CollapseReport": "painters:collapse_report",
        "CooldownPlan": "painters:cooldown_plan",
        "CoordinateCheck": "painters:coordinate_check",
        "Derivation": "painters:derivation",
        "Extrapolation": "painters:extrapolation",
        "Forecast": "painters:forecast",
        "HorizonFit": "painters:horizon_fit",
        "Ladder": "painters:ladder",
        "LawFit": "painters:law_fit",
        "LossCurve": "painters:loss_curve",
        "LossSurface": "painters:loss_surface",
        "RunningForecast": "painters:running_forecast",
        "Simulation": "painters:simulation",
        "SurfaceExtrapolation": "painters:surface_extrapolation",
    },
)
painting.surfaces = Registry(
    "surface", "scaling_collapse.empirical.pictures", {"axes": "given_axes:on_axes", "png": "canvas:picture"}
)
opening.readers = Registry(
    "reader",
    "scaling_collapse.empirical.tables",
    {
        "curves": "curve_reader:read_curves",
        "running": "running_reader:read_running",
        "targets": "target_reader:read_targets",
    },
)
