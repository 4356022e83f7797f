r"""From the measured collapse to a verdict and its reasons.

Two measured numbers decide (`collapse_at_offset.py`). The ladder collapses where `spread` is at most `TOLERANCE`. It
is a supercollapse where `x_from` is at most `SUPER_FROM`, whatever the spread: sizes then differ by less than seeds
do. (Near x = 1 Delta vanishes by construction, so a short tail proves nothing.) Where L0 is fitted, what is said must
hold over its interval: whether there is a collapse at all must not hang on L0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from ...common import Array
from ..fits.intervals import Interval
from ..fits.law_fit import LawFit
from .collapse_at_offset import CollapseAtOffset, delta_range
from .curves_on_grid import CurvesOnGrid

__all__ = ["SUPER_FROM", "TOLERANCE", "Verdict", "classify", "judge"]

TOLERANCE = 0.05
SUPER_FROM = 2 / 3


class Verdict(StrEnum):
    """Whether the curves of a ladder collapse."""

    SUPERCOLLAPSE = "supercollapse"
    COLLAPSE = "collapse"
    NO_COLLAPSE = "no collapse"
    UNDECIDED = "undecided"


def classify(spread: float, x_from: float) -> Verdict:
    """The verdict at one offset; NaN `x_from` (no seeds, no tail) rules a supercollapse out.

    >>> [str(classify(*numbers)) for numbers in ((0.07, 0.3), (0.02, float("nan")), (0.2, 0.8))]
    ['supercollapse', 'collapse', 'no collapse']
    """
    if x_from <= SUPER_FROM:
        return Verdict.SUPERCOLLAPSE
    return Verdict.COLLAPSE if spread <= TOLERANCE else Verdict.NO_COLLAPSE


def judge(
    law: LawFit,
    curves: CurvesOnGrid,
    here: CollapseAtOffset,
    inside: Sequence[CollapseAtOffset],
    *,
    fraction_interval: Interval,
    offset_known: bool,
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict and the sentences that say why, the decisive one first.

    Parameters
    ----------
    law
        The fitted law of final losses.
    curves
        What was measured.
    here
        The collapse at the offset in use.
    inside
        The collapse at offsets over the interval of the law's L0; empty where that is unknown.
    fraction_interval
        90 % interval of `here.fraction`.
    offset_known
        Whether the caller gave the offset: then the law's interval does not matter.
    """
    if math.isnan(here.offset):
        verdict, reasons = Verdict.UNDECIDED, [_no_offset(law, curves.finals.min())]
    else:
        verdict = classify(here.spread, here.x_from)
        reasons = _at_the_offset(here, fraction_interval, verdict)
        if not offset_known:
            verdict, reason = _over_the_interval(law, curves.x, here, inside, verdict)
            reasons.append(reason)
    if law.misfit > 2 and math.isfinite(law.misfit):
        reasons.append(
            f"The sizes' mean final losses miss the law by {law.misfit:.1f} times what seeds explain; its intervals "
            "are widened by that."
        )
    if curves.starts_late:
        reasons.append(f"The logs cover only x from {curves.x[0]:.3f} on.")
    return verdict, tuple(reasons)


def _no_offset(law: LawFit, smallest_final: float) -> str:
    if math.isfinite(law.L0):
        return (
            f"The fitted irreducible loss {law.L0:.6g} is not below the smallest final loss {smallest_final:.6g}: "
            "nothing can be normalized. Pass an offset that you know."
        )
    why = {
        "too few sizes": f"{len(law.L)} sizes do not identify L0 (3 parameters)",
        "losses not positive": "the law's residuals are logarithmic, and some final losses are not positive",
        "not a decreasing law": "the final losses do not fall with compute like L0 + a C^-b",
    }[law.status]
    return f"No irreducible loss: {why}. Add sizes, or pass an offset that you know."


def _at_the_offset(here: CollapseAtOffset, fraction_interval: Interval, verdict: Verdict) -> list[str]:
    """How the two numbers compare with their limits."""
    size_words = (
        f"Beyond noise, sizes differ by {here.spread:.1%} of what the curve falls by ("
        + ("within" if here.spread <= TOLERANCE else "over")
        + f" the tolerance of {TOLERANCE:.0%})."
    )
    if math.isnan(here.fraction):
        return [size_words, "No size has two seeds: there is no noise floor to compare with."]
    where = (
        "and not at the end"
        if math.isnan(here.x_from)
        else f"from x = {here.x_from:.2f} on"
        + ("" if here.x_from <= SUPER_FROM else f", too late to count (at most {SUPER_FROM:.2f})")
    )
    low, high = fraction_interval
    noise_words = (
        f"Delta is below the noise floor sigma on {here.fraction:.1%} of x (90 % interval {low:.0%} to {high:.0%}), "
        f"{where}."
    )
    return [size_words, noise_words] if verdict is Verdict.NO_COLLAPSE else [noise_words, size_words]


def _over_the_interval(
    law: LawFit, x: Array, here: CollapseAtOffset, inside: Sequence[CollapseAtOffset], verdict: Verdict
) -> tuple[Verdict, str]:
    """The verdict at the estimate of L0, or undecided, and how Delta and the verdict move over the interval of L0."""
    if not inside:
        return Verdict.UNDECIDED, (
            f"L0 = {law.L0:.6g} comes without an interval (one seed of 3 sizes): add seeds or sizes, or pass an offset."
        )
    low, high = delta_range([*inside, here])
    middle = x.size // 2
    identified = law.status != "L0 not identified"
    words = ("" if identified else "L0 is not identified: ") + (
        f"L0 = {law.L0:.6g}, 90 % interval {law.L0_interval[0]:.6g} to {law.L0_interval[1]:.6g}; inside it Delta at "
        f"x = {x[middle]:.2f} moves between {low[middle]:.2g} and {high[middle]:.2g}"
    )
    verdicts = list(dict.fromkeys(classify(c.spread, c.x_from) for c in inside))
    if verdicts == [verdict]:
        return verdict, words + "; the verdict stays."
    # Between collapse and supercollapse the estimate decides; whether there is a collapse at all must not hang on L0.
    decided = identified and Verdict.NO_COLLAPSE not in verdicts
    return (verdict if decided else Verdict.UNDECIDED), f"{words} and the verdict runs over {', '.join(verdicts)}."
