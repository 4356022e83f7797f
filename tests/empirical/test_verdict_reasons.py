"""The rule of the verdict at its limits, and what it says, word by word."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic import law_ladder

from scaling_collapse.empirical.collapse.chosen_offset import ChosenOffset, choose_offset
from scaling_collapse.empirical.collapse.culprits import Culprit
from scaling_collapse.empirical.collapse.curve_offset import CurveOffset
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.empirical.collapse.diagnosis import diagnose
from scaling_collapse.empirical.collapse.evidence import evidence_at
from scaling_collapse.empirical.collapse.law_misses import LawMiss
from scaling_collapse.empirical.collapse.next_steps import next_steps
from scaling_collapse.empirical.collapse.power import Power, power_of
from scaling_collapse.empirical.collapse.reasons import reasons_of
from scaling_collapse.empirical.collapse.scale_deviation import ScaleDeviation
from scaling_collapse.empirical.collapse.suspect_runs import SuspectRun
from scaling_collapse.empirical.collapse.verdict import (
    GAMMA_TOLERANCE,
    LOUD,
    SCATTER_TOLERANCE,
    SUPER_FROM,
    SUPER_GAMMA,
    Agreement,
    Verdict,
    agreement,
    classify,
    deviation_interval,
    drift_interval,
    sure_drift,
    tolerance_of,
)
from scaling_collapse.empirical.collapse.without_offset import measure_without_offset
from scaling_collapse.empirical.fits.law_fit import fit_scaling_law

LADDER = law_ladder(sizes=6, seeds=3, noise=2e-3, fast=1e-3)
CURVES = curves_on_grid(LADDER, None)
FOUND = evidence_at(CURVES, 2.0)
LAW = fit_scaling_law(LADDER)
KNOWN = ChosenOffset(value=2.0, interval=None, source="given")


def seen(low, high, *, value=None, about=(0.0, 0.01), **trend):
    """The evidence with another deviation, about the mean and about the trend, and another trend."""
    value = (low + high) / 2 if value is None else value
    return replace(
        FOUND,
        deviation=ScaleDeviation(value=value, interval=(low, high)),
        about_trend=ScaleDeviation(value=about[0], interval=about),
        trend=replace(FOUND.trend, **{"gamma_error": 0.0, "gamma_interval": (-0.01, 0.01)} | trend),
    )


def test_the_constants_of_the_rule():
    assert (GAMMA_TOLERANCE, SCATTER_TOLERANCE, SUPER_FROM, SUPER_GAMMA, LOUD) == (0.2, 0.05, 2 / 3, 0.05, 6.0)
    assert json.dumps(Verdict.NO_COLLAPSE) == '"no collapse"'


@pytest.mark.parametrize(
    ("agree", "x_from", "drift", "verdict"),
    [
        (Agreement.AGREE, 2 / 3, 0.05, Verdict.SUPERCOLLAPSE),
        (Agreement.AGREE, math.nextafter(2 / 3, 1), 0.0, Verdict.COLLAPSE),
        (Agreement.AGREE, 0.1, math.nextafter(0.05, 1), Verdict.COLLAPSE),
        (Agreement.AGREE, math.nan, 0.0, Verdict.COLLAPSE),
        (Agreement.DIFFER, 0.1, 0.0, Verdict.NO_COLLAPSE),  # however far below its noise floor
        (Agreement.UNCLEAR, 0.1, 0.0, Verdict.UNDECIDED),
    ],
)
def test_a_supercollapse_needs_sizes_that_agree_and_no_sure_drift(agree, x_from, drift, verdict):
    assert classify(agree, x_from, drift=drift) is verdict


@pytest.mark.parametrize(
    ("low", "high", "agree"),
    [
        (0.0, 0.05, Agreement.AGREE),
        (0.0, math.nextafter(0.05, 1), Agreement.UNCLEAR),
        (0.05, 0.2, Agreement.UNCLEAR),
        (math.nextafter(0.05, 1), 0.2, Agreement.DIFFER),
    ],
)
def test_the_whole_interval_must_lie_on_one_side_of_the_tolerance(low, high, agree):
    found = seen(low, high, exponent=0.01)
    assert tolerance_of(found) == SCATTER_TOLERANCE
    assert agreement(found, (), ())[0].agreement is agree


def test_the_tolerance_is_what_a_wrong_exponent_would_make():
    steep = seen(0.0, 0.01, exponent=0.5)
    spread = np.log(16) * np.linspace(0, 1, 6).std(ddof=1)
    assert tolerance_of(steep) == pytest.approx(0.2 * 0.5 * spread)
    assert tolerance_of(steep, against_law=False) == 0.05
    assert tolerance_of(seen(0.0, 0.01, exponent=math.nan)) == 0.05


def test_scatter_about_the_drift_is_judged_by_five_per_cent_whatever_the_law():
    found = seen(0.0, 0.08, about=(0.06, 0.07), exponent=0.5)
    first, second = agreement(found, (), ())
    assert first.agreement is Agreement.DIFFER
    assert first.words.startswith(
        "About their drift with size, sizes differ by 6.0% of the curve's fall (90 % interval"
    )
    assert second.agreement is Agreement.AGREE
    assert second.words == (
        "Sizes differ by 4.0% of the curve's fall beyond noise (90 % interval 0.0% to 8.0%; tolerance 10.4%)."
    )
    assert len(agreement(replace(found, seeded=False), (), (), against_law=False)) == 1


def test_nothing_collapses_whose_losses_rise_or_whose_noise_is_loud():
    fine = seen(0.0, 0.01)
    rising = agreement(fine, (), (3,))
    assert (rising[0].agreement, rising[0].words) == (Agreement.DIFFER, "Final losses do not fall with size.")
    assert agreement(seen(0.0, 0.01, exponent=-0.1), (), ())[0].agreement is Agreement.DIFFER
    for times, differ in ((6.1, True), (5.9, False)):
        loud = replace(fine, growth=replace(fine.growth, loud=2, times=times))
        first = agreement(loud, (), ())[0]
        assert (first.words == "The seeds of one size scatter like no other's.") == differ
        assert (first.agreement is Agreement.DIFFER) == differ
    rough = np.array([1, 1, 1, 1, 1, 10.0]) * fine.growth.rough
    grown = replace(fine, growth=replace(fine.growth, growth=7.0, t=4.0, in_loss=2.0, rough=rough))
    assert agreement(grown, (), ())[0].words == "Noise grows with size."


def test_a_drift_is_sure_where_its_interval_leaves_zero_out():
    assert sure_drift(seen(0, 0, gamma_error=-0.2, gamma_interval=(-0.3, -0.1)), ()) == pytest.approx(0.1)
    assert sure_drift(seen(0, 0, gamma_error=0.2, gamma_interval=(-0.1, 0.5)), ()) == 0.0
    assert sure_drift(seen(0, 0, gamma_interval=(math.nan, math.nan)), ()) == 0.0
    here = seen(0, 0, gamma_error=0.2, gamma_interval=(0.1, 0.3))
    elsewhere = [seen(0, 0, gamma_error=0.05)]
    assert drift_interval(here, elsewhere) == pytest.approx((0.2 - math.hypot(0.1, 0.15), 0.3))
    assert sure_drift(here, elsewhere) == pytest.approx(0.2 - math.hypot(0.1, 0.15))


def test_the_offset_widens_the_deviation_and_lets_it_vanish():
    here = seen(0.06, 0.1, value=0.08)
    assert deviation_interval(here, [seen(0.05, 0.07, value=0.06)])[0] == pytest.approx(0.08 - math.hypot(0.02, 0.02))
    assert deviation_interval(here, [seen(0.1, 0.2, value=0.12)])[1] == pytest.approx(0.08 + math.hypot(0.02, 0.04))
    assert deviation_interval(here, [seen(0.0, 0.1, value=0.05)])[0] == 0.0


def test_what_differs_at_both_ends_may_vanish_in_between():
    wide = diagnose(CURVES, 1.96, (1.95, 2.05))
    assert [round(e.offset, 2) for e in wide.elsewhere] == [1.95, 2.0, 2.05]
    assert all(e.deviation.interval[0] > 0 for e in (wide.evidence, wide.elsewhere[0], wide.elsewhere[2]))
    assert deviation_interval(wide.evidence, wide.elsewhere)[0] == 0.0
    assert wide.trend.gamma_interval[0] < 0 < wide.trend.gamma_interval[1]
    sure = diagnose(CURVES, 1.96, None)
    assert sure.elsewhere == ()
    assert deviation_interval(sure.evidence, ())[0] > 0
    assert sure.trend.gamma_interval[0] > 0 or sure.trend.gamma_interval[1] < 0


def test_an_offset_of_which_nothing_is_known_leaves_a_collapse_undecided():
    unknown = (math.nan, math.nan)
    assert diagnose(CURVES, 2.0, None).verdict is Verdict.SUPERCOLLAPSE
    assert diagnose(CURVES, 2.0, unknown).verdict is Verdict.UNDECIDED
    assert diagnose(CURVES, -5.0, None, against_law=False).verdict is Verdict.NO_COLLAPSE
    assert diagnose(CURVES, -5.0, unknown, against_law=False).verdict is Verdict.NO_COLLAPSE


def test_nothing_can_be_normalized_above_the_final_losses():
    nothing = diagnose(CURVES, 9.0, None)
    assert (nothing.verdict, nothing.evidence, nothing.trend, nothing.findings) == (Verdict.UNDECIDED, None, None, ())
    upside_down = replace(CURVES, L=CURVES.L[::-1], size_index=CURVES.size_index)
    assert diagnose(upside_down, math.nan, None).verdict is Verdict.NO_COLLAPSE


def reasons(found=None, verdict=None, *, chosen=KNOWN, law=LAW, suspects=(), power=None, curves=CURVES):
    found = diagnose(CURVES, 2.0, None) if found is None else found
    return reasons_of(
        found.verdict if verdict is None else verdict, found, curves, chosen=chosen, law=law, suspects=suspects,
        names=[c.run for c in LADDER], power=power or power_of(found.evidence, (), np.empty(0)),
        fraction_interval=(0.404, 0.596), delta_range=(np.full(181, 0.03), np.full(181, 0.3)),
    )  # fmt: skip


def test_the_reasons_of_a_supercollapse():
    size, seeds, shown = reasons(law=replace(LAW, misfit=1.0))
    assert size.startswith("Sizes differ by ")
    assert seeds == ("Delta is below the noise floor on 90.6% of x (90 % interval 40% to 60%), from x = 0.10 on.")
    assert shown.startswith("It would have shown, with 90% probability: a horizon exponent off by ")


def with_floor(**collapse):
    found = diagnose(CURVES, 2.0, None)
    return replace(found, evidence=replace(found.evidence, collapse=replace(found.evidence.collapse, **collapse)))


@pytest.mark.parametrize(
    ("x_from", "where"),
    [
        (math.nan, "and not at the end."),
        (0.85, "from x = 0.85 on, too late to count (at most 0.67)."),
        (2 / 3, "from x = 0.67 on."),
    ],
)
def test_where_delta_is_below_the_floor(x_from, where):
    line = next(r for r in reasons(with_floor(x_from=x_from, fraction=0.5)) if r.startswith("Delta is below"))
    assert line == f"Delta is below the noise floor on 50.0% of x (90 % interval 40% to 60%), {where}"


def test_a_sure_drift_is_said_to_be_no_supercollapse():
    found = diagnose(CURVES, 2.0, None)
    trend = replace(found.evidence.trend, gamma_error=-0.08, gamma_interval=(-0.1, -0.06))
    drifting = replace(found, verdict=Verdict.COLLAPSE, evidence=replace(found.evidence, trend=trend))
    line = next(r for r in reasons(drifting) if r.startswith("Delta is below"))
    assert line.endswith("as if the horizons' exponent were off by -8% (a collapse up to 20%).")


def test_one_seed_a_size_is_said_first():
    one = law_ladder(sizes=6, seeds=1)
    found = diagnose(curves_on_grid(one, None), 2.0, None)
    said = reasons(found)
    assert said[0].startswith("One seed a size: noise and differences between sizes look the same here")
    assert "No size has two seeds: there is no noise floor to compare with." in said


def test_a_ladder_that_can_see_little_says_so_first():
    power = Power(gamma_error=0.9, gamma_error_at_offset=0.8, offset_error=0.1, level_error=math.nan)
    said = reasons(power=power)
    assert said[0].startswith("This ladder is too noisy or too short to see much")
    assert "80%" in said[0]
    assert said[-1] == (
        "It would have shown, with 90% probability: a horizon exponent off by 90%; an offset off by 0.1."
    )
    assert not reasons(power=replace(power, gamma_error_at_offset=0.5))[0].startswith("This ladder")


def test_suspect_runs_are_said_first():
    run = SuspectRun(index=4, cause="seed", since=0.5, distance=0.2, times=20.0)
    name = repr(LADDER.curves[4].run)
    same = f"Measured without run {name}, which left the others; with it the verdict is the same."
    assert same in reasons(suspects=[run])[1:]  # it decides nothing
    assert reasons(suspects=[run], verdict=Verdict.UNDECIDED)[0] == (
        f"Without run {name} the verdict is: supercollapse. With it, sizes do not agree."
    )
    assert any("runs " in line for line in reasons(suspects=[run, replace(run, index=5)]))


def test_a_law_that_misses_its_sizes_is_said_beyond_a_factor_of_two():
    words = (
        "The sizes' mean final losses miss the law by 2.1 times what seeds explain; its intervals are widened by that."
    )
    for misfit, said in ((2.1, True), (2.0, False), (math.inf, False), (math.nan, False)):
        assert (words in reasons(law=replace(LAW, misfit=misfit))) == said


def test_how_delta_moves_over_the_interval_is_quoted_at_the_middle_of_the_grid():
    chosen = ChosenOffset(value=2.0, interval=(1.875, 2.125), source="law")
    words = (
        "The offset 2 was fitted to the final losses (90 % interval 1.875 to 2.125); over it Delta at x = 0.55 moves "
        "between 0.03 and 0.3."
    )
    assert words in reasons(chosen=chosen)
    hardly = "The final losses hardly determine it: add sizes, or pass an offset that you know."
    assert hardly not in reasons(chosen=chosen)
    assert hardly in reasons(chosen=chosen, law=replace(LAW, status="L0 not identified"))
    nothing = replace(chosen, interval=(math.nan, math.nan))
    words = "L0 = 2 comes without an interval (one seed of 3 sizes): add seeds or sizes, or pass an offset."
    assert words in reasons(chosen=nothing, law=replace(LAW, L0=2.0))
    for source, how in (
        ("law without one size", "without the size that is off their law"),
        ("curves", "where the curves agree best, because the exponent of the final losses changes"),
    ):
        assert any(how in r for r in reasons(chosen=replace(chosen, source=source)))


def test_a_grid_that_was_cut_is_said_last():
    assert reasons(curves=replace(CURVES, starts_late=True))[-1] == "The logs cover only x from 0.100 on."


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("too few sizes", "6 sizes do not identify L0 (3 parameters)"),
        ("losses not positive", "the law's residuals are logarithmic, and some final losses are not positive"),
        ("not a decreasing law", "the final losses do not fall with compute like L0 + a C^-b"),
    ],
)
def test_why_nothing_can_be_normalized(status, why):
    found = diagnose(CURVES, math.nan, None)
    law = replace(LAW, status=status, L0=math.nan, misfit=math.nan)
    assert reasons(found, law=law) == (f"No irreducible loss: {why}. Add sizes, or pass an offset that you know.",)
    top = CURVES.finals.min()
    assert reasons(found, law=replace(LAW, L0=9.0))[0] == (
        f"The fitted irreducible loss 9 is not below the smallest final loss {top:.6g}: nothing can be normalized. "
        "Pass an offset that you know."
    )
    assert reasons(replace(found, rising=(2,)), law=law)[1] == "Final losses do not fall with size."


def test_which_offset_is_used():
    curves = CurveOffset(value=1.9, interval=(1.8, 2.0))
    level, bend = (LawMiss(kind=kind, size=2, amount=0.1, errors=9.0) for kind in ("level", "break"))
    assert choose_offset(1.5, LAW, level, curves, LADDER, seed=0) == replace(KNOWN, value=1.5)
    usual = choose_offset(None, LAW, None, curves, LADDER, seed=0)
    assert usual == ChosenOffset(value=LAW.L0, interval=LAW.L0_interval, source="law")
    off = LADDER.sizes[2]
    others = fit_scaling_law(LADDER.select(lambda c: c.params != off), seed=0)
    without = choose_offset(None, LAW, level, curves, LADDER, seed=0)
    assert without == ChosenOffset(value=others.L0, interval=others.L0_interval, source="law without one size")
    best = choose_offset(None, LAW, bend, curves, LADDER, seed=0)
    assert best == ChosenOffset(value=1.9, interval=(1.8, 2.0), source="curves")
    below = choose_offset(None, LAW, bend, CurveOffset(value=-0.1, interval=(-0.5, 0.2)), LADDER, seed=0)
    assert below == ChosenOffset(value=0.0, interval=(0.0, 0.2), source="curves")
    above = choose_offset(None, LAW, bend, CurveOffset(value=99.0, interval=(98.0, 100.0)), LADDER, seed=0)
    assert above == usual
    nothing = choose_offset(None, replace(LAW, L0=math.nan), None, curves, LADDER, seed=0)
    assert (nothing.source, math.isnan(nothing.value), math.isnan(nothing.interval[0])) == ("none", True, True)


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((-0.1, 2.1), "The curves do not tell the two apart: "),
        ((1.9, 2.1), "The curves support the offset 2: "),
        ((-0.1, 0.5), "The curves support no offset: "),
        ((1.2, 1.6), "The curves support neither 0 nor 2: "),
        ((math.nan, math.nan), "With these sizes the curves alone do not say whether they want an offset."),
    ],
)
def test_which_of_the_two_offsets_the_curves_support(interval, words):
    best = CurveOffset(value=sum(interval) / 2, interval=interval)
    found = measure_without_offset(CURVES, best, KNOWN)
    assert found.words.startswith(words)
    if "neither" in words:
        assert found.words.endswith("; the offset 2 is nearer.")
    assert measure_without_offset(CURVES, best, replace(KNOWN, value=0.0)).words == ""


def test_without_an_offset_the_tolerance_is_five_per_cent():
    best = CurveOffset(value=2.0, interval=(1.9, 2.1))
    found = measure_without_offset(CURVES, best, KNOWN)
    zero = evidence_at(CURVES, 0.0)
    assert (found.deviation, found.interval) == (zero.deviation.value, zero.deviation.interval)
    assert found.verdict is diagnose(CURVES, 0.0, None, against_law=False).verdict
    below = measure_without_offset(replace(CURVES, L=CURVES.L - 3.0), best, KNOWN)
    assert (below.verdict, below.words) == (Verdict.UNDECIDED, "Losses at or below 0 cannot be compared as L/L(1).")
    assert math.isnan(below.deviation)


def culprit(kind, cause, subject=None):
    return Culprit(kind=kind, subject=subject, cause=cause, confidence=0.9, words="")


POWER = power_of(FOUND, (), np.empty(0))


def steps(*culprits, verdict=Verdict.NO_COLLAPSE, found=FOUND, power=POWER):
    return next_steps(verdict, culprits, found, CURVES.log_horizon, power)


LOWER = "Lower the learning rate (or raise the batch size) of"


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (("run", "seed", "a"), "Look at run 'a' (data, restarts, loss spikes) and train it again with another seed."),
        (
            ("run", "endpoint", "a"),
            "Look at the end of run 'a': was its last point logged otherwise, or on other data?",
        ),
        (("size", "rate", 4e6), f"{LOWER} size 4M and train again."),
        (("trend", "rate"), f"{LOWER} the largest sizes and train again."),
        (("offset", "offset"), "Leave out --offset, or pass one inside the interval of the fitted L0."),
        (("law", "break", 4e6), "Do not extrapolate across the break: fit the sizes from 4M on by themselves."),
        (
            ("law", "level", 4e6),
            "Train size 4M again, or leave it out: its final loss alone is off, its curve is not.",
        ),
    ],
)
def test_what_to_do_about_a_culprit(who, words):
    assert steps(culprit(*who)) == (words,)


def test_what_to_do_about_horizons():
    def drifting(error):
        return replace(FOUND, trend=replace(FOUND.trend, gamma_error=error))

    top = np.log(16) * (0.5 - 0.1)  # ln p of the two largest of 6 sizes, from the middle
    (slow,) = steps(culprit("trend", "horizon"), found=drifting(-0.2))
    right = 1 / 0.8
    assert slow == (
        f"If horizons are the cause, they grow too slowly: exponent 1.00 instead of {right:.2f}. Train the two largest "
        f"sizes again at {math.exp((right - 1) * top):.2g} times their tokens."
    )
    (fast,) = steps(culprit("trend", "horizon"), found=drifting(0.25))
    assert "grow too fast: exponent 1.00 instead of 0.80" in fast
    for far in (-0.6, 0.7, math.nan):
        assert steps(culprit("trend", "horizon"), found=drifting(far))[0].startswith(
            "The curves' shape changes with size by"
        )
    pattern = replace(FOUND.pattern, kind="size", sizes=(2,), shift=0.1)
    (longer,) = steps(culprit("size", "horizon", 4e6), found=replace(FOUND, pattern=pattern))
    factor = math.exp(0.1 / FOUND.trend.exponent)
    assert longer == f"Train size 4M again: it looks as if its horizon should be longer, up to {factor:.1f} times."
    flat = replace(pattern, shift=-0.1)
    assert "should be shorter" in steps(culprit("size", "horizon", 4e6), found=replace(FOUND, pattern=flat))[0]


def test_what_to_do_where_nobody_is_to_blame():
    assert steps(verdict=Verdict.COLLAPSE) == ("Predict a larger size: scaling-collapse extrapolate RUNS --params N.",)
    assert steps(verdict=Verdict.UNDECIDED)[0].startswith("Add seeds, and a size well above or below the others")
    assert steps(verdict=Verdict.UNDECIDED, found=None)[0].startswith("Pass the irreducible loss of your task")
    unseeded = replace(FOUND, seeded=False)
    unknown = Power(gamma_error=math.nan, gamma_error_at_offset=math.nan, offset_error=math.nan, level_error=math.nan)
    assert steps(verdict=Verdict.COLLAPSE, found=unseeded, power=unknown)[1] == (
        "Two seeds of each size would tell noise from scaling."
    )
    assert steps(verdict=Verdict.UNDECIDED, found=unseeded)[0].startswith("Train two more seeds of each size")


def test_at_most_three_steps_and_none_twice():
    runs = [culprit("run", "seed", name) for name in "abcd"]
    assert len(steps(*runs)) == 3
    assert len(steps(runs[0], runs[0])) == 1
    hot = [culprit("size", "rate", size) for size in (8e6, 4e6)]
    words = "Lower the learning rate (or raise the batch size) of sizes 8M, 4M and train them again."
    assert steps(*hot)[0] == words
