"""`diagnose`: what one set of runs says at one offset, and over the interval of that offset."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..fits.intervals import Interval
from .chosen_offset import ends_below
from .curve_offset import curve_offset
from .curves_on_grid import CurvesOnGrid
from .evidence import Evidence, evidence_at
from .law_misses import rising_sizes
from .size_trend import SizeTrend
from .steepness import SizeMeans, of_sizes
from .verdict import Finding, Verdict, agreement, classify, drift_interval, sure_drift

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Diagnosis:
    """What a set of runs says.

    Parameters
    ----------
    verdict
        Of these runs.
    findings
        The axes of the verdict, the decisive one first; none where nothing can be normalized.
    evidence
        At the offset in use; None where nothing can be normalized.
    elsewhere
        At the ends of the offset's interval, and inside it where the curves agree best.
    finals
        Mean final losses.
    rising
        Indices of sizes whose final losses are above a smaller size's.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    evidence: Evidence | None
    elsewhere: tuple[Evidence, ...]
    finals: SizeMeans
    rising: tuple[int, ...]

    @property
    def trend(self) -> SizeTrend | None:
        """The drift with size; its error of the horizons' exponent with the interval over that of the offset."""
        if self.evidence is None:
            return None
        return replace(self.evidence.trend, gamma_interval=drift_interval(self.evidence, self.elsewhere))


def diagnose(curves: CurvesOnGrid, offset: float, interval: Interval | None, *, against_law: bool = True) -> Diagnosis:
    """The verdict on a set of runs.

    Parameters
    ----------
    curves
        The runs on the grid.
    offset
        `L_hat`; NaN where there is none.
    interval
        Of the offset; None where it is known, NaN where nothing is known of it.
    against_law
        Whether the tolerance may follow from the law's exponent (`tolerance_of`).
    """
    finals = of_sizes(curves.finals, curves.size_index)
    rising, top = rising_sizes(finals), float(curves.finals.min())
    if not offset < top:
        verdict = Verdict.NO_COLLAPSE if rising else Verdict.UNDECIDED
        return Diagnosis(
            verdict=verdict, findings=(), evidence=None, elsewhere=(), finals=finals, rising=rising
        )  # fmt: skip
    found = evidence_at(curves, offset)
    ends = ends_below(interval, offset, top)
    # The ends are not enough: what differs at both may vanish in between.
    best = curve_offset(curves.L, curves.size_index).value if ends else math.nan
    others = sorted({*ends, best}) if ends and ends[0] < best < ends[1] else ends
    elsewhere = tuple(evidence_at(curves, other) for other in others if other != offset)
    findings = tuple(agreement(found, elsewhere, rising, against_law=against_law))
    odd = abs(found.pattern.shift) if found.pattern.kind in ("size", "several") else 0.0
    drift = sure_drift(found, elsewhere)
    verdict = classify(findings[0].agreement, found.collapse.x_from, drift=drift, odd=odd)
    if interval is not None and not ends and verdict is not Verdict.NO_COLLAPSE:
        verdict = Verdict.UNDECIDED
    return Diagnosis(
        verdict=verdict, findings=findings, evidence=found, elsewhere=elsewhere, finals=finals, rising=rising
    )  # fmt: skip
