"""What an extrapolation finds out about itself, and what it then says."""

import dataclasses
import math
import re

import numpy as np
import pytest
from extrapolation_ladders import arrays, changed, without_largest
from synthetic import law_ladder

from scaling_collapse import InputError
from scaling_collapse.empirical import extrapolate
from scaling_collapse.empirical.collapse.verdict import Verdict
from scaling_collapse.empirical.extrapolation.law_bend import LawBend, law_bend
from scaling_collapse.empirical.extrapolation.offset_agreement import agree_on_offset
from scaling_collapse.empirical.extrapolation.reach import Reach, reach_of
from scaling_collapse.empirical.extrapolation.self_check import LeftOut, SelfCheck, judge
from scaling_collapse.empirical.extrapolation.shape_posterior import fit_shape
from scaling_collapse.empirical.extrapolation.size_levels import size_levels
from scaling_collapse.empirical.extrapolation.status import Status

NEAR = Reach(spans=1.0, warning="")
BENDS = (
    "The exponent of the final losses changes by -30% from the ladder's smaller half to its larger one (90 % interval "
    "-50% to -10%), at the offset at which curves collapse."
)
FINE = SelfCheck(
    left_out=LeftOut(params=1e7, error=0.004, half_width=0.01),
    bend=LawBend(value=0.02, interval=(-0.1, 0.1)),
    collapse=Verdict.COLLAPSE,
    drift=0.02,
    scatter=0.003,
    sizes=6,
)


@pytest.mark.parametrize(
    ("estimated", "change", "reach", "status"),
    [
        (Status.OK, {}, NEAR, Status.OK),
        (Status.OK, {"collapse": Verdict.SUPERCOLLAPSE}, NEAR, Status.OK),
        (Status.OK, {"collapse": Verdict.UNDECIDED}, NEAR, Status.NOT_CHECKED),
        (Status.OK, {"collapse": Verdict.NO_COLLAPSE}, NEAR, Status.NO_COLLAPSE),
        (Status.OK, {"drift": 0.051}, NEAR, Status.NOT_CHECKED),
        (Status.OK, {"drift": math.inf}, NEAR, Status.NOT_CHECKED),
        (Status.OK, {"bend": LawBend(value=0.3, interval=(0.1, 0.5))}, NEAR, Status.BENDS),
        (Status.OK, {"bend": LawBend(value=-0.3, interval=(-0.5, -0.1))}, NEAR, Status.BENDS),
        (Status.OK, {"bend": LawBend(value=0.05, interval=(0.01, 0.1))}, NEAR, Status.OK),
        (Status.OK, {"bend": LawBend(value=0.0, interval=(-0.5, 0.5))}, NEAR, Status.NOT_CHECKED),
        (Status.OK, {"left_out": None}, NEAR, Status.NOT_CHECKED),
        (Status.OK, {"left_out": LeftOut(params=1e7, error=-0.019, half_width=0.01)}, NEAR, Status.OK),
        (Status.OK, {"left_out": LeftOut(params=1e7, error=-0.021, half_width=0.01)}, NEAR, Status.MISSED),
        (Status.OK, {"scatter": 0.011}, NEAR, Status.NOT_CHECKED),
        (Status.OK, {"scatter": 0.011, "sizes": 7}, NEAR, Status.OK),
        (Status.OK, {}, Reach(spans=4.0, warning="far"), Status.FAR),
        (Status.UNIDENTIFIED, {}, NEAR, Status.UNIDENTIFIED),
        (Status.UNIDENTIFIED, {"collapse": Verdict.NO_COLLAPSE}, NEAR, Status.NO_COLLAPSE),
        (Status.UNIDENTIFIED, {"left_out": None}, NEAR, Status.UNIDENTIFIED),
        (Status.NO_INTERVALS, {"collapse": Verdict.NO_COLLAPSE}, NEAR, Status.NO_INTERVALS),
        (Status.NOT_POSITIVE, {"left_out": None}, NEAR, Status.NOT_POSITIVE),
    ],
)
def test_the_worst_that_was_found_is_the_status(estimated, change, reach, status):
    assert judge(estimated, dataclasses.replace(FINE, **change), reach)[0] is status


def test_each_finding_has_a_sentence():
    bad = dataclasses.replace(
        FINE,
        collapse=Verdict.NO_COLLAPSE,
        bend=LawBend(value=0.3, interval=(0.1, 0.5)),
        left_out=LeftOut(params=1e7, error=-0.03, half_width=0.01),
    )
    assert judge(Status.OK, bad, Reach(spans=4.0, warning="far"))[1] == (
        "far",
        "The ladder does not collapse: its sizes share no curve. Run `measure` for the cause.",
        BENDS,
        "The largest size lay outside of its own band; the bands were widened by a factor of 3.",
    )
    assert judge(Status.OK, FINE, NEAR)[1] == ()


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_healthy_ladder_is_ok_and_says_how_far_off_it_was(seeds):
    ladder = law_ladder(sizes=6, seeds=seeds, noise=2e-3, L0=1.0, rng=5)
    found = extrapolate(ladder, 3e7, draws=500)
    assert found.status == "ok"
    rest, held = without_largest(ladder)
    again = extrapolate(rest, held[0].params, draws=1000)
    end = np.mean([c.horizon_loss for c in held])
    assert found.left_out.error == pytest.approx(again.final_loss / end - 1, abs=1e-12)
    words = f"leaving out the largest size, this method was off by {abs(found.left_out.error):.2%}"
    assert words in dict(found.lines())["tried on itself"]
    assert found.to_json()["left_out"] == vars(found.left_out)
    assert found.to_json()["warnings"] == []


def test_a_largest_size_that_is_missed_widens_the_band(monkeypatch):
    ladder = law_ladder(sizes=6, seeds=3, noise=2e-3, L0=1.0, rng=5)
    top = max(ladder.sizes)
    off = changed(ladder, lambda c: c.loss + 0.06 * (c.params == top) * (c.loss - 1.0))
    found = extrapolate(off, 3e7, draws=500)
    assert found.left_out.misses > 2
    assert found.left_out.factor == found.left_out.misses
    assert found.status in ("largest size missed", "exponent changes")
    factor = found.left_out.factor
    monkeypatch.setattr(LeftOut, "factor", 1.0)
    narrow = extrapolate(off, 3e7, draws=500)
    for end in ("low", "high", "expected_low", "expected_high"):
        distance = [getattr(each, end) - each.loss for each in (found, narrow)]
        np.testing.assert_allclose(distance[0], factor * distance[1], rtol=1e-9, atol=1e-12)


def test_the_printed_law_gives_the_printed_prediction():
    ladder = law_ladder(sizes=6, seeds=2, noise=3e-3, rng=2)
    for method in ("curves", "ends"):
        found = extrapolate(ladder, 3e7, method=method, draws=500)
        law, C = found.law, found.compute[-1] / 1e15
        assert law.L0 + law.a * C**-law.b == pytest.approx(found.final_loss, rel=1e-9)
    ends = np.array([np.mean([c.horizon_loss for c in g]) for g in ladder.by_size.values()])
    C = np.array([g[0].horizon_compute for g in ladder.by_size.values()]) / 1e15
    law = extrapolate(ladder, 3e7, draws=500).law
    assert np.abs(law.L0 + law.a * C**-law.b - ends).max() < 0.01 * (ends - law.L0).min()


def bent(ladder, factor, *, L0=2.0):
    """The exponent changes by a factor from the ladder's middle on."""
    middle = math.exp(np.mean(np.log(ladder.sizes)))
    return changed(
        ladder, lambda c: L0 + (c.loss - L0) * max(c.params / middle, 1.0) ** (0.4 * (1 - factor))
    )  # fmt: skip


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_an_exponent_that_changes_is_seen(factor):
    ladder = bent(law_ladder(sizes=7, seeds=3, noise=3e-3, rng=1), factor)
    curves = arrays(ladder)
    found = law_bend(agree_on_offset(curves, fit_shape(curves)), np.random.default_rng(0))
    assert found.shown == (factor != 1.0)
    assert found.excluded == (factor == 1.0)
    if factor == 0.5:  # b = 0.2 at first, 0.1 then: 0.1 over the mean of both
        assert found.value == pytest.approx(0.1 / 0.15, rel=0.25)
    assert (extrapolate(ladder, 5e7, draws=500).status == "ok") == (factor == 1.0)


@pytest.mark.parametrize("drift", [-0.05, 0.05])
def test_a_shape_that_drifts_is_never_ok(drift):
    ladder = law_ladder(sizes=6, seeds=2, noise=2e-3, span=30.0)

    def drifting(c):
        R = c.loss - 2.0
        return 2.0 + R[-1] * (R / R[-1]) ** (1 + drift * math.log(c.params / 5e6))

    assert extrapolate(changed(ladder, drifting), 1e8, draws=500).status != "ok"


def test_offsets_that_agree_are_joined_and_others_are_not():
    ladder = law_ladder(sizes=6, seeds=3, noise=1e-3, L0=2.0, rng=3)
    curves = arrays(ladder)
    assert agree_on_offset(curves, fit_shape(curves)).joined
    # Curves that collapse at 1 while final losses level off at 2.
    apart = changed(ladder, lambda c: 1.0 + (c.loss - 2.0) * (c.loss[-1] - 1.0) / (c.loss[-1] - 2.0))
    curves = arrays(apart)
    offsets = agree_on_offset(curves, fit_shape(curves))
    assert not offsets.joined
    assert offsets.weights @ offsets.levels.L0 == pytest.approx(2.0, abs=0.1)
    found = extrapolate(apart, 3e7, draws=500)
    assert any("Curves collapse at an offset near 1" in note for note in found.notes)
    assert found.final_loss == pytest.approx(extrapolate(ladder, 3e7, draws=500).final_loss, abs=0.005)


def test_the_level_of_a_run_is_more_than_its_last_point():
    clean = arrays(law_ladder(sizes=5, seeds=3, noise=0.0, fast=0.0))
    noisy = arrays(law_ladder(sizes=5, seeds=3, noise=0.0, fast=5e-3, points=400))
    levels = size_levels(fit_shape(noisy))
    truth = [r[:, -1] for r in clean.runs]
    by_curve = np.concatenate([a - b for a, b in zip(levels.finals, truth, strict=True)])
    by_point = np.concatenate([r[:, -1] - b for r, b in zip(noisy.runs, truth, strict=True)])
    assert by_curve.std() < 0.4 * by_point.std()
    assert levels.last == pytest.approx(5e-3, rel=0.4)


@pytest.mark.parametrize(
    ("params", "warned", "refused"),
    [(4.7e8, False, False), (4.9e8, True, False), (4.7e9, True, False), (4.9e9, True, True), (4e5, False, False)],
)
def test_sizes_far_beyond_are_warned_about_then_refused(params, warned, refused):
    ladder = law_ladder(sizes=4, seeds=1, span=4.0 * math.sqrt(10))  # 1e6 to 1.26e7: 3 spans beyond are 4.8e8
    assert reach_of(ladder, params, far=True).far == warned
    if refused:
        with pytest.raises(InputError, match=r"within reach of the ladder; got .* Use --far"):
            reach_of(ladder, params, far=False)
    else:
        assert reach_of(ladder, params, far=False).far == warned


def test_a_forgotten_suffix_is_guessed():
    ladder = law_ladder(sizes=4, seeds=1)
    with pytest.raises(InputError, match=re.escape("Did you mean 15M? Use --far")):
        extrapolate(ladder, 15)
    far = extrapolate(ladder, 1e12, far=True, draws=500)
    assert far.status == "far from the ladder"
    assert far.warnings[0].startswith("The new size is far from the ladder: 6.25e+04 times the largest size")


def test_noise_of_the_evaluation_is_as_large_for_the_new_size_and_so_is_the_band():
    """Losses are read with the same noise at every size: relative to the loss, the new run's is the largest."""
    inside = []
    for seed in (1, 4):
        rng = np.random.default_rng(seed)
        clean = law_ladder(sizes=7, seeds=3, noise=1e-4, span=100.0, b=0.25, points=200)
        noisy = changed(clean, lambda c: c.loss + 5e-4 * rng.standard_normal(c.loss.size))  # noqa: B023
        top = noisy.sizes[-1]
        run = noisy.by_size[top][0]
        found = extrapolate(noisy.select(lambda c: c.params < top), top, tokens=run.horizon_tokens, draws=500)  # noqa: B023
        late = found.x >= 0.2
        L = run.loss_at(found.x[late] * run.horizon_tokens)
        inside.append(((found.low[late] <= L) & (found.high[late] >= L)).mean())
    assert min(inside) > 0.85  # as loud as the ladder on average, it held 75 and 83 %
