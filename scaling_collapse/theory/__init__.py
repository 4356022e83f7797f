"""What should happen: the shared vocabulary (curves, ladders, collapse) and the laws behind it."""

import lazy_loader

if not __name__.startswith("scaling_collapse."):
    raise ImportError("import scaling_collapse.theory, not the link theory: classes of two copies are not equal")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
