"""What a claim is, what it may look at, and the list of all claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from ....common import Registry
from ..case import Case
from ..row import Row

__all__ = ["CLAIMS", "Claim", "Evidence", "Subject"]

S = TypeVar("S", contravariant=True)
"""A `Case` or a `Pool`."""


class Subject(StrEnum):
    """To what a claim is put."""

    HEALTHY_LADDER = "healthy ladder"
    """Every `Case` but ablations: of what was scaled wrongly on purpose it claims nothing."""
    LADDER = "ladder"
    """Every `Case`."""
    POOL = "pool"
    """Every `Pool`."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a claim may look at beside the ladder or pool that it is put to.

    Parameters
    ----------
    cases
        All ladders, this one among them.
    draws, seed
        How often seeds are resampled for an interval, and the seed of the random numbers.
    """

    cases: Sequence[Case]
    draws: int
    seed: int


class Claim(Protocol[S]):
    """One claim of theory or simulator; a module that has these three is one."""

    @property
    def NAME(self) -> str:
        """As its rows name it."""
        ...

    @property
    def SUBJECT(self) -> Subject:
        """To what it is put."""
        ...

    def rows(self, subject: S, evidence: Evidence, /) -> list[Row]:
        """The claim beside what the curves say; none where it says nothing of this subject."""
        ...


CLAIMS: Registry[Claim[Any]] = Registry(
    "claim",
    "scaling_collapse.empirical.validation.claims",
    {
        "ladder": "ladder_collapse",
        "horizon exponent": "horizon_exponent",
        "frontier exponent": "frontier_exponent",
        "curve value": "curve_value",
        "late ratio": "late_ratio",
        "largest size": "largest_size",
        "deviation": "deviation",
        "horizon error": "horizon_error",
        "ablation trend": "ablation_trend",
        "ablation": "ablation",
        "blind forecast": "blind_forecast",
        "noise coefficient": "noise_coefficient",
    },
)
"""In the order in which they are put to the curves and reported."""
