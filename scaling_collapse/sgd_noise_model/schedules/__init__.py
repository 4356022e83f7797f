"""Learning-rate schedules: small immutable objects with `s(x)` and `eta(k)`; `parse` reads them from text.

Every kind in `KINDS` is an attribute of this module by its name.

>>> from scaling_collapse.sgd_noise_model import schedules
>>> schedules.wsd(decay=0.2, shape="linear").s([0.5, 0.9, 1.0])
array([1. , 0.5, 0. ])
"""

from typing import Any

from .kinds import KINDS
from .parse import parse
from .schedule import Schedule

__all__ = ["KINDS", "Schedule", "parse", *KINDS]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in KINDS:
        return KINDS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
