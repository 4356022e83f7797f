"""The noise behind intervals and regions: degrees of freedom, the boundaries of its sources, the edges of regions."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from scaling_collapse.theory import AdmittedErrors, CurveSlopes
from scaling_collapse.theory.ladder_errors.error_profile import GAMMA, LOWER, OFFSET, ROUND_OFF, UPPER, ErrorProfile
from scaling_collapse.theory.ladder_errors.error_region import MISFIT_LEVEL, Noise, contour, edge, measure_noise


def slopes_of(sizes, seeds, *, noise=0.01, rng=0, zigzag=0.0, bend=np.nan, span=100.0, fall=0.25):
    """Slopes of a healthy ladder, `1 / (1 + B / A)` with B = A, times noise between runs and a zigzag between sizes.

    Sizes differ by a factor `span`; reducible losses fall as p to the minus `fall`.
    """
    rng = np.random.default_rng(rng)
    index = np.repeat(np.arange(sizes), seeds)
    p = np.geomspace(1e6, 1e6 * span, sizes)
    sign = 1.0 - 2.0 * (index % 2)
    return CurveSlopes(
        slope=0.5 * np.exp(noise * rng.standard_normal(index.size) + zigzag * sign),
        reducible=p[index] ** -fall,
        horizon_tokens=p[index],
        sizes=p,
        size_index=index,
        mu=0.5,
        shape="power",
        bend=np.full(index.size, bend) if np.isscalar(bend) else bend,
        early_weight=0.5,
    )


def measured(slopes):
    profile = ErrorProfile(slopes)
    best = profile.minimize((GAMMA, OFFSET))
    return profile, best, measure_noise(profile, best)


def test_noise_of_seeds_has_one_degree_of_freedom_less_than_runs_for_each_size():
    """Independent: with no offset error, a run's residual varies as ln S does within its size."""
    slopes = slopes_of(5, 3)
    variance, dof = ErrorProfile(slopes).seed_variance(np.zeros(2))
    log_s = np.log(slopes.slope).reshape(5, 3)
    assert dof == 10
    assert variance == pytest.approx(log_s.var(axis=1, ddof=1).mean(), rel=1e-12)
    assert ErrorProfile(slopes_of(5, 1)).seed_variance(np.zeros(2))[1] == 0


def test_a_misfit_is_judged_with_three_free_numbers():
    """Two errors and the level: p-values of true laws are uniform, whose mean is 1/2.

    Four sizes leave one degree of freedom. With two free numbers for three there would seem to be two, and the mean
    would be 0.7.
    """
    p_values = [measured(slopes_of(4, 5, rng=k))[2].p_value for k in range(100)]
    assert np.mean(p_values) == pytest.approx(0.5, abs=4 * 0.29 / 10)
    profile, best, found = measured(slopes_of(6, 4))
    ratio = float(profile.misfit(best)) / 3 / found.noise.variance
    assert (found.noise.source, found.noise.dof) == ("seeds", 18)
    assert found.p_value == pytest.approx(stats.f.sf(ratio, 3, 18), rel=1e-12)


def test_three_sizes_leave_nothing_to_judge_a_misfit_by():
    """Three numbers fit three sizes: without seeds nothing measures the noise, with them nothing tests the fit."""
    for sizes, seeds, source, dof in ((3, 1, "none", 0), (4, 1, "sizes", 1), (3, 2, "seeds", 3)):
        profile, best, found = measured(slopes_of(sizes, seeds))
        assert (found.noise.source, found.noise.dof) == (source, dof)
        assert math.isnan(found.p_value)
        if source == "sizes":
            assert found.noise.variance == pytest.approx(float(profile.misfit(best)), rel=1e-12)
        assert math.isinf(found.noise.rise(2, 0.9)) == (source == "none")
    spare_one = Noise(source="seeds", variance=1e-4, dof=9)
    assert [math.isnan(spare_one.p_value(profile, best, free=free)) for free in (2, 3)] == [False, True]


def test_sizes_that_scatter_more_than_seeds_explain_become_the_noise():
    profile, best, found = measured(slopes_of(7, 3, zigzag=0.05))
    assert found.p_value < MISFIT_LEVEL
    assert (found.noise.source, found.noise.dof) == ("sizes", 4)
    assert found.noise.variance == pytest.approx(float(profile.misfit(best)) / 4, rel=1e-12)
    assert math.isnan(found.noise.p_value(profile, best, free=3))  # noise that is the misfit does not test it


def test_noise_of_shape_has_no_more_degrees_of_freedom_than_sizes_less_one():
    rng = np.random.default_rng(1)
    bend = (np.linspace(-0.1, 0.1, 5)[:, None] + 0.001 * rng.standard_normal((5, 4))).ravel()
    slopes = slopes_of(5, 4, bend=bend)
    noise = measured(slopes)[2].noise
    assert (noise.source, noise.dof) == ("seeds and shape", 4)
    kept = [0, 1, 4, 8, 12, 16]  # one size has two runs, the others one
    by_run = ("slope", "reducible", "horizon_tokens", "size_index", "bend")
    few = replace(slopes, **{name: getattr(slopes, name)[kept] for name in by_run})
    noise = measured(few)[2].noise
    assert (noise.source, noise.dof) == ("seeds and shape", 1)


@pytest.mark.parametrize("errors", [1, 2])
def test_a_region_rises_as_fishers_f_says(errors):
    """`k F_k(level)`: by simulation, the share of F-distributed ratios that it holds."""
    noise = Noise(source="seeds", variance=2.0, dof=8)
    rng = np.random.default_rng(0)
    ratio = rng.chisquare(errors, 200_000) / (rng.chisquare(8, 200_000) / 8)
    assert (2.0 * ratio <= noise.rise(errors, 0.9)).mean() == pytest.approx(0.9, abs=0.003)


@pytest.mark.parametrize("axis", [GAMMA, OFFSET])
def test_an_edge_is_where_the_misfit_has_risen(axis):
    profile = ErrorProfile(slopes_of(6, 4))
    best = profile.minimize((axis,))
    low, high = (edge(profile, best, axis, sign, rise=0.01) for sign in (-1, 1))
    assert low < best[axis] < high
    for end in (low, high):
        at = best * (1 - np.eye(2)[axis]) + end * np.eye(2)[axis]
        assert float(profile.misfit(at) - profile.misfit(best)) == pytest.approx(0.01, rel=2e-3)
    assert edge(profile, best, axis, 1, rise=math.inf) == math.inf
    assert edge(profile, best, axis, -1, rise=math.inf) == -math.inf


def test_a_contour_closes_where_its_ends_lie_within_the_search():
    profile, best, found = measured(slopes_of(6, 4))
    floor = float(profile.misfit(best))
    line, closed = contour(profile, best, floor + found.noise.rise(2, 0.9))
    assert closed
    np.testing.assert_array_equal(line[0], line[-1])
    np.testing.assert_allclose(profile.misfit(line), floor + found.noise.rise(2, 0.9), rtol=2e-3)
    endless, closed = contour(profile, best, 1e6)
    assert not closed
    np.testing.assert_allclose([endless.min(axis=0), endless.max(axis=0)], [LOWER, UPPER], atol=1e-6)


@pytest.mark.parametrize(("axis", "span", "fall", "rise"), [(OFFSET, 100.0, 0.25, 0.1), (GAMMA, 1.2, 30.0, 0.1)])
def test_a_contour_without_end_in_one_error_alone_is_open(axis, span, fall, rise):
    profile, best, _ = measured(slopes_of(6, 4, span=span, fall=fall))
    line, closed = contour(profile, best, float(profile.misfit(best)) + rise)
    ends = np.array([line.min(axis=0), line.max(axis=0)])
    assert not closed
    assert (np.abs(ends - [LOWER, UPPER]) < 1e-6).any(axis=0).tolist() == [axis == GAMMA, axis == OFFSET]


def test_one_error_alone_is_judged_with_two_free_numbers_and_an_interval_of_one():
    """Against the formulas: the error and the level are fitted, so sizes - 2 are left, and F has 1 above the line."""
    found = AdmittedErrors(slopes=slopes_of(5, 4), offset=0.0, level=0.8, resolution=0.05)
    profile = ErrorProfile(found.slopes)
    variance, dof = profile.seed_variance(profile.minimize((GAMMA, OFFSET)))
    for axis, error in ((GAMMA, found.gamma_alone), (OFFSET, found.offset_alone)):
        best = profile.minimize((axis,))
        misfit = float(profile.misfit(best))
        assert error.p_value == pytest.approx(stats.f.sf(misfit / 3 / variance, 3, dof), rel=1e-9)
        for end in (error.low, error.high):
            z = np.eye(2)[axis] * end / profile.scale[axis]
            assert float(profile.misfit(z)) - misfit == pytest.approx(variance * stats.f.ppf(0.8, 1, dof), rel=5e-3)


@pytest.mark.parametrize(("sizes", "seeds", "identified"), [(2, 3, False), (3, 3, True), (3, 1, False), (4, 1, True)])
def test_a_joint_answer_needs_three_sizes_and_a_measure_of_noise(sizes, seeds, identified):
    found = AdmittedErrors(slopes=slopes_of(sizes, seeds), offset=0.0, level=0.9, resolution=0.05)
    assert found.identified is identified
    assert (found.status == "not identified") is not identified


def test_what_is_known_beforehand_costs_as_much_as_noise():
    """At the edge of a region, noise known from many runs, from few and not at all."""
    many, few = (Noise(source="seeds", variance=2.0, dof=dof) for dof in (10**6, 5))
    assert many.price(0.9) == pytest.approx(2.0, rel=1e-4)
    assert few.price(0.9) * stats.chi2.ppf(0.9, 2) == pytest.approx(few.rise(2, 0.9))
    nothing = Noise(source="none", variance=math.nan, dof=0)
    assert nothing.price(0.9) == ROUND_OFF


def test_three_sizes_of_one_run_under_decay_say_what_each_error_would_be_alone():
    slopes = replace(slopes_of(3, 1), shape="common", noise_slope=1.0, noise_most=0.5)
    found = AdmittedErrors(slopes=slopes, offset=0.0, level=0.9, resolution=0.05)
    assert found.status == "not identified"
    assert np.isfinite([found.gamma_alone.estimate, found.offset_alone.estimate]).all()
    assert found.gamma_alone.low == -math.inf


def test_runs_without_noise_leave_that_of_round_off():
    assert measured(slopes_of(4, 2, noise=0.0))[2].noise.variance >= ROUND_OFF
