"""Laws that predict a loss curve from its learning rates: one file each, one interface, one fit.

`LAWS` holds every law by the name that users give; adding one is one file and one line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common import Registry

if TYPE_CHECKING:
    from .schedule_law import ScheduleLaw

__all__ = ["LAWS"]

LAWS: Registry[type[ScheduleLaw]] = Registry(
    "law",
    __package__,
    {
        "momentum": "momentum:Momentum",
        "multi-power": "multi_power:MultiPower",
        "noise": "noise_law:NoiseLaw",
        "one-power": "one_power:OnePower",
        "response": "response:Response",
        "traced-response": "traced_response:TracedResponse",
    },
)
