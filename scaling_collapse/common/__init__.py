"""What every room uses: bad input, arrays and units, results and how they are shown, registries, optional packages."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
