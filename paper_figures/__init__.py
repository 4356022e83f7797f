"""The papers' figures, one script each: thin clients of the three rooms that draw and compute nothing of their own.

`python -m scaling_collapse.paper_figures.fig05_power_law_sums --out DIR` draws one, `scaling-collapse figures` all.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
