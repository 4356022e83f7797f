"""What every room uses: the error for bad input, arrays and units, results and how they are shown, registries."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
