"""Laws that predict a loss curve from its learning rates: one file each, one interface, one fit.

`LAWS` holds every law by the name that users give; adding one is one file and one line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common import Registry

if TYPE_CHECKING:
    from .schedule_law import ScheduleLaw

__all__ = ["LAWS", "in_hindsight"]

LAWS: Registry[type[ScheduleLaw]] = Registry(
    "law",
    __name__,
    {
        "convex-bound": "convex_bound:ConvexBound",
        "functional": "functional:Functional",
        "momentum": "momentum:Momentum",
        "multi-power": "multi_power:MultiPower",
        "noise": "noise_law:NoiseLaw",
        "one-power": "one_power:OnePower",
        "response": "response:Response",
        "traced-response": "traced_response:TracedResponse",
    },
)


def in_hindsight(law: str | None) -> bool:
    """Whether the law of this name reads the target's own noise."""
    return law is not None and law in LAWS and LAWS[law].hindsight
