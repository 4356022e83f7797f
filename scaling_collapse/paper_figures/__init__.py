"""The papers' figures, one script each: thin clients of the three rooms that draw and compute nothing of their own.

`python -m scaling_collapse.paper_figures.fig05_power_law_sums --out DIR` draws one, `scaling-collapse figures` all.
"""

import lazy_loader

if not __name__.startswith("scaling_collapse."):
    raise ImportError(
        "import scaling_collapse.paper_figures, not the link paper_figures: classes of two copies are not equal"
    )

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
