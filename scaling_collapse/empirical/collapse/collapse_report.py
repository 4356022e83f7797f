"""`CollapseReport`: what `measure_collapse` found, as numbers, JSON and text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...common import Array, Framed, Painted, plain, value_in_words
from ...theory import Ladder
from ..fits.intervals import Interval
from ..fits.law_fit import LawFit
from .chosen_offset import Source
from .culprits import Culprit
from .curve_offset import CurveOffset
from .curves_on_grid import CurvesOnGrid
from .evidence import Evidence
from .power import Power
from .size_trend import SizeTrend
from .suspect_runs import SuspectRun
from .verdict import Verdict
from .without_offset import WithoutOffset

__all__ = ["CollapseReport", "Deviation", "SizeSummary", "Supercollapse"]

IN_STEPS = {"gamma_error": None, "gamma_interval": (None, None), "exponent": None}
"""What the drift says of horizons where runs were logged by steps alone: nothing."""


@dataclass(frozen=True, kw_only=True)
class Supercollapse:
    """Where the collapse is tighter than seed noise, `Delta(x) < sigma(x)`.

    Parameters
    ----------
    fraction
        Share of the grid points x < 1 where it is; NaN without seeds.
    x_from
        The x from which on it holds on at least 90 % of the rest of the grid; NaN where there is none.
    interval
        90 % interval of the fraction, from seeds resampled within sizes with L0 fitted anew each time.
    """

    fraction: float
    x_from: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """How much sizes differ beyond noise, as a share of the curve's fall, its 90 % interval, and what is tolerated."""

    value: float
    interval: Interval
    tolerance: float


@dataclass(frozen=True, kw_only=True)
class SizeSummary:
    """One size: parameters, seeds, mean final loss, and what its seeds scatter by in mid-training (NaN: one seed)."""

    params: float
    seeds: int
    final_loss: float
    sigma: float


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CollapseReport(Framed, Painted):
    """The measured collapse of a ladder.

    Parameters
    ----------
    verdict
        `"supercollapse"`, `"collapse"`, `"no collapse"` or `"undecided"`.
    reasons
        Sentences that say why, the decisive one first.
    law
        The fitted scaling law.
    offset
        `L_hat` in use: the law's L0 unless the caller gave one; NaN where there is none below every final loss, so
        that nothing is normalized.
    offset_source, offset_interval
        Where that comes from, and its 90 % interval; None where it was given (`ChosenOffset`).
    x
        Grid of normalized compute, shape (n,).
    losses, normalized
        `L(x t*)` and `l(x)`, shape (runs, n), runs in the ladder's order.
    delta, sigma
        Collapse deviation and noise floor as published, shape (n,); NaN where they are not defined. Suspect runs are
        left out.
    floor
        The median over sizes of what seeds scatter by, shape (n,), which one sick size cannot lift.
    sigma_by_size
        What the seeds of each size scatter by, shape (sizes, n).
    delta_low, delta_high
        The range of Delta as L_hat moves within its interval, shape (n,); NaN where unknown.
    deviation
        How much sizes differ beyond noise.
    trend
        How the curve's shape drifts with size; None where nothing is normalized.
    supercollapse
        Where Delta is below the floor.
    culprits
        Who deviates, and what it looks like, the strongest first.
    next
        What to try next.
    power
        The smallest errors that this ladder would have shown.
    curve_offset
        The offset at which the curves agree best.
    without_offset
        The same question for `L / L(1)`.
    sizes
        The ladder's sizes.
    ladder
        The curves that were measured.
    suspects
        Runs that were set aside.
    kept
        The others, on the grid.
    evidence
        What these say at the offset in use; None where nothing is normalized.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    law: LawFit
    offset: float
    offset_source: Source
    offset_interval: Interval | None
    x: Array
    losses: Array
    normalized: Array
    delta: Array
    sigma: Array
    floor: Array
    sigma_by_size: Array
    delta_low: Array
    delta_high: Array
    deviation: Deviation
    trend: SizeTrend | None
    supercollapse: Supercollapse
    culprits: tuple[Culprit, ...]
    next: tuple[str, ...]
    power: Power
    curve_offset: CurveOffset
    without_offset: WithoutOffset
    sizes: tuple[SizeSummary, ...]
    ladder: Ladder
    suspects: tuple[SuspectRun, ...]
    kept: CurvesOnGrid
    evidence: Evidence | None

    def headline(self) -> str:
        """The verdict."""
        return f"CollapseReport: {self.verdict}"

    def lines(self) -> list[tuple[str, str]]:
        """What decides, who deviates, what to try next, the law, and why."""
        law, top, size = self.law, self.supercollapse, self.deviation
        where = "" if math.isnan(top.x_from) else f", from x = {top.x_from:.2f} on"
        below = "unknown: no noise floor" if math.isnan(top.fraction) else f"{top.fraction:.1%} of x{where}"
        low, high = size.interval
        spread = (
            "unknown" if math.isnan(size.value)
            else f"{size.value:.1%} of the curve's fall ({low:.1%} to {high:.1%}; tolerated {size.tolerance:.1%})"
        )  # fmt: skip
        runs = len(self.ladder)
        return [
            ("sizes differ by", spread),
            ("Delta below the floor", below),
            ("looks like", self.culprits[0].words if self.culprits else "nothing wrong"),
            ("next", self.next[0] if self.next else ""),
            ("irreducible loss L0", value_in_words(law.L0, law.L0_interval, law.level)),
            ("sizes", f"{len(self.sizes)}, {runs} run{'' if runs == 1 else 's'}"),
            *(("why" if i == 0 else "", reason) for i, reason in enumerate(self.reasons)),
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row per point of the grid."""
        return {name: getattr(self, name) for name in ("x", "delta", "delta_low", "delta_high", "sigma", "floor")}

    def to_json(self) -> dict[str, Any]:
        """The JSON contract of `measure`; what is unknown is null."""
        names = (
            "offset", "offset_source", "offset_interval", "x", "delta", "sigma", "floor", "sigma_by_size", "delta_low",
            "delta_high",
        )  # fmt: skip
        parts = ("deviation", "supercollapse", "power", "curve_offset", "without_offset")
        return plain(
            {
                "verdict": self.verdict,
                "reasons": self.reasons,
                "culprits": [vars(culprit) for culprit in self.culprits],
                "next": self.next,
                "law": self.law.to_json(),
                **{name: getattr(self, name) for name in names},
                **{name: vars(getattr(self, name)) for name in parts},
                "trend": None if self.trend is None else vars(self.trend) | (IN_STEPS if self.law.by_steps else {}),
                "sizes": [vars(size) for size in self.sizes],
                "integrity": self.ladder.integrity.to_json(),
            }
        )
