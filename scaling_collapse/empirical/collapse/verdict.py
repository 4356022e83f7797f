r"""From the evidence to a verdict and its reasons.

Two questions. *Do sizes agree?* They differ by no more than `SCATTER_TOLERANCE` of the curve's fall, or by no more than
an error of the horizons' exponent of `GAMMA_TOLERANCE` would make them drift with size, with the whole 90 % interval,
over the interval of the offset. *Better than seeds?* `Delta` is below the noise floor from `SUPER_FROM` on at the
latest. A supercollapse needs both, no drift that is surely more than `SUPER_GAMMA`, and no size that is off by more
than `SCATTER_TOLERANCE`. Nothing collapses whose final losses do not fall with size, or one of whose sizes is `LOUD`
times as noisy as the others. What cannot be told is undecided. A run that left its siblings is set aside and named:
where it matters, the verdict is undecided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..fits.intervals import LEVEL, Interval, t_quantile
from .evidence import Evidence, widened
from .noise_growth import LOUD as NOISY
from .scale_deviation import ScaleDeviation

__all__ = [
    "GAMMA_TOLERANCE", "LOUD", "SCATTER_TOLERANCE", "SUPER_FROM", "SUPER_GAMMA", "Agreement", "Finding",
    "Verdict", "agreement", "classify", "deviation_interval", "drift_interval", "sure_drift", "tolerance_of",
]  # fmt: skip

GAMMA_TOLERANCE = 0.2
SCATTER_TOLERANCE = 0.05
SUPER_FROM = 2 / 3
SUPER_GAMMA = 0.05
UNCERTAIN = 1.5
LOUD = 6.0


class Verdict(StrEnum):
    """Whether the curves of a ladder collapse."""

    SUPERCOLLAPSE = "supercollapse"
    COLLAPSE = "collapse"
    NO_COLLAPSE = "no collapse"
    UNDECIDED = "undecided"


class Agreement(StrEnum):
    """Whether sizes agree, as far as the noise lets one see."""

    AGREE = "agree"
    DIFFER = "differ"
    UNCLEAR = "unclear"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One axis of the verdict: what it says, in which words."""

    agreement: Agreement
    words: str


def classify(agree: Agreement, x_from: float, *, drift: float = 0.0, odd: float = 0.0) -> Verdict:
    """The verdict; NaN `x_from` (no seeds, no tail) rules a supercollapse out; so do a sure `drift` and an `odd` size.

    >>> [str(classify(a, 0.3)) for a in Agreement]
    ['supercollapse', 'no collapse', 'undecided']
    """
    if agree is Agreement.AGREE:
        better = x_from <= SUPER_FROM and drift <= SUPER_GAMMA and odd <= SCATTER_TOLERANCE
        return Verdict.SUPERCOLLAPSE if better else Verdict.COLLAPSE
    return Verdict.NO_COLLAPSE if agree is Agreement.DIFFER else Verdict.UNDECIDED


def sure_drift(found: Evidence, elsewhere: Sequence[Evidence]) -> float:
    """The smallest error of the horizons' exponent within its interval, 0 where the interval holds 0 or is unknown."""
    low, high = drift_interval(found, elsewhere)
    return 0.0 if math.isnan(low) or low <= 0 <= high else min(abs(low), abs(high))


def drift_interval(found: Evidence, elsewhere: Sequence[Evidence]) -> Interval:
    """90 % interval of the error of the horizons' exponent, over the interval of the offset."""
    trend = found.trend
    return widened(trend.gamma_error, trend.gamma_interval, [e.trend.gamma_error for e in elsewhere])


def agreement(
    found: Evidence, elsewhere: Sequence[Evidence], rising: Sequence[int], *, against_law: bool = True
) -> list[Finding]:
    """Whether sizes agree, axis by axis, the decisive one first.

    Parameters
    ----------
    found
        The evidence at the offset in use.
    elsewhere
        The evidence at the ends of the offset's interval; none where it is known.
    rising
        Indices of sizes whose final losses are above a smaller size's.
    against_law
        Whether the tolerance may follow from the law's exponent: not where losses are compared without an offset.
    """
    findings = [_deviation(found, elsewhere, against_law=against_law)]
    if tolerance_of(found, against_law=against_law) > SCATTER_TOLERANCE:
        findings.append(_scatter(found, elsewhere))
    if rising or not found.trend.exponent > 0:
        findings.append(Finding(agreement=Agreement.DIFFER, words="Final losses do not fall with size."))
    if found.seeded and found.growth.loud is not None and found.growth.times > LOUD:
        findings.append(Finding(agreement=Agreement.DIFFER, words="The seeds of one size scatter like no other's."))
    elif found.growth.growth > LOUD and found.growth.grows and float(found.growth.loudness.max()) > NOISY:
        findings.append(Finding(agreement=Agreement.DIFFER, words="Noise grows with size."))
    order = (Agreement.DIFFER, Agreement.UNCLEAR, Agreement.AGREE)
    return sorted(findings, key=lambda finding: order.index(finding.agreement))


def tolerance_of(found: Evidence, *, against_law: bool = True) -> float:
    """How much sizes may differ: 5 % of the curve's fall, or what an error of the horizons' exponent of
    `GAMMA_TOLERANCE` would make them differ, if that is more: `GAMMA_TOLERANCE b sd(ln p)`.
    """
    by_law = GAMMA_TOLERANCE * found.trend.exponent * float(found.log_p.std(ddof=1))
    return max(SCATTER_TOLERANCE, by_law if against_law and math.isfinite(by_law) else 0.0)


def deviation_interval(found: Evidence, elsewhere: Sequence[Evidence]) -> Interval:
    """90 % interval of the deviation, over the interval of the offset."""
    low, high = _over_offsets(found.deviation, [e.deviation for e in elsewhere])
    return max(low, min(_least_drift(e) for e in (found, *elsewhere))), high


def _least_drift(found: Evidence) -> float:
    """Without seeds: what sizes surely differ by, because they drift with size by more than they scatter about it."""
    trend = found.trend
    if found.seeded or not trend.dof:
        return 0.0
    sure = abs(trend.slope) - t_quantile(trend.dof, LEVEL) * trend.error
    return min(max(sure, 0.0) * float(found.log_p.std(ddof=1)), found.deviation.value)


def _over_offsets(here: ScaleDeviation, others: Sequence[ScaleDeviation]) -> Interval:
    """The interval of a deviation, which is 0 if it may be 0 at an offset that is not ruled out."""
    low, high = widened(here.value, here.interval, [other.value for other in others])
    return (0.0 if any(other.interval[0] == 0 for other in others) else max(low, 0.0)), high


def _deviation(found: Evidence, elsewhere: Sequence[Evidence], *, against_law: bool) -> Finding:
    """All that sizes differ by."""
    interval, tolerance = deviation_interval(found, elsewhere), tolerance_of(found, against_law=against_law)
    beyond = "beyond noise" if found.seeded else "seed noise included"
    words = (
        f"Sizes differ by {found.deviation.value:.1%} of the curve's fall {beyond} (90 % interval {interval[0]:.1%} to "
        f"{interval[1]:.1%}; tolerance {tolerance:.1%})."
    )
    return Finding(agreement=_against(found.deviation.interval, interval, tolerance), words=words)


def _scatter(found: Evidence, elsewhere: Sequence[Evidence]) -> Finding:
    """What remains about the drift with size: no error of the exponent excuses it."""
    value = found.about_trend.value
    low, high = _over_offsets(found.about_trend, [e.about_trend for e in elsewhere])
    words = (
        f"About their drift with size, sizes differ by {value:.1%} of the curve's fall (90 % interval {low:.1%} to "
        f"{high:.1%}; tolerance {SCATTER_TOLERANCE:.0%})."
    )
    return Finding(agreement=_against(found.about_trend.interval, (low, high), SCATTER_TOLERANCE), words=words)


def _against(here: Interval, over_offsets: Interval, tolerance: float) -> Agreement:
    """An interval at the offset in use, and over the offset's own, against a tolerance.

    Curves that agree at the offset that the final losses give agree with it by two independent ways; what remains open
    about the offset may then take them `UNCERTAIN` times as far.
    """
    if here[1] <= tolerance and over_offsets[1] <= UNCERTAIN * tolerance:
        return Agreement.AGREE
    return Agreement.DIFFER if over_offsets[0] > tolerance else Agreement.UNCLEAR
