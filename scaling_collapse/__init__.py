"""Derive, simulate, measure and forecast the collapse of loss curves across model sizes.

The public names load on first use, so that `import scaling_collapse` is cheap and needs neither torch nor jax.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
