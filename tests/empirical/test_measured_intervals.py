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
from scaling_collapse.empirical.collapse.curves_on_grid import CurvesOnGrid, curves_on_grid
from scaling_collapse.empirical.collapse.supercollapse_interval import fraction_interval
from scaling_collapse.empirical.fits.intervals import t_quantile
from scaling_collapse.empirical.fits.seed_bootstrap import resampled_runs

X = [0.1, 0.2, 0.35, 0.5, 0.8, 1.0]


@pytest.fixture(scope="module")
def ladder():
    return law_ladder(sizes=4, seeds=3, noise=5e-3, fast=5e-3)


def steep():
    """A ladder so noisy that some of its resamples end below the L0 that is fitted to them."""
    return law_ladder(sizes=6, seeds=2, noise=0.1, b=0.5, rng=3)


def band(curves, offset, others, rng):
    """The interval of the fraction by loops: drawn ladders one by one, the ratio averaged over three points."""
    index, x = curves.size_index.tolist(), curves.x
    sizes = sorted(set(index))
    R = curves.L - offset
    l = R / R[:, -1:]

    def of_sizes(rows):
        return [np.mean([row for row, s in zip(rows, index, strict=True) if s == size], axis=0) for size in sizes]

    def ratio(l, losses, L_hat):
        found = naive.collapse_deviation(l, index) / naive.collapse_floor(losses, index, L_hat)
        found = np.log(np.maximum(found[x < 1], 1e-300)).tolist()
        padded = [found[0], *found, found[-1]]
        return np.array([sum(padded[i : i + 3]) / 3 for i in range(len(found))])

    away = R / np.array(of_sizes(R))[index] - 1
    counts = [index.count(size) for size in sizes]
    freedom = sum(counts) - len(sizes)
    power = [sum((away[i] ** 2).sum() for i, s in enumerate(index) if s == size) for size in sizes]
    pooled = sum(power) / freedom
    scale = [(p / (n - 1) / pooled) ** ((n - 1) / (n + 3) / 2) for p, n in zip(power, counts, strict=True)]
    means = np.array(of_sizes(l))
    middle = means.mean(axis=0)
    noise = [sum((row[k] - row[-1]) ** 2 for row in away) / freedom * middle[k] ** 2 for k in range(x.size)]
    noise = np.array(noise) * np.mean([1 / n for n in counts])
    kept = np.clip(1 - noise / np.maximum(means.var(axis=0, ddof=1), 1e-300), 0, 1)
    together = middle + np.sqrt(kept) * (means - middle)
    usable = [L_hat for L_hat in others if L_hat < curves.finals.min()]
    energy = [sum(row**2) for row in away]
    products = sum(sum(a * b) ** 2 for a in away for b in away)
    times = np.mean([e**2 for e in energy]) / np.mean(energy) ** 2 / (1 + 2 * products / sum(energy) ** 2)
    dof = max((4 * times - 2) / (times - 1), 4.5) if times > 1 else math.inf
    size = (len(usable), len(index))
    loud = np.ones(size) if dof == math.inf else (dof - 2) / rng.chisquare(dof, size)
    drawn = rng.standard_normal((*size, len(index)))
    alone, apart = (sum((row - end * row[-1]) ** 2 for row in away) / freedom for end in (0, 1))
    between = np.mean([(m - middle) ** 2 for m in together], axis=0)
    many = (between / middle**2 + np.mean([s**2 for s in scale]) * apart) / alone / np.median([s**2 for s in scale])
    many = np.log(np.maximum(np.sqrt(many[x < 1]), 1e-300)).tolist()
    padded = [many[0], *many, many[-1]]
    many = np.array([sum(padded[i : i + 3]) / 3 for i in range(len(many))])
    here = ratio(l, curves.L, offset)
    misses = []
    for L_hat, one, w in zip(usable, drawn, loud, strict=True):
        shift = np.array([sum(z * row for z, row in zip(zs, away, strict=True)) for zs in one]) / math.sqrt(freedom)
        shift *= (np.array(scale)[index] * np.sqrt(w))[:, None]
        made = together[index] * np.exp(shift - shift[:, -1:])
        other = (curves.L - L_hat) / (curves.L[:, -1:] - L_hat)
        misses.append(ratio(made, np.exp(shift), 0.0) - many - (ratio(other, curves.L, L_hat) - here))
    wider = t_quantile(freedom) / 1.6448536269514722
    below, above = (wider * np.quantile(misses, tail, axis=0) for tail in (0.05, 0.95))
    return (here - below < 0).mean(), (here - above < 0).mean()


@pytest.mark.parametrize("known", [True, False])
def test_the_interval_of_the_fraction_is_that_of_the_loops(ladder, known):
    curves = curves_on_grid(ladder, np.linspace(0.1, 1, 42))
    finals = curves.finals.min()
    others = np.full(25, 1.9) if known else np.linspace(1.5, finals + 0.02, 30)
    here = collapse_at_offset(curves, 1.9)
    low, high = fraction_interval(curves, here, others, np.random.default_rng(3))
    expected = band(curves, 1.9, others, np.random.default_rng(3))
    assert (low, high) == (min(expected[0], here.fraction), max(expected[1], here.fraction))
    assert low < high
    assert known or (others >= finals).any()


def drifting(rng, *, sizes, seeds, differ, lasting, fast):
    """Curves whose falls differ by size, with noise that lasts and noise that is gone at the end, at offset 0."""
    x = np.linspace(0.1, 1, 91)
    index = np.repeat(np.arange(sizes), seeds)
    z = np.linspace(-1, 1, sizes)
    l = 1 + (1 + differ * z[index, None]) * (x**-0.5 - 1)
    L = l * np.exp(lasting * rng.standard_normal((index.size, 1)))
    L *= np.exp(fast * (1 - x) * rng.standard_normal(l.shape))
    log_p = np.arange(sizes, dtype=float)
    curves = CurvesOnGrid(x=x, L=L, size_index=index, log_p=log_p, log_horizon=log_p, starts_late=False)
    truth = (differ * z.std() * (1 - np.sqrt(x))) ** 2 + (fast * (1 - x)) ** 2 < lasting**2 + (fast * (1 - x)) ** 2
    return curves, truth[:-1].mean()


@pytest.mark.parametrize(
    ("sizes", "seeds", "differ", "lasting", "fast"),
    [(6, 5, 0.03, 0.01, 0.005), (8, 3, 0.1, 0.02, 0.01), (5, 4, 0.02, 0.005, 0.002)],
)
def test_nine_of_ten_intervals_of_the_fraction_hold_it(sizes, seeds, differ, lasting, fast):
    held = 0
    for rng in np.random.default_rng(sizes).spawn(200):
        curves, truth = drifting(rng, sizes=sizes, seeds=seeds, differ=differ, lasting=lasting, fast=fast)
        low, high = fraction_interval(curves, collapse_at_offset(curves, 0.0), np.zeros(60), rng)
        held += low <= truth <= high
    assert 0.2 < truth < 0.9
    assert 0.85 <= held / 200 <= 0.97


def test_few_usable_offsets_leave_the_interval_unknown(ladder):
    curves = curves_on_grid(ladder, X)
    here = collapse_at_offset(curves, 1.9)
    for usable in (19, 20):
        offsets = np.append(np.full(usable, 1.9), np.full(50, 9.0))
        low, _ = fraction_interval(curves, here, offsets, np.random.default_rng(0))
        assert math.isnan(low) == (usable < 20)


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


def test_the_offset_comes_with_its_interval(ladder):
    report = measure_collapse(ladder)
    assert report.offset_interval == report.law.L0_interval
    assert report.to_json()["offset_interval"] == list(report.law.L0_interval)
    assert measure_collapse(ladder, offset=1.9).offset_interval is None
