"""What did happen: curve tables and readers, the trainer, fits, measurement and validation."""

import lazy_loader

if not __name__.startswith("scaling_collapse."):
    raise ImportError("import scaling_collapse.empirical, not the link empirical: classes of two copies are not equal")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
