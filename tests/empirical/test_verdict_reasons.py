"""What `judge` says, word by word: which reasons, in which order, with which numbers and limits."""

import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic import law_ladder

from scaling_collapse.empirical.collapse.collapse_at_offset import CollapseAtOffset
from scaling_collapse.empirical.collapse.curves_on_grid import CurvesOnGrid
from scaling_collapse.empirical.collapse.verdict import SUPER_FROM, TOLERANCE, Verdict, classify, judge
from scaling_collapse.empirical.fits.law_fit import fit_scaling_law

X = np.array([0.2, 0.4, 0.5, 0.7, 0.85, 1.0])
CURVES = CurvesOnGrid(
    x=X, L=np.array([[3.0] * 5 + [2.5], [3.0] * 5 + [2.25]]), size_index=np.arange(2), starts_late=False
)
LAW = replace(
    fit_scaling_law(law_ladder(sizes=4, seeds=2), draws=100),
    status="ok", L0=2.0, L0_interval=(1.875, 2.125), misfit=1.0,
)  # fmt: skip
OVER = f"Beyond noise, sizes differ by 6.0% of what the curve falls by (over the tolerance of {TOLERANCE:.0%})."
WITHIN = "Beyond noise, sizes differ by 5.0% of what the curve falls by (within the tolerance of 5%)."
NO_FLOOR = "No size has two seeds: there is no noise floor to compare with."


def collapse(*, spread=0.05, fraction=0.5, x_from=math.nan, delta=(6, 5, 4, 3, 2, 0), offset=2.0):
    delta = np.array(delta) / 100
    return CollapseAtOffset(
        offset=offset, normalized=delta[None], delta=delta, sigma=delta, spread=spread, fraction=fraction, x_from=x_from
    )


def judged(here, inside=(), *, law=LAW, curves=CURVES, known=True):
    return judge(law, curves, here, inside, fraction_interval=(0.404, 0.596), offset_known=known)


def floor(where):
    return f"Delta is below the noise floor sigma on 50.0% of x (90 % interval 40% to 60%), {where}."


def test_the_decisive_reason_comes_first():
    late = "from x = 0.85 on, too late to count (at most 0.67)"
    for spread, x_from, where, verdict in (
        (0.06, math.nan, "and not at the end", "no collapse"),
        (0.06, 0.85, late, "no collapse"),
        (0.05, 0.85, late, "collapse"),
        (0.05, math.nan, "and not at the end", "collapse"),
        (0.06, 0.5, "from x = 0.50 on", "supercollapse"),
        (0.05, SUPER_FROM, "from x = 0.67 on", "supercollapse"),
    ):
        found, reasons = judged(collapse(spread=spread, x_from=x_from))
        about_size = WITHIN if spread == 0.05 else OVER
        both = (about_size, floor(where)) if verdict == "no collapse" else (floor(where), about_size)
        assert (found, reasons) == (verdict, both)


def test_one_seed_a_size_is_said_after_the_spread():
    nothing = {"fraction": math.nan, "x_from": math.nan}
    assert judged(collapse(**nothing)) == (Verdict.COLLAPSE, (WITHIN, NO_FLOOR))
    assert judged(collapse(spread=0.06, **nothing)) == (Verdict.NO_COLLAPSE, (OVER, NO_FLOOR))


def test_a_law_that_misses_its_sizes_is_said_beyond_a_factor_of_two():
    words = (
        "The sizes' mean final losses miss the law by 2.1 times what seeds explain; its intervals are widened by that."
    )
    for misfit, said in ((2.1, True), (2.0, False), (1.0, False), (math.inf, False), (math.nan, False)):
        _, reasons = judged(collapse(), law=replace(LAW, misfit=misfit))
        assert (words in reasons) == said
        assert len(reasons) == 2 + said


def test_a_grid_that_was_cut_is_said_last():
    _, reasons = judged(collapse(), law=replace(LAW, misfit=3.0), curves=replace(CURVES, starts_late=True))
    assert len(reasons) == 4
    assert reasons[-1] == "The logs cover only x from 0.200 on."


def test_what_a_law_without_an_interval_leaves_open():
    words = "L0 = 2 comes without an interval (one seed of 3 sizes): add seeds or sizes, or pass an offset."
    found, reasons = judged(collapse(), known=False)
    assert (found, reasons[2:]) == (Verdict.UNDECIDED, (words,))


@pytest.mark.parametrize("status", ["ok", "L0 not identified"])
def test_how_delta_moves_over_the_interval_is_quoted_at_the_middle_of_the_grid(status):
    here = collapse()
    inside = [collapse(delta=(60, 50, 40, 30, 1, 0)), collapse(delta=(1, 1, 1, 12, 50, 0))]
    found, reasons = judged(here, inside, law=replace(LAW, status=status), known=False)
    words = "L0 = 2, 90 % interval 1.875 to 2.125; inside it Delta at x = 0.70 moves between 0.03 and 0.3"
    assert reasons[2] == ("" if status == "ok" else "L0 is not identified: ") + words + "; the verdict stays."
    assert found == "collapse"
    five = replace(CURVES, x=X[1:], L=CURVES.L[:, 1:])
    cut = [replace(c, delta=c.delta[1:]) for c in (here, *inside)]
    _, reasons = judged(cut[0], cut[1:], curves=five, known=False)
    assert "Delta at x = 0.70 moves between 0.03 and 0.3" in reasons[2]


def test_every_verdict_of_the_interval_is_named_once():
    inside = [collapse(x_from=0.5), collapse(), collapse(spread=0.06), collapse(), collapse(x_from=0.5)]
    found, reasons = judged(collapse(), inside, known=False)
    assert found == "undecided"
    assert reasons[2].endswith("0.03 and 0.03 and the verdict runs over supercollapse, collapse, no collapse.")


def test_the_interval_decides_only_what_the_estimate_would_not():
    agree = [collapse(x_from=0.5), collapse()]
    for status, verdict in (("ok", "collapse"), ("L0 not identified", "undecided")):
        found, reasons = judged(collapse(), agree, law=replace(LAW, status=status), known=False)
        assert found == verdict
        assert "and the verdict runs over supercollapse, collapse." in reasons[2]
    assert judged(collapse(), [collapse(x_from=0.5)], known=False)[0] == "collapse"
    assert judged(collapse(), [collapse(spread=0.06)], known=False)[0] == "undecided"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("too few sizes", "4 sizes do not identify L0 (3 parameters)"),
        ("losses not positive", "the law's residuals are logarithmic, and some final losses are not positive"),
        ("not a decreasing law", "the final losses do not fall with compute like L0 + a C^-b"),
    ],
)
def test_why_nothing_can_be_normalized(status, why):
    law = replace(LAW, status=status, L0=math.nan, misfit=math.nan)
    nothing = collapse(offset=math.nan, spread=math.nan, fraction=math.nan)
    words = f"No irreducible loss: {why}. Add sizes, or pass an offset that you know."
    assert judged(nothing, law=law, known=False) == (Verdict.UNDECIDED, (words,))
    words = "The fitted irreducible loss 2.375 is not below the smallest final loss 2.25: nothing can be normalized. "
    above = judged(nothing, law=replace(LAW, L0=2.375), known=False)
    assert above == (Verdict.UNDECIDED, (words + "Pass an offset that you know.",))


def test_a_tail_from_two_thirds_on_is_a_supercollapse_whatever_the_spread():
    assert SUPER_FROM == 2 / 3
    assert classify(9.0, 2 / 3) is Verdict.SUPERCOLLAPSE
    assert classify(TOLERANCE, math.nextafter(2 / 3, 1)) is Verdict.COLLAPSE
    assert classify(math.nextafter(TOLERANCE, 1), 0.7) is Verdict.NO_COLLAPSE
