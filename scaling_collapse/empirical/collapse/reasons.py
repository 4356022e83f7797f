"""The sentences that say why a verdict is what it is, the decisive one first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...common import Array, count
from ..fits.law_fit import LawFit
from .chosen_offset import IN_WORDS, ChosenOffset
from .curves_on_grid import CurvesOnGrid
from .diagnosis import Diagnosis
from .power import PROBABILITY, Power
from .suspect_runs import SuspectRun
from .verdict import GAMMA_TOLERANCE, SUPER_FROM, SUPER_GAMMA, Agreement, Verdict, sure_drift

__all__ = ["reasons_of"]

WEAK = 0.5
"""A ladder that would not have shown an error of the horizons' exponent of this much says so first."""


def reasons_of(
    verdict: Verdict,
    found: Diagnosis,
    curves: CurvesOnGrid,
    *,
    chosen: ChosenOffset,
    law: LawFit,
    suspects: Sequence[SuspectRun],
    names: Sequence[str],
    power: Power,
    fraction_interval: tuple[float, float],
    delta_range: tuple[Array, Array],
) -> tuple[str, ...]:
    """Why, in sentences.

    Parameters
    ----------
    verdict, found
        Of the ladder, and of its runs without the suspect ones.
    curves
        All runs on the grid.
    chosen, law
        The offset in use, and the law of the final losses.
    suspects, names
        Runs that were set aside, and the names of all runs.
    power
        What the ladder could have seen.
    fraction_interval
        90 % interval of the supercollapsed fraction.
    delta_range
        Smallest and largest Delta over the interval of the offset.
    """
    set_aside = _suspects(suspects, names, verdict, found)
    # What decides comes first: a run that was set aside does only where the verdict with it is another.
    decides = verdict is not found.verdict
    lines = [*_weak(power, found), *(set_aside if decides else ())]
    if found.evidence is None:
        lines.append(_no_offset(law, float(curves.finals.min())))
        if found.rising:
            lines.append("Final losses do not fall with size.")
    else:
        lines += [finding.words for finding in found.findings]
        lines.append(_against_seeds(found, fraction_interval))
        lines += _offset(chosen, law, curves.x, delta_range)
    lines += [*_could_have_seen(power), *(() if decides else set_aside)]
    if curves.starts_late:
        lines.append(f"The logs cover only x from {curves.x[0]:.3f} on.")
    return tuple(lines)


def _weak(power: Power, found: Diagnosis) -> list[str]:
    """What such a ladder could not have seen, where that is a lot."""
    if found.evidence is None or found.findings[0].agreement is Agreement.DIFFER:
        return []
    if not found.evidence.seeded:
        return [
            "One seed a size: noise and differences between sizes look the same here, so that only gross faults show."
        ]
    least = power.gamma_error_at_offset
    if least > WEAK:
        return [
            (
                f"This ladder is too noisy or too short to see much: even a horizon exponent off by {least:.0%} would "
                f"have shown with {PROBABILITY:.0%} probability only."
            )
        ]
    return []


def _could_have_seen(power: Power) -> list[str]:
    """The power of the ladder, in words."""
    parts = {
        "a horizon exponent off by": f"{power.gamma_error:.0%}",
        "an offset off by": f"{power.offset_error:.2g}",
        "one size's final reducible loss off by": f"{power.level_error:.1%}",
    }
    numbers = (power.gamma_error, power.offset_error, power.level_error)
    known = [f"{name} {value}" for (name, value), number in zip(parts.items(), numbers, strict=True) if number > 0]
    return [f"It would have shown, with {PROBABILITY:.0%} probability: {'; '.join(known)}."] if known else []


def _suspects(suspects: Sequence[SuspectRun], names: Sequence[str], verdict: Verdict, found: Diagnosis) -> list[str]:
    """Runs that were set aside, and whether they matter."""
    if not suspects:
        return []
    which = ", ".join(repr(names[s.index]) for s in suspects[:4]) + (", ..." if len(suspects) > 4 else "")
    runs = f"run {which}" if len(suspects) == 1 else f"runs {which}"
    if verdict is found.verdict:
        return [f"Measured without {runs}, which left the others; with it the verdict is the same."]
    return [f"Without {runs} the verdict is: {found.verdict}. With it, sizes do not agree."]


def _against_seeds(found: Diagnosis, interval: tuple[float, float]) -> str:
    """Delta against the noise floor."""
    assert found.evidence is not None
    here = found.evidence.collapse
    if math.isnan(here.fraction):
        return "No size has two seeds: there is no noise floor to compare with."
    where = (
        "and not at the end"
        if math.isnan(here.x_from)
        else f"from x = {here.x_from:.2f} on"
        + ("" if here.x_from <= SUPER_FROM else f", too late to count (at most {SUPER_FROM:.2f})")
    )
    words = (
        f"Delta is below the noise floor on {here.fraction:.1%} of x (90 % interval {interval[0]:.0%} to "
        f"{interval[1]:.0%}), {where}."
    )
    drift = sure_drift(found.evidence, found.elsewhere)
    if here.x_from <= SUPER_FROM and found.verdict is Verdict.COLLAPSE and drift > SUPER_GAMMA:
        words += (
            " That is no supercollapse: curves surely drift with size, as if the horizons' exponent were off by "
            f"{found.evidence.trend.gamma_error:+.0%} (a collapse up to {GAMMA_TOLERANCE:.0%})."
        )
    odd = found.evidence.pattern
    if here.x_from <= SUPER_FROM and found.verdict is Verdict.COLLAPSE and odd.kind in ("size", "several"):
        words += f" That is no supercollapse: one size's curve is off by {abs(odd.shift):.0%} of its fall."
    return words


def _no_offset(law: LawFit, smallest_final: float) -> str:
    if math.isfinite(law.L0):
        return (
            f"The fitted irreducible loss {law.L0:.6g} is not below the smallest final loss {smallest_final:.6g}: "
            "nothing can be normalized. Pass an offset that you know."
        )
    why = {
        "too few sizes": f"{count(len(law.L))} sizes do not identify L0 (3 parameters)",
        "losses not positive": "the law's residuals are logarithmic, and some final losses are not positive",
        "not a decreasing law": "the final losses do not fall with compute like L0 + a C^-b",
    }[law.status]
    return f"No irreducible loss: {why}. Add sizes, or pass an offset that you know."


def _offset(chosen: ChosenOffset, law: LawFit, x: Array, delta_range: tuple[Array, Array]) -> list[str]:
    """Which offset was used, and how much hangs on it."""
    if chosen.source == "given" or chosen.interval is None:
        return _misfit(law)
    low, high = chosen.interval
    if math.isnan(low):
        return [
            f"L0 = {law.L0:.6g} comes without an interval (one seed of 3 sizes): add seeds or sizes, or pass an offset."
        ]
    middle = x.size // 2
    lines = [
        (
            f"The offset {chosen.value:.6g} was {IN_WORDS[chosen.source]} (90 % interval {low:.6g} to {high:.6g}); "
            f"over it Delta at x = {x[middle]:.2f} moves between {delta_range[0][middle]:.2g} and "
            f"{delta_range[1][middle]:.2g}."
        )
    ]
    if law.status == "L0 not identified" and chosen.source == "law":
        lines.append("The final losses hardly determine it: add sizes, or pass an offset that you know.")
    return lines + _misfit(law)


def _misfit(law: LawFit) -> list[str]:
    if not (law.misfit > 2 and math.isfinite(law.misfit)):
        return []
    return [
        (
            f"The sizes' mean final losses miss the law by {law.misfit:.1f} times what seeds explain; its intervals "
            "are widened by that."
        )
    ]
