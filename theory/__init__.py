"""What should happen: the shared vocabulary (curves, ladders, collapse) and the laws behind it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
