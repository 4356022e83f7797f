"""`measure_collapse`: its intervals against slow versions, and which offset it uses."""

import math
import re

import naive
import numpy as np
import pytest
from extrapolation_ladders import changed
from synthetic import law_ladder

from scaling_collapse import InputError
from scaling_collapse.empirical import fit_scaling_law, measure_collapse
from scaling_collapse.empirical.collapse.collapse_at_offset import collapse_at_offset, delta_range
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.empirical.fits.final_loss_solution import solve
from scaling_collapse.empirical.fits.seed_bootstrap import resampled_runs

X = [0.1, 0.2, 0.35, 0.5, 0.8, 1.0]


@pytest.fixture(scope="module")
def ladder():
    return law_ladder(sizes=4, seeds=3, noise=5e-3, fast=5e-3)


def steep():
    """A ladder so noisy that some of its resamples end below the L0 that is fitted to them."""
    return law_ladder(sizes=6, seeds=2, noise=0.1, b=0.5, rng=3)


@pytest.mark.parametrize(
    ("made", "offset", "some_left_out"), [(None, None, False), (None, 1.9, False), (steep(), None, True)]
)
def test_the_interval_of_the_fraction_is_that_of_resampled_runs(ladder, made, offset, some_left_out):
    ladder = made or ladder
    report = measure_collapse(ladder, offset=offset, x=X, draws=100, seed=7)
    curves = curves_on_grid(ladder, X)
    index, fractions = curves.size_index.tolist(), []
    for runs in resampled_runs(curves.L, curves.size_index, 100, np.random.default_rng(7)):
        finals = [
            np.mean([r[-1] for r, s in zip(runs, index, strict=True) if s == size]) for size in range(len(ladder.sizes))
        ]
        L_hat = solve(report.law.C, finals).L0[0] if offset is None else offset
        if L_hat < runs[:, -1].min():
            l = (runs - L_hat) / (runs[:, -1:] - L_hat)
            parts = X, naive.collapse_deviation(l, index), naive.noise_floor(runs, index, L_hat)
            fractions.append(naive.supercollapse_from(*parts)[0])
    low, high = report.supercollapse.interval
    assert (low, high) == pytest.approx(np.quantile(fractions, [0.05, 0.95]))
    assert low < high
    assert (len(fractions) < 100) == some_left_out


def test_the_law_has_a_thousand_draws_at_least(ladder):
    for draws, of_law in ((100, 1000), (1001, 1001)):
        report = measure_collapse(ladder, x=X, draws=draws, seed=3)
        assert report.law.L0_interval == fit_scaling_law(ladder, seed=3, draws=of_law).L0_interval
        assert report.offset == report.law.L0


def test_delta_is_given_over_the_interval_of_the_fitted_offset(ladder):
    report = measure_collapse(ladder, x=X, draws=100)
    low, high = report.law.L0_interval
    curves = curves_on_grid(ladder, X)
    assert high < curves.finals.min()
    inside = [collapse_at_offset(curves, L0) for L0 in [*np.linspace(low, high, 21), report.law.L0]]
    smallest, largest = delta_range(inside)
    np.testing.assert_array_equal(report.delta_low, smallest)
    np.testing.assert_array_equal(report.delta_high, largest)
    known = measure_collapse(ladder, x=X, draws=100, offset=1.9)
    assert np.isnan([known.delta_low, known.delta_high]).all()
    assert known.delta_low.shape == (6,)
    assert known.offset == 1.9
    assert not any("L0" in r for r in known.reasons)


def test_an_interval_that_reaches_the_final_losses_ends_just_below_them():
    noisy = steep()
    report = measure_collapse(noisy, x=X, draws=100)
    curves, law = curves_on_grid(noisy, X), report.law
    top = curves.finals.min()
    assert law.L0_interval[1] > top
    ends = [law.L0_interval[0], top - 1e-3 * (top - law.L0)]
    _, largest = delta_range([collapse_at_offset(curves, L0) for L0 in ends])
    assert report.delta_high[0] == pytest.approx(largest[0])


def test_an_offset_must_lie_below_every_final_loss(ladder):
    lowest = min(ladder, key=lambda c: c.loss[-1])
    least = float(lowest.loss[-1])
    words = f"needs an offset below every final loss; got {least:g} and a final loss of {least:g} (run {lowest.run!r})."
    with pytest.raises(InputError, match=re.escape(words)):
        measure_collapse(ladder, offset=least)
    assert measure_collapse(ladder, offset=least - 1e-9, draws=100).offset == least - 1e-9
    with pytest.raises(InputError, match="offset below every final loss; got -inf"):
        measure_collapse(ladder, offset=-math.inf)


def test_a_fitted_offset_at_a_final_loss_is_not_in_use(ladder):
    L0 = fit_scaling_law(ladder).L0
    lowest = min(c.loss[-1] for c in ladder)
    assert measure_collapse(ladder, x=X, draws=100).offset == L0 < lowest


def test_what_is_summed_up_of_each_size(ladder):
    few = ladder.select(lambda c: c.seed < 2 or c.params < 2e6)
    report = measure_collapse(few, x=X, draws=100)
    groups = few.by_size
    assert [s.params for s in report.sizes] == list(groups)
    assert [s.seeds for s in report.sizes] == [3, 2, 2, 2]
    assert [s.final_loss for s in report.sizes] == pytest.approx(
        [np.mean([c.loss[-1] for c in g]) for g in groups.values()]
    )


def test_without_seeds_the_fraction_has_no_interval():
    one = measure_collapse(law_ladder(seeds=1), x=X, draws=100)
    assert np.isnan(one.supercollapse.interval).all()
    three = measure_collapse(law_ladder(sizes=3, seeds=1), x=X, draws=100)
    assert np.isnan(three.delta_low).all()
    assert three.offset == three.law.L0
    assert three.verdict == "undecided"


def test_negative_losses_can_be_resampled():
    report = measure_collapse(changed(law_ladder(seeds=2), lambda c: c.loss - 2.2), offset=-1.0, x=X, draws=100)
    low, high = report.supercollapse.interval
    assert 0 <= low <= high <= 1


def test_a_resample_that_ends_at_the_offset_is_left_out():
    ladder = law_ladder(sizes=3, seeds=2, noise=0.05)
    curves = curves_on_grid(ladder, X)
    runs = resampled_runs(curves.L, curves.size_index, 100, np.random.default_rng(0))
    offset = float(runs[..., -1].min())
    assert offset < curves.finals.min()
    low, high = measure_collapse(ladder, offset=offset, x=X, draws=100).supercollapse.interval
    assert 0 <= low <= high <= 1


def test_four_hundred_draws_of_seed_zero_unless_told_otherwise(ladder):
    default = measure_collapse(ladder, x=X).supercollapse.interval
    assert default == measure_collapse(ladder, x=X, draws=400, seed=0).supercollapse.interval
