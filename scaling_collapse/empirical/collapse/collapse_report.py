"""`CollapseReport`: what `measure_collapse` found, as numbers, JSON and text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...common import Array, Framed, Painted, plain, value_in_words
from ...theory import Ladder
from ..fits.intervals import Interval
from ..fits.law_fit import LawFit
from .verdict import Verdict

__all__ = ["CollapseReport", "SizeSummary", "Supercollapse"]


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
class SizeSummary:
    """One size: parameters, number of seeds, mean final loss."""

    params: float
    seeds: int
    final_loss: float


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
    x
        Grid of normalized compute, shape (n,).
    losses, normalized
        `L(x t*)` and `l(x)`, shape (runs, n), runs in the ladder's order.
    delta, sigma
        Collapse deviation and noise floor, shape (n,); NaN where they are not defined.
    delta_low, delta_high
        The range of Delta as L_hat moves within the law's interval, shape (n,); NaN where unknown.
    spread
        How much sizes differ beyond noise, relative to how far the curve falls (`excess_spread`).
    supercollapse
        Where Delta < sigma.
    sizes
        The ladder's sizes.
    ladder
        The curves that were measured.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    law: LawFit
    offset: float
    x: Array
    losses: Array
    normalized: Array
    delta: Array
    sigma: Array
    delta_low: Array
    delta_high: Array
    spread: float
    supercollapse: Supercollapse
    sizes: tuple[SizeSummary, ...]
    ladder: Ladder

    def headline(self) -> str:
        """The verdict."""
        return f"CollapseReport: {self.verdict}"

    def lines(self) -> list[tuple[str, str]]:
        """The law, the two numbers that decide, and the reasons."""
        law, top = self.law, self.supercollapse
        where = "" if math.isnan(top.x_from) else f", from x = {top.x_from:.2f} on"
        below = "unknown: no noise floor" if math.isnan(top.fraction) else f"{top.fraction:.1%} of x{where}"
        spread = "unknown" if math.isnan(self.spread) else f"{self.spread:.2%} of the curve's fall, beyond noise"
        runs = len(self.ladder)
        return [
            ("irreducible loss L0", value_in_words(law.L0, law.L0_interval, law.level)),
            ("exponent b", value_in_words(law.b, law.b_interval, law.level)),
            ("sizes differ by", spread),
            ("Delta below sigma", below),
            ("sizes", f"{len(self.sizes)}, {runs} run{'' if runs == 1 else 's'}"),
            *(("why" if i == 0 else "", reason) for i, reason in enumerate(self.reasons)),
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row per point of the grid."""
        return {name: getattr(self, name) for name in ("x", "delta", "delta_low", "delta_high", "sigma")}

    def to_json(self) -> dict[str, Any]:
        """The JSON contract of `measure`; what is unknown is null."""
        names = ("offset", "x", "delta", "sigma", "delta_low", "delta_high", "spread")
        return plain(
            {
                "verdict": self.verdict,
                "reasons": self.reasons,
                "law": self.law.to_json(),
                **{name: getattr(self, name) for name in names},
                "supercollapse": vars(self.supercollapse),
                "sizes": [vars(size) for size in self.sizes],
                "integrity": self.ladder.integrity.to_json(),
            }
        )
