"""Who deviates, and why it looks so: from the evidence to named runs, sizes and trends, the strongest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...common import count
from ...theory import Ladder
from ..fits.law_fit import LawFit
from .diagnosis import Diagnosis
from .evidence import Evidence
from .law_misses import LawMiss
from .noise_growth import LOUD
from .suspect_runs import SuspectRun
from .verdict import Agreement

__all__ = ["Cause", "Culprit", "Kind", "find_culprits"]

Kind = Literal["run", "size", "trend", "noise", "law", "offset"]
Cause = Literal["horizon", "rate", "offset", "level", "seed", "endpoint", "break", "noise"]

SURE = 2.0
"""A drift with size is named from this many standard errors on."""
BENT = 0.4
"""An error of horizons or offset bends a curve by less than this share of what it steepens it by."""


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """One thing that is wrong, or looks so.

    Parameters
    ----------
    kind
        What is named: a run, a size, a trend with size, noise, the law of final losses, or the offset.
    subject
        Name of the run, parameters of the size, or the parameters from which on; None for the whole ladder.
    cause
        What it looks like.
    confidence
        In [0, 1].
    words
        One sentence.
    """

    kind: Kind
    subject: str | float | None
    cause: Cause
    confidence: float
    words: str


def find_culprits(
    ladder: Ladder,
    suspects: Sequence[SuspectRun],
    found: Diagnosis,
    miss: LawMiss | None,
    law: LawFit,
    *,
    at_law: Evidence | None,
) -> tuple[Culprit, ...]:
    """Everything that is wrong with a ladder; what explains the verdict comes first.

    Parameters
    ----------
    ladder
        All of its runs.
    suspects
        Runs that left their siblings or their own curve.
    found
        What the ladder says without those runs.
    miss
        How final losses leave their law.
    law
        The fitted law.
    at_law
        The evidence at the law's own offset, where another is in use.
    """
    sizes, evidence = ladder.sizes, found.evidence
    differ = any(finding.agreement is Agreement.DIFFER for finding in found.findings) or bool(found.rising)
    runs = [_run(ladder, suspect) for suspect in suspects]
    if evidence is None:
        rest = _rising(sizes, found.rising)
    else:
        offset = _wrong_offset(evidence, law, at_law)
        # A pattern that another plausible offset takes away is not named, unless sizes differ whatever the offset.
        steady = differ or all(_same(evidence, other) for other in found.elsewhere)
        shape = _pattern(sizes, evidence, found.rising) if steady and not offset else []
        named = {c.subject for c in shape}
        finals = [c for c in _rising(sizes, found.rising) if c.subject not in named]
        noise = [c for c in _noise(sizes, evidence) if c.subject not in named]
        # A size whose curve is off misses the law as well: once is enough.
        law_miss = [c for c in _law(sizes, miss) if c.cause == "break" or c.subject not in named]
        rest = [*offset, *finals, *shape, *noise, *law_miss]
    return (*rest, *runs) if differ else (*runs, *rest)


def _same(found: Evidence, other: Evidence) -> bool:
    """Whether another offset leaves the pattern as it is."""
    if found.pattern.kind == "trend":
        return other.pattern.kind != "agree" and other.trend.slope * found.trend.slope > 0
    return other.pattern.kind == found.pattern.kind and other.pattern.sizes == found.pattern.sizes


def _run(ladder: Ladder, suspect: SuspectRun) -> Culprit:
    name = ladder.curves[suspect.index].run
    sure = 1.0 - 1.0 / suspect.times
    if suspect.cause == "endpoint":
        words = (
            f"The last point of run {name!r} lies {suspect.distance:.0%} of the curve's fall off its own curve, "
            f"{_times(suspect.times)} times what is usual."
        )
    else:
        words = (
            f"Run {name!r} left the other seeds of its size at x = {suspect.since:.2f}; it differs from them "
            f"{_times(suspect.times)} times as much as is usual."
        )
    return Culprit(kind="run", subject=name, cause=suspect.cause, confidence=sure, words=words)


def _times(value: float) -> str:
    """A multiple in words: beyond 1,000 it only says that next to nothing was usual."""
    return f"{value:.0f}" if value <= 1000 else "over 1,000"


def _rising(sizes: Sequence[float], rising: Sequence[int]) -> list[Culprit]:
    return [
        Culprit(
            kind="size", subject=sizes[i], cause="rate", confidence=0.9,
            words=f"The final loss of size {count(sizes[i])} is above that of a smaller size.",
        )
        for i in sorted(rising, reverse=True)
    ]  # fmt: skip


def _pattern(sizes: Sequence[float], found: Evidence, rising: Sequence[int]) -> list[Culprit]:
    """The pattern of the sizes' curves, with what causes it."""
    pattern, trend, growth = found.pattern, found.trend, found.growth
    if pattern.kind == "agree":
        return []
    bent = pattern.shift > 0 and pattern.bend < -BENT * pattern.shift and pattern.bend < -3 * pattern.bend_error
    if pattern.kind == "trend" and not abs(trend.t) > SURE:
        return []  # curves bend with size and are equally steep: neither horizons nor rates do that
    if pattern.kind == "trend":
        louder = growth.grows and trend.slope > 0
        hot = louder or bool(rising) or bent
        way = "steeply" if trend.slope > 0 else "slowly"
        words = (
            f"Curves of larger sizes fall more {way}: the slope of ln(l - 1) on ln p is {trend.slope:+.3f}"
            + (f" +- {trend.error:.3f}, t = {trend.t:+.0f}" if math.isfinite(trend.t) else "")
            + "."
        )
        if louder:
            words += f" Noise grows with size, by {growth.growth:.0f} times over the ladder."
        return [
            Culprit(
                kind="trend", subject=None, cause="rate" if hot else "horizon", confidence=pattern.confidence,
                words=words,
            )
        ]  # fmt: skip
    loud = found.growth.loudness
    result = []
    for i in sorted(pattern.sizes, key=lambda i: -sizes[i]):
        # A size that was cut short is too high and too steep; a rate that is too high makes it high, but not that.
        hot = loud[i] > LOUD or bent or (i in rising and pattern.shift < 0)
        way = "steeper" if pattern.shift > 0 else "flatter"
        words = (
            f"The curve of size {count(sizes[i])} is {way} than the others', by {abs(math.expm1(pattern.shift)):.0%} "
            f"of its fall; without it {pattern.share:.0%} of the differences between sizes are gone."
            if len(pattern.sizes) == 1
            else f"The curve of size {count(sizes[i])} is {way} than the others', with "
            f"{len(pattern.sizes) - 1} more at the same end of the ladder."
        )
        if loud[i] > LOUD:
            words += f" Its noise is {loud[i]:.0f} times the others'."
        if i in rising:
            words += " Its final loss is above that of a smaller size."
        result.append(
            Culprit(
                kind="size", subject=sizes[i], cause="rate" if hot else "horizon", confidence=pattern.confidence,
                words=words,
            )
        )  # fmt: skip
    return result


def _noise(sizes: Sequence[float], found: Evidence) -> list[Culprit]:
    """Noise that grows with size, or a size that is noisier than chance allows."""
    growth = found.growth
    if growth.loud is not None:
        size = sizes[growth.loud]
        words = f"The seeds of size {count(size)} scatter {growth.times:.1f} times as much as the others'."
        return [Culprit(kind="size", subject=size, cause="rate", confidence=0.9, words=words)]
    if growth.grows:
        words = f"Noise grows with size, by {growth.growth:.0f} times over the ladder."
        return [Culprit(kind="noise", subject=None, cause="rate", confidence=0.9, words=words)]
    return []


def _law(sizes: Sequence[float], miss: LawMiss | None) -> list[Culprit]:
    if miss is None:
        return []
    size = sizes[miss.size]
    if miss.kind == "level":
        words = (
            f"The final loss of size {count(size)} is off the law of the others: its reducible loss by "
            f"{miss.amount:+.1%}, {_times(miss.errors)} standard errors."
        )
    else:
        words = (
            f"The exponent of the final losses changes at {count(size)} parameters, by {miss.amount:+.2f}, "
            f"{_times(miss.errors)} standard errors."
        )
    return [Culprit(kind="law", subject=size, cause=miss.kind, confidence=1.0 - 1.0 / miss.errors, words=words)]


def _wrong_offset(found: Evidence, law: LawFit, at_law: Evidence | None) -> list[Culprit]:
    """The offset that was given, where the final losses want another and the drift with size goes with it."""
    low, high = law.L0_interval
    if at_law is None or math.isnan(low) or low <= found.offset <= high or found.pattern.kind == "agree":
        return []
    before, after = abs(found.trend.gamma_error), abs(at_law.trend.gamma_error)
    if not (after < 0.4 * before or at_law.pattern.kind == "agree"):
        return []
    words = (
        f"The offset {found.offset:.5g} is outside {low:.5g} to {high:.5g}, where the final losses put it; at "
        f"{law.L0:.5g} the drift with size is {after / max(before, 1e-12):.0%} of what it is here."
    )
    confidence = 1.0 - min(1.0, after / max(before, 1e-12))
    return [Culprit(kind="offset", subject=None, cause="offset", confidence=confidence, words=words)]
