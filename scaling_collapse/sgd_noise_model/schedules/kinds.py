"""Every kind of schedule by the name that strings, TOML and `schedules.NAME` use; adding one is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common import Registry

if TYPE_CHECKING:
    from .schedule import Schedule

__all__ = ["KINDS"]

KINDS: Registry[type[Schedule]] = Registry(
    "schedule",
    __package__ or "",
    {
        "constant": "decays:Constant",
        "cosine": "decays:Cosine",
        "cyclic": "repeating:Cyclic",
        "exponential": "decays:Exponential",
        "from_array": "composed:FromArray",
        "from_function": "composed:FromFunction",
        "inverse_sqrt": "repeating:InverseSqrt",
        "join": "composed:Join",
        "linear": "decays:Linear",
        "multi_cosine": "decays:MultiCosine",
        "polynomial": "decays:Polynomial",
        "power": "decays:Power",
        "quadratic": "decays:Quadratic",
        "step": "repeating:Step",
        "wsd": "decays:WSD",
    },
)
