"""Derive, simulate, measure and forecast the collapse of loss curves across model sizes.

The public names load on first use, so that `import scaling_collapse` is cheap and needs neither torch nor jax.
"""

import lazy_loader

from .common import painting
from .common.registry import Registry
from .common.user_folders import settle_matplotlib

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"

settle_matplotlib()  # before anything imports it

painting.painters = Registry(
    "picture", "scaling_collapse.empirical.pictures", {"Derivation": "derivation_picture:draw"}
)
