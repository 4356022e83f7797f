"""What sizes look like: how steep their curves are, their drift, the pattern of who differs, and noise that grows."""

import math
import statistics
from dataclasses import replace

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from synthetic import law_ladder

from scaling_collapse.empirical import measure_collapse
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.empirical.collapse.evidence import evidence_at, widened
from scaling_collapse.empirical.collapse.noise_growth import LOUD, noise_growth
from scaling_collapse.empirical.collapse.size_pattern import size_pattern
from scaling_collapse.empirical.collapse.size_trend import line_through
from scaling_collapse.empirical.collapse.steepness import SizeMeans, Steepness, of_sizes, steepness, usual_variance
from scaling_collapse.theory import Ladder, LossCurve

X = np.linspace(0.1, 1.0, 61)


def two_powers(*, error, mu=0.5, nu=0.4, span=4.0, sizes=5, L0=1.0):
    """Exact `L0 + t^-mu + b p^-nu` with horizons `p^(gamma* (1 + error))`, balanced at the middle size."""
    p = np.geomspace(span**-0.5, span**0.5, sizes)
    horizons = p ** (nu / mu * (1 + error))

    def run(p, horizon):
        t = horizon * np.linspace(0.01, 1, 2000)
        return LossCurve(
            run=f"{p}", params=1e6 * p, tokens=t, loss=L0 + t**-mu + mu / nu * p**-nu, horizon_tokens=horizon
        )

    return Ladder(map(run, p, horizons))


def test_slope_and_bend_are_least_squares_run_by_run():
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(4), (2, 3, 2, 3))
    l = 1 + rng.uniform(0.5, 2, (10, 1)) * (X ** -rng.uniform(0.3, 0.7, (10, 1)) - 1)
    found, runs = steepness(X, l, index), naive.steepness(X, l, index)
    for values, column in ((found.slope, runs[:, 0]), (found.bend, runs[:, 1])):
        assert values.mean == pytest.approx([statistics.fmean(column[index == s]) for s in range(4)])
        assert values.dof == 6
    assert np.isnan(steepness(X, l[[0, 2, 5, 7]], np.arange(4)).slope.error).all()


def test_a_curve_that_falls_more_is_steeper_and_not_bent():
    fall = np.array([1.0, 1.1, 0.9])
    found = steepness(X, 1 + fall[:, None] * (X**-0.5 - 1), np.arange(3))
    assert found.slope.mean == pytest.approx(np.log(fall))
    assert found.bend.mean == pytest.approx(np.zeros(3), abs=1e-12)


def test_errors_of_sizes_come_from_what_is_usual_or_from_their_own_scatter():
    seeds = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    values = np.concatenate([1 + seeds, 2 + 2 * seeds, 3 + seeds, 5 + 30 * seeds])
    found = of_sizes(values, np.repeat(np.arange(4), 5))
    usual = 0.025 * (1 + 4 + 1) / 3  # pooled without the size that scatters like no other, which has its own
    assert found.mean == pytest.approx([1, 2, 3, 5])
    assert found.error == pytest.approx(np.sqrt(np.array([usual, usual, usual, 0.025 * 900]) / 5))
    assert found.dof == 16


@pytest.mark.parametrize("counts", [(3, 3, 3), (2, 3, 5, 4), (2, 2)])
def test_the_usual_variance_is_right_at_the_median(counts):
    rng = np.random.default_rng(sum(counts))
    own = np.stack([rng.standard_normal((20000, n)).var(axis=1, ddof=1) for n in counts], axis=1)
    found = usual_variance(own, np.array(counts))
    exact = found.mean() if len(counts) == 2 else np.median(found)
    assert exact == pytest.approx(1.0, abs=0.07)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=9), st.integers(0, 99))
def test_the_line_is_that_of_the_standard_library(noise, seed):
    rng = np.random.default_rng(seed)
    z, error = np.cumsum(rng.uniform(0.5, 2, len(noise))), rng.uniform(0.5, 2, len(noise))
    y = 0.7 * z + np.array(noise)
    line = line_through(z, SizeMeans(mean=y, error=error, dof=1000))
    assert line.slope == pytest.approx(statistics.linear_regression(z, y).slope, abs=1e-9)
    away = z - z.mean()
    from_seeds = math.sqrt(away**2 @ error**2) / (away @ away)
    result = stats.linregress(z, y)
    F = (y - result.intercept - result.slope * z) @ (y - result.intercept - result.slope * z)
    F /= (z.size - 2) * (error**2).mean()
    scattered = stats.f.sf(F, z.size - 2, 1000) < 0.01
    assert line.error == pytest.approx(max(result.stderr, from_seeds) if scattered else from_seeds, rel=1e-6)
    assert line.dof == (z.size - 2 if scattered else 1000)
    one = line_through(z, SizeMeans(mean=y, error=np.full(z.size, math.nan), dof=0))
    assert (one.slope, one.error) == pytest.approx((line.slope, result.stderr), abs=1e-7)
    assert one.dof == z.size - 2


def test_sizes_that_scatter_about_their_line_widen_its_error():
    z = np.arange(6.0)
    quiet, loud = (
        line_through(z, SizeMeans(mean=z + amount * np.array([1, -1, 1, 1, -1, 1]), error=np.full(6, 0.1), dof=20))
        for amount in (0.05, 1.0)
    )
    assert (quiet.dof, loud.dof) == (20, 4)
    assert loud.error == pytest.approx(loud.scatter / math.sqrt(17.5))
    assert loud.t == loud.slope / loud.error


@pytest.mark.parametrize(("mu", "nu"), [(0.5, 0.4), (0.3, 0.5), (0.6, 0.6)])
@pytest.mark.parametrize("error", [0.02, -0.03, 0.05])
def test_the_drift_gives_the_error_of_the_horizons(mu, nu, error):
    found, half = (
        evidence_at(curves_on_grid(two_powers(error=e, mu=mu, nu=nu), None), 1.0).trend.gamma_error
        for e in (error, error / 2)
    )
    assert found == pytest.approx(error, abs=2.5 * error**2)
    assert abs(half / (error / 2) - 1) < 0.6 * abs(found / error - 1) + 1e-3  # what remains is of second order


def test_a_right_horizon_has_no_drift_and_its_exponent_is_the_law_s():
    trend = evidence_at(curves_on_grid(two_powers(error=0.0), None), 1.0).trend
    assert trend.gamma_error == pytest.approx(0.0, abs=1e-4)
    assert trend.exponent == pytest.approx(0.4 / 1.8, rel=1e-4)  # R ~ p^-nu, C ~ p^(1 + gamma)
    assert np.abs(trend.slope_of_curve).max() < 1e-4


def test_the_slope_of_the_curve_is_that_of_its_logarithm():
    curves = curves_on_grid(two_powers(error=0.2), None)
    found = evidence_at(curves, 1.0)
    ln_l = np.log((curves.L - 1) / (curves.L[:, -1:] - 1))
    expected = [statistics.linear_regression(curves.log_p, column).slope for column in ln_l.T]
    np.testing.assert_allclose(found.trend.slope_of_curve, expected, atol=1e-12)
    assert np.isfinite(found.trend.t)  # one seed a size: from the scatter about the line
    assert found.trend.dof == 3


def test_nothing_is_said_of_horizons_where_losses_do_not_fall():
    x = np.linspace(0.01, 1, 50)
    sizes = (1e6, 2e6, 4e6, 8e6)
    ladder = Ladder(LossCurve(run=f"{p}", params=p, tokens=x * p, loss=1 + x**-0.5 * p**0.1) for p in sizes)
    trend = evidence_at(curves_on_grid(ladder, None), 1.0).trend
    assert trend.exponent < 0
    assert np.isnan([trend.gamma_error, *trend.gamma_interval]).all()


def shape(slope, bend=None, *, error=0.005, dof=24):
    def values(mean):
        return SizeMeans(mean=np.asarray(mean, float), error=np.full(len(mean), error if dof else math.nan), dof=dof)

    return Steepness(slope=values(slope), bend=values(np.zeros(len(slope)) if bend is None else bend))


Z = np.linspace(0, 3.4, 6)
WIGGLE = 0.003 * np.array([1, -1, -1, 1, 1, -1])


@pytest.mark.parametrize("dof", [24, 0])
@pytest.mark.parametrize(
    ("slope", "bend", "kind", "sizes"),
    [
        (0 * Z, None, "agree", ()),
        (0.1 * Z, None, "trend", ()),
        (-0.1 * Z, None, "trend", ()),
        (np.array([0, 0, 0.3, 0, 0, 0]), None, "size", (2,)),
        (np.array([0, 0, 0, 0, 0, -0.3]), None, "size", (5,)),
        (np.array([0, 0, 0, 0, 0.3, 0.3]), None, "several", (4, 5)),
        (np.array([-0.3, -0.3, 0, 0, 0, 0]), None, "several", (0, 1)),
        (0 * Z, np.array([0, 0, 0, 0.3, 0, 0]), "size", (3,)),
    ],
)
def test_every_pattern_is_found_where_it_is_clean(slope, bend, kind, sizes, dof):
    found = size_pattern(Z, shape(slope + WIGGLE, bend, dof=dof))
    if kind == "several" and not dof:  # two of six sizes without seeds: the scatter could be as large
        kind, sizes = "agree", ()
    assert (found.kind, found.sizes) == (kind, sizes)
    assert found.confidence > 0.4
    if kind == "trend":
        assert found.shift == pytest.approx(slope[1] / Z[1], rel=0.1)
    if kind in ("size", "several") and bend is None:
        assert found.shift == pytest.approx(slope[list(sizes)].mean(), rel=0.1)
        assert found.share > 0.9
    if bend is not None:
        assert found.bend == pytest.approx(0.3, rel=0.1)
        if dof:
            assert found.bend_error == pytest.approx(math.hypot(0.005, 0.01) * math.sqrt(6 / 5), rel=1e-6)


def test_differences_within_their_errors_are_no_pattern():
    rng = np.random.default_rng(0)
    kinds = [
        size_pattern(Z, shape(0.02 * rng.standard_normal(6), 0.02 * rng.standard_normal(6), error=0.02)).kind
        for _ in range(200)
    ]
    assert kinds.count("agree") >= 180


def grown(factors, *, seeds=5, rng=0, points=True, fall=1.0):
    """Normalized curves whose noise is 1 % times the factor of their size, and what `noise_growth` says of them."""
    rng = np.random.default_rng(rng)
    index = np.repeat(np.arange(len(factors)), seeds)
    each = np.asarray(factors)[index, None]
    l = X**-0.5 * np.exp(0.003 * (each if points else 1) * rng.standard_normal((index.size, X.size)))
    lasting = np.exp(0.01 * each * rng.standard_normal((index.size, 1)))
    R = l * lasting
    sigma = np.stack([
        R[index == s].std(axis=0, ddof=1) / R[index == s].mean(axis=0) if seeds > 1 else np.full(X.size, math.nan)
        for s in range(len(factors))
    ])  # fmt: skip
    log_p = np.linspace(0, 3.4, len(factors))
    return noise_growth(l, sigma, index, log_p, -math.log(fall) * log_p / 3.4)


def test_noise_that_grows_is_seen_and_how_much():
    found = grown(np.geomspace(1, 8, 6))
    assert found.growth == pytest.approx(8, rel=0.4)
    assert found.t > LOUD
    assert grown(np.geomspace(1, 8, 6), seeds=1).growth == pytest.approx(8, rel=0.3)
    assert np.isnan(grown(np.ones(6), seeds=1).sigma).all()


def test_noise_of_the_evaluation_grows_beside_a_loss_that_falls_and_is_nobody_s_fault():
    """Relative to a reducible loss that falls by 8, noise that is the same in units of the loss grows by 8."""
    found = [grown(np.geomspace(1, 8, 6), fall=fall) for fall in (1.0, 4.0, 8.0)]
    assert [f.grows for f in found] == [True, True, False]
    assert [f.in_loss for f in found] == pytest.approx([found[0].growth, found[0].growth / 4, found[0].growth / 8])
    far = [grown([1, 1, 1, 1, 1, 6], fall=fall, points=False).loud for fall in (1.0, 400.0)]
    assert far == [5, None]


@pytest.mark.parametrize("seeds", [1, 5])
def test_a_healthy_ladder_whose_losses_are_all_read_with_the_same_noise_is_not_sick(seeds):
    rng = np.random.default_rng(seeds)
    ladder = law_ladder(sizes=7, seeds=seeds, span=1000.0, b=0.3, noise=1e-3, points=200)
    least = min(c.horizon_loss for c in ladder) - 2.0
    noisy = Ladder([replace(c, loss=c.loss + 0.01 * least * rng.standard_normal(c.loss.size)) for c in ladder])
    report = measure_collapse(noisy, offset=2.0, draws=100)
    assert report.evidence.growth.growth > 6
    assert report.verdict in ("collapse", "supercollapse", "undecided")
    assert not any(c.cause == "rate" for c in report.culprits)


def test_even_noise_does_not_grow():
    found = [grown(np.ones(6), rng=seed) for seed in range(100)]
    assert sum(f.t > LOUD and f.growth > LOUD for f in found) == 0
    assert sum(f.loud is not None for f in found) == 0
    assert np.median([f.growth for f in found]) == pytest.approx(1, abs=0.3)


def test_one_loud_size_is_named():
    found = grown([1, 1, 10, 1, 1, 1], points=False)
    assert found.loud == 2
    assert found.times == pytest.approx(10, rel=0.6)
    assert int(found.loudness.argmax()) == 2
    assert found.loudness[2] == pytest.approx(found.times)
    two = grown([1, 30], points=False)
    assert (two.loud, two.t) == (None, 0.0)  # two sizes do not say which is usual


def test_an_interval_is_widened_in_squares_and_stays_where_nothing_moves():
    assert widened(1.0, (0.6, 1.3), [0.7, 1.4]) == pytest.approx((0.5, 1.5))
    assert widened(1.0, (0.6, 1.3), [1.4]) == pytest.approx((0.6, 1.5))
    assert widened(1.0, (0.6, 1.3), [math.nan]) == (0.6, 1.3)
    assert np.isnan(widened(1.0, (math.nan, math.nan), [2.0])).all()
