"""What `extrapolate` refuses, says and puts together, at the limits; methods against their own parts."""

import math
import re

import numpy as np
import pytest
from extrapolation_ladders import arrays, changed
from synthetic import law_ladder

from scaling_collapse import InputError
from scaling_collapse.empirical import extrapolate
from scaling_collapse.empirical.extrapolation.curve_extrapolation import from_curves
from scaling_collapse.empirical.extrapolation.curve_prediction import expected_curve, predicted_draws
from scaling_collapse.empirical.extrapolation.extrapolation_plan import plan
from scaling_collapse.empirical.extrapolation.new_shape import new_shape
from scaling_collapse.empirical.extrapolation.new_size import new_size
from scaling_collapse.empirical.extrapolation.offset_agreement import agree_on_offset
from scaling_collapse.empirical.extrapolation.shape_posterior import fit_shape
from scaling_collapse.theory import Ladder, LossCurve, default_grid


def logged_at(ladder, x, *, only=None):
    """The ladder (or one size of it) logged at other points."""
    return Ladder(
        LossCurve(
            run=c.run, params=c.params, tokens=x * c.horizon_tokens, loss=c.loss_at(x * c.horizon_tokens), seed=c.seed
        )
        if only in (None, c.params)
        else c
        for c in ladder
    )


@pytest.mark.parametrize(("raised", "falls"), [(0.9, True), (1.1, False)])
def test_final_losses_must_fall_whatever_earlier_ones_do(raised, falls):
    ladder = law_ladder(sizes=4, seeds=1)
    top, least = max(ladder.sizes), min(ladder.sizes)
    fall = ladder.by_size[least][0].loss[-1] - ladder.by_size[top][0].loss[-1]
    bent = changed(ladder, lambda c: c.loss + raised * fall * (c.params == top) * (c.tokens == c.horizon_tokens))
    assert (extrapolate(bent, 1e8, draws=500).status != "not a decreasing law") == falls


def test_final_losses_in_between_may_lie_anywhere():
    ladder = law_ladder(sizes=4, seeds=1)
    high = changed(ladder, lambda c: c.loss + (c.params == ladder.sizes[1]) * (c.tokens == c.horizon_tokens))
    assert extrapolate(high, 1e8, draws=500).status != "not a decreasing law"


def test_the_log_that_begins_too_late_is_named():
    ladder = law_ladder(sizes=4, seeds=1)
    late = logged_at(ladder, np.array([0.625, 0.75, 1.0]), only=ladder.sizes[2])
    late = logged_at(late, np.array([0.25, 0.75, 1.0]), only=ladder.sizes[1])
    words = (
        "extrapolate needs curves that are logged from the first half of training on; got run "
        f"{ladder.curves[2].run!r} from 62% of its horizon on. Log earlier, or leave the run out."
    )
    with pytest.raises(InputError, match=f"^{re.escape(words)}$"):
        extrapolate(late, 1e8)


def test_a_shorter_grid_is_said_between_what_size_and_method_say():
    ladder = logged_at(law_ladder(sizes=3, seeds=1), np.r_[0.203, np.linspace(0.25, 1, 30)])
    found = extrapolate(ladder, 1e8, draws=500)
    assert found.x[0] == pytest.approx(0.205)
    about_size, about_logs, about_noise = found.notes
    assert about_size.startswith("The horizon, ")
    assert about_logs == "The logs cover only x from 0.205 on, and so does the prediction."
    assert about_noise == (
        "No size has two seeds: the noise of a run is inferred from how the sizes scatter about the law."
    )
    whole = extrapolate(law_ladder(sizes=3, seeds=2), 1e8, draws=500)
    assert len(whole.notes) == 1


def test_the_answer_is_in_tokens_and_flops():
    ladder = law_ladder(sizes=3, seeds=2)
    found = extrapolate(ladder, 1e8, tokens=3e9, draws=500)
    assert found.tokens.tolist() == (found.x * 3e9).tolist()
    np.testing.assert_allclose(found.compute, 6e8 * found.tokens)
    assert (found.params, found.horizon_tokens, found.level, found.method) == (1e8, 3e9, 0.9, "curves")
    assert found.ladder is ladder
    np.testing.assert_array_equal(found.x[-181:], default_grid())
    np.testing.assert_allclose(found.x[:-181], np.geomspace(0.01, 0.1, 31)[10:-1])  # from x = 0.02 on: 10^(-5/3)


@pytest.mark.parametrize("seeds", [1, 2])
def test_whole_curves_answer_with_the_posterior(seeds):
    ladder = law_ladder(sizes=4, seeds=seeds, noise=5e-3, fast=1e-3)
    curves, new = arrays(ladder), new_size(ladder, 6e7, None)
    found = from_curves(ladder, curves, new, level=0.8, draws=600, rng=np.random.default_rng(5))
    offsets = agree_on_offset(curves, fit_shape(curves))
    levels, shape = offsets.levels, new_shape(offsets.shape, 6e7)
    end = offsets.end(new.C).loss
    sample = predicted_draws(offsets, shape, new.C, draws=600, rng=np.random.default_rng(5))
    assert found.status == "ok"
    np.testing.assert_array_equal(found.expected, expected_curve(offsets, shape, end))
    assert found.expected[-1] == pytest.approx(end)
    np.testing.assert_array_equal(found.draws.single, sample.single)
    law = found.law
    assert pytest.approx((offsets.weights * levels.L0).sum()) == law.L0
    assert law.L0 + law.a * new.C**-law.b == pytest.approx(end)
    for name in ("L0", "a", "b"):
        assert getattr(law, f"{name}_interval") == pytest.approx(tuple(np.quantile(getattr(sample, name), [0.1, 0.9])))
    assert found.misfit == levels.root_mean_square(offsets.weights, np.broadcast_to(levels.level, levels.noise.shape))
    noise = levels.root_mean_square(offsets.weights, levels.noise)
    assert found.run_noise == pytest.approx(
        math.hypot(noise, offsets.sizes.last) if seeds > 1 else math.nan, nan_ok=True
    )
    assert found.plan == plan(offsets, 6e7, new.C, 0.8)
    assert len(found.notes) == (seeds == 1)


def test_whole_curves_that_rise_with_size_are_no_collapse():
    ladder = law_ladder(sizes=4, seeds=1, L0=1.0)
    rising = changed(ladder, lambda c: c.loss + 2.0 * np.log(c.params / 1e6) * (1 - c.tokens / c.horizon_tokens))
    for method in ("curves", "ends"):
        found = extrapolate(rising, 1e8, method=method, draws=500)
        assert found.status == "no collapse"
        assert any("The ladder does not collapse" in words for words in found.warnings)


@pytest.mark.parametrize("noise", [1e-3, 0.05])
def test_L0_is_identified_where_its_interval_is_narrower_than_the_smallest_reducible_final_loss(noise):
    ladder = law_ladder(sizes=3, seeds=2, span=3.0, noise=noise, fast=noise, b=0.1, rng=2)
    curves, new = arrays(ladder), new_size(ladder, 1e7, None)
    found = from_curves(ladder, curves, new, level=0.9, draws=500, rng=np.random.default_rng(0))
    wide = np.ptp(found.law.L0_interval) > curves.means[:, -1].min() - found.law.L0
    assert wide == (noise > 0.01)
    assert found.status == ("L0 not identified" if wide else "ok")


def test_four_thousand_draws_unless_told_otherwise():
    ladder = law_ladder(sizes=3, seeds=1)
    options = {"tokens": 2e9, "method": "curves", "level": 0.9, "seed": 0}
    default, told = extrapolate(ladder, 1e8), extrapolate(ladder, 1e8, draws=4000, **options)
    np.testing.assert_allclose(default.low, told.low, rtol=1e-12)
