"""Injected errors come back; regions cover; a ladder that cannot tell says so."""

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical import read_curves
from scaling_collapse.theory import CurveSlopes, Ladder, LossCurve, admitted_errors, curve_slopes
from scaling_collapse.theory.ladder_errors.error_profile import ErrorProfile
from scaling_collapse.theory.ladder_errors.error_region import measure_noise

MU, NU, A, B, L0 = 0.5, 0.45, 1.3, 2.0, 1.5


def decayed(x):
    """A shape that is no power of x, 1 at the end: what a linear decay makes of one."""
    shape = (2 * x - x * x + 0.002) ** -MU + 0.2 * (1 - x)
    return shape / shape[-1]


def two_term_ladder(
    *, gamma_error=0.0, offset_error=0.0, span=30.0, sizes=8, seeds=1, persistent=0.0, fast=0.0, shape="power", rng=None
):
    """A ladder whose horizons and offset are wrong by fractions of gamma* and of the smallest reducible loss.

    Seeds differ by a factor on the reducible loss and, point by point, by fast noise that dies out where the
    schedule does. Returns the ladder, the offset in use and the two errors.
    """
    rng = np.random.default_rng(rng)
    gamma = NU / MU * (1 + gamma_error)
    p_ref = 1e6 * span**0.5
    kappa = (MU * A / (NU * B)) ** (1 / MU) * p_ref ** (NU / MU - gamma)  # compute-optimal at the middle size
    x = np.linspace(0.1, 1, 181)
    curves, ends = [], []
    for p in np.geomspace(1e6, 1e6 * span, sizes):
        horizon = kappa * p**gamma
        f = x**-MU if shape == "power" else decayed(x)
        reducible = A * horizon**-MU * f + B * p**-NU
        ends.append(reducible[-1])
        for seed in range(seeds):
            factor = np.exp(persistent * rng.standard_normal())
            ripple = 1 + fast * rng.standard_normal(x.size) * (1.0 if shape == "power" else 1 - x)
            loss = L0 + reducible * factor * ripple
            curves.append(LossCurve(run=f"{p:.6g}-{seed}", params=p, tokens=x * horizon, loss=loss, seed=seed))
    e = offset_error * min(ends)
    return Ladder(curves), L0 + e, gamma - NU / MU, e, min(ends)


@pytest.mark.parametrize("shape", ["power", "common"])
@pytest.mark.parametrize("offset_error", [0.0, 0.01, 0.05, -0.05])
@pytest.mark.parametrize("gamma_error", [0.0, 0.01, 0.05, -0.05])
def test_injected_errors_come_back_without_noise(gamma_error, offset_error, shape):
    ladder, offset, eps, e, smallest = two_term_ladder(gamma_error=gamma_error, offset_error=offset_error, shape=shape)
    found = admitted_errors(ladder, offset, shape=shape)
    assert found.gamma_error.estimate == pytest.approx(eps, abs=1e-6)
    assert found.offset_error.estimate == pytest.approx(e, abs=1e-6 * smallest)
    assert found.mu == pytest.approx(MU, abs=1e-8)
    assert found.status == "separable"
    if offset_error == 0:
        assert found.gamma_alone.estimate == pytest.approx(eps, abs=1e-6)
    if gamma_error == 0:
        assert found.offset_alone.estimate == pytest.approx(e, abs=1e-6 * smallest)


def test_slopes_obey_the_law_that_is_inverted():
    ladder, offset, eps, e, _ = two_term_ladder(gamma_error=0.05, offset_error=0.05)
    slopes = curve_slopes(ladder, offset)
    c = B / A * slopes.horizon_tokens**MU * slopes.sizes**-NU
    np.testing.assert_allclose(slopes.slope, (1 + e / slopes.reducible) / (1 + c), rtol=1e-12)
    # B / A at the horizon is c p^(mu eps)
    assert np.polyfit(np.log(slopes.sizes), np.log(c), 1)[0] == pytest.approx(MU * eps, rel=1e-9)


def test_horizons_rounded_to_steps_do_not_matter():
    ladder, offset, _, e, smallest = two_term_ladder(gamma_error=0.05, offset_error=0.05)
    rng = np.random.default_rng(0)
    rough = []
    for curve in ladder:
        horizon = curve.horizon_tokens * np.exp(0.02 * rng.standard_normal())
        x = np.linspace(0.1, 1, 100)
        loss = L0 + A * (x * horizon) ** -MU + B * curve.params**-NU
        rough.append(LossCurve(run=curve.run, params=curve.params, tokens=x * horizon, loss=loss))
    found = admitted_errors(Ladder(rough), offset)
    assert found.gamma - found.gamma_error.estimate == pytest.approx(NU / MU, abs=1e-6)
    assert found.offset_error.estimate == pytest.approx(e, abs=1e-6 * smallest)


def test_curves_that_go_on_past_a_horizon_between_points_are_read_at_the_fit():
    ladder, offset, eps, e, smallest = two_term_ladder(gamma_error=0.05, offset_error=0.05)
    x = np.linspace(0.1, 1.2, 24)  # x = 1 is no point, and the curve is not straight there
    coarse = []
    for c in ladder:
        t = x * c.horizon_tokens
        loss = L0 + A * t**-MU + B * c.params**-NU
        coarse.append(LossCurve(run=c.run, params=c.params, tokens=t, loss=loss, horizon_tokens=c.horizon_tokens))
    found = admitted_errors(Ladder(coarse), offset)
    assert found.gamma_error.estimate == pytest.approx(eps, abs=1e-6)
    assert found.offset_error.estimate == pytest.approx(e, abs=1e-6 * smallest)
    assert found.slopes.reducible.min() == pytest.approx(smallest - e, rel=1e-9)


@pytest.mark.parametrize(
    ("shape", "persistent", "fast", "errors"),
    [("power", 0.01, 0.01, (0.05, 0.05)), ("common", 0.01, 0.03, (0.05, -0.05))],
)
def test_ninety_percent_region_covers(shape, persistent, fast, errors):
    held = 0
    for draw in range(200):
        ladder, offset, eps, e, _ = two_term_ladder(
            gamma_error=errors[0],
            offset_error=errors[1],
            seeds=5,
            persistent=persistent,
            fast=fast,
            shape=shape,
            rng=draw,
        )
        # the horizons are compute-optimal and no noise decays: what covers exactly is the answer that knows it
        held += admitted_errors(ladder, offset, shape=shape, kappa_within=1, noise_within=0).contains(eps, e)
    assert 0.85 <= held / 200 <= 0.95


def test_region_is_the_set_that_contains_says():
    ladder, offset, _, _, _ = two_term_ladder(gamma_error=0.05, seeds=5, persistent=0.01, fast=0.01, rng=1)
    found = admitted_errors(ladder, offset)
    best = np.array([found.gamma_error.estimate, found.offset_error.estimate])
    for point in found.region[::10]:
        assert found.contains(*(best + 0.99 * (point - best)))
        assert not found.contains(*(best + 1.02 * (point - best)))
    # to hold one error takes less than to hold both
    low, high = found.region.min(axis=0), found.region.max(axis=0)
    for axis, error in enumerate((found.gamma_error, found.offset_error)):
        assert low[axis] < error.low < error.estimate < error.high < high[axis]
    # alone, either error is known several times better
    joint = found.gamma_error.high - found.gamma_error.low
    assert joint > 3 * (found.gamma_alone.high - found.gamma_alone.low)


def test_short_or_noisy_ladders_are_not_separable_but_bound_each_error_alone():
    short = two_term_ladder(gamma_error=0.05, span=3.0, seeds=5, persistent=0.01, fast=0.01, rng=2)
    noisy = two_term_ladder(gamma_error=0.05, seeds=5, persistent=0.02, fast=0.2, rng=2)
    clear = two_term_ladder(gamma_error=0.05, seeds=5, persistent=0.01, fast=0.002, rng=2)
    for ladder, offset, *_ in (short, noisy):
        found = admitted_errors(ladder, offset)
        assert found.status == "not separable"
        assert "cannot tell the two apart" in found.summary()
        for alone in (found.gamma_alone, found.offset_alone):
            assert np.isfinite([alone.low, alone.high]).all()
    assert admitted_errors(clear[0], clear[1]).status == "separable"


def test_separable_takes_an_error_that_is_excluded_or_a_small_region():
    wide = two_term_ladder(gamma_error=0.4, offset_error=0.4, seeds=5, persistent=0.01, fast=0.05, rng=0)
    found = admitted_errors(wide[0], wide[1])
    assert found.gamma_error.high - found.gamma_error.low > 0.1  # far from sharp, but neither error alone will do
    assert found.status == "separable"
    sharp = two_term_ladder(seeds=5, persistent=0.01, fast=0.002, rng=0)
    assert admitted_errors(sharp[0], sharp[1]).contains(0.0, 0.0)
    assert admitted_errors(sharp[0], sharp[1]).status == "separable"
    assert admitted_errors(sharp[0], sharp[1], resolution=1e-6).status == "not separable"


def test_a_region_without_end_is_not_separable_and_says_no_limit():
    endless = two_term_ladder(gamma_error=0.5, offset_error=0.5, seeds=5, persistent=0.01, fast=0.1, rng=0)
    found = admitted_errors(endless[0], endless[1])
    assert not found.contains(0.0, found.offset_alone.estimate)
    assert not found.contains(found.gamma_alone.estimate, 0.0)
    assert not found.bounded
    assert found.offset_error.high == np.inf
    assert "no limit" in found.summary()
    assert found.status == "not separable"


def test_difference_of_shape_between_sizes_is_seen_and_widens_the_intervals():
    ladder, offset, *_ = two_term_ladder(seeds=5, persistent=0.01, fast=0.002, shape="common", rng=3)
    curves = [
        LossCurve(
            run=c.run,
            params=c.params,
            tokens=c.tokens,
            seed=c.seed,
            # the larger the model, the more its curve bends
            loss=c.loss + 0.02 * (c.loss[0] - L0) * np.log(c.params / 5e6) * np.log(c.tokens / c.horizon_tokens) ** 2,
        )
        for c in ladder
    ]
    clean, bent = (admitted_errors(family, offset, shape="common") for family in (ladder, Ladder(curves)))
    assert clean.noise == "seeds"
    assert clean.shape_p > 0.01
    assert bent.noise in ("seeds and shape", "sizes")
    assert bent.shape_p < 1e-6
    assert bent.gamma_alone.high - bent.gamma_alone.low > 2 * (clean.gamma_alone.high - clean.gamma_alone.low)


def test_shape_variance_is_that_of_a_mean_of_independent_parts():
    rng = np.random.default_rng(6)
    sizes, seeds, weight = 2000, 5, 0.7
    early, late = 0.02 * rng.standard_normal((2, sizes, 1)) + 0.01 * rng.standard_normal((2, sizes, seeds))
    slopes = CurveSlopes(
        slope=np.ones(sizes * seeds),
        reducible=np.ones(sizes * seeds),
        horizon_tokens=np.ones(sizes * seeds),
        sizes=np.arange(1.0, sizes + 1),
        size_index=np.repeat(np.arange(sizes), seeds),
        mu=0.5,
        shape="common",
        bend=(early - late).ravel(),
        early_weight=weight,
    )
    variance, p_value = ErrorProfile(slopes).shape_variance()
    whole = weight * early.mean(axis=1) + (1 - weight) * late.mean(axis=1)
    seeds_alone = 0.01**2 * (weight**2 + (1 - weight) ** 2)
    assert variance + seeds_alone == pytest.approx(seeds * whole.var(ddof=1), rel=0.08)
    assert p_value < 1e-10
    noise, _, _ = measure_noise(ErrorProfile(slopes), np.zeros(2))
    assert noise.source == "seeds and shape"
    assert noise.variance == pytest.approx(variance, rel=1e-9)  # these slopes have no seed noise of their own


def test_slopes_that_no_pair_of_errors_makes_are_not_explained():
    ladder, offset, *_ = two_term_ladder(seeds=5, persistent=0.01, fast=0.002, rng=4)
    index = ladder.size_index
    zigzag = [
        LossCurve(
            run=c.run, params=c.params, tokens=c.tokens, seed=c.seed, loss=c.loss[-1] + (c.loss - c.loss[-1]) * factor
        )
        for c, factor in zip(ladder, 1 + 0.03 * (-1.0) ** index, strict=True)
    ]
    found = admitted_errors(Ladder(zigzag), offset)
    assert found.status == "not explained"
    assert found.noise == "sizes"


def test_too_few_sizes_are_not_identified_but_bound_each_error_alone():
    ladder, offset, eps, *_ = two_term_ladder(gamma_error=0.05, sizes=2, seeds=5, persistent=0.01, fast=0.002, rng=5)
    found = admitted_errors(ladder, offset)
    assert found.status == "not identified"
    assert found.gamma_error.high == np.inf
    assert found.region.size == 0
    assert found.gamma_alone.low < eps < found.gamma_alone.high
    single = two_term_ladder(gamma_error=0.05, sizes=3, rng=5)
    assert admitted_errors(single[0], single[1]).noise == "none"


def test_known_mu_is_used():
    ladder, offset, *_ = two_term_ladder(gamma_error=0.05)
    assert admitted_errors(ladder, offset, mu=0.4).mu == 0.4
    assert abs(admitted_errors(ladder, offset, mu=0.4).gamma_error.estimate - 0.045) > 1e-4


@pytest.mark.published
@pytest.mark.parametrize(
    ("name", "offset", "gamma_within"),
    [("cifar5m", 3.1334, 0.2), ("chess", 0.5428, 0.4), ("mlp", 0.0012, 0.2)],
)
def test_published_ladders_are_not_separable_but_bound_each_error_alone(published, name, offset, gamma_within):
    """The interval of gamma was 0.11 wide for chess while its horizons counted as compute-optimal for sure."""
    ladder = read_curves(published(f"qiu_{name}_linear"))
    found = admitted_errors(ladder, offset, shape="common")
    assert found.status == "not separable"
    pairs = ((found.gamma_alone, found.gamma, gamma_within), (found.offset_alone, found.slopes.reducible.min(), 0.2))
    for alone, unit, within in pairs:
        assert abs(alone.estimate) < 0.1 * unit
        assert alone.high - alone.low < within * unit
    assert found.shape_p < 1e-3  # the sizes' curves differ in shape, which neither error can do


def off_ladder(*, short=1.0, share=0.0, gamma_error=0.1, seeds=5, rng=0):
    """A decayed ladder whose horizons are `short` times too short, LR noise being a share of the loss at mid curve."""
    rng = np.random.default_rng(rng)
    gamma = NU / MU * (1 + gamma_error)
    kappa = (MU * A / (NU * B)) ** (1 / MU) * (1e6 * 30**0.5) ** (NU / MU - gamma) / short
    x = np.linspace(0.1, 1, 181)
    curves = []
    for p in np.geomspace(1e6, 3e7, 8):
        horizon = kappa * p**gamma
        clean = A * horizon**-MU * decayed(x) + B * p**-NU
        for seed in range(seeds):
            factor = np.exp(0.01 * rng.standard_normal()) * (1 + 0.01 * (1 - x) * rng.standard_normal(x.size))
            loss = L0 + clean * (1 + share / (1 - share) * 2 * (1 - x)) * factor
            curves.append(LossCurve(run=f"{p:.6g}-{seed}", params=p, tokens=x * horizon, loss=loss, seed=seed))
    return Ladder(curves), gamma - NU / MU


@pytest.mark.parametrize(("short", "share"), [(2, 0), (4, 0), (8, 0), (0.25, 0), (1, 0.05), (1, 0.15)])
def test_an_error_of_gamma_is_admitted_whatever_kappa_and_lr_noise_are(short, share):
    """Taken for a compute-optimal ladder without LR noise, each of these is sure of another error."""
    ladder, eps = off_ladder(short=short, share=share)
    found, sure = (
        admitted_errors(ladder, L0, shape="common", **known) for known in ({}, {"kappa_within": 1, "noise_within": 0})
    )
    assert not sure.gamma_alone.low < eps < sure.gamma_alone.high
    assert found.gamma_alone.low < eps < found.gamma_alone.high
    assert found.gamma_error.low < eps < found.gamma_error.high
    assert found.contains(eps, 0.0)
    assert found.gamma_alone.low > 0  # that gamma is too large shows all the same


def test_the_error_of_the_offset_alone_rests_on_neither_kappa_nor_lr_noise():
    ladder, _ = off_ladder(short=4, share=0.15, gamma_error=0.0)
    found, sure = (
        admitted_errors(ladder, L0 - 1e-5, shape="common", **known)
        for known in ({}, {"kappa_within": 1, "noise_within": 0})
    )
    for name in ("estimate", "low", "high"):
        assert getattr(found.offset_alone, name) == pytest.approx(getattr(sure.offset_alone, name), rel=0.02)
    assert found.offset_alone.low < -1e-5 < found.offset_alone.high


def test_horizons_too_short_and_lr_noise_change_no_answer_at_constant_rate():
    """The shape `x^-mu` sets the scale of slopes, so that shares are fitted; noise at a constant rate is a factor."""
    answers = []
    for factor in (1.0, 1.2):
        ladder, offset, *_ = two_term_ladder(gamma_error=0.05, seeds=3, persistent=0.01, fast=0.002, rng=1)
        noisy = [
            LossCurve(run=c.run, params=c.params, tokens=c.tokens, seed=c.seed, loss=L0 + (c.loss - L0) * factor)
            for c in ladder
        ]
        answers.append(admitted_errors(Ladder(noisy), offset).gamma_error)
    assert answers[0].low == pytest.approx(answers[1].low, rel=1e-4)
    assert answers[0].high == pytest.approx(answers[1].high, rel=1e-4)


def flat(run, params, horizon, loss=(3.0, 2.9, 2.8, 2.7)):
    return LossCurve(run=run, params=params, tokens=np.linspace(0.05, 1, len(loss)) * horizon, loss=loss)


RISING = (2.0, 2.2, 2.3, 2.4, 2.5, 2.6)
FALLING = (3.0, 2.6, 2.4, 2.3, 2.25, 2.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: curve_slopes(Ladder([flat("a", 1, 1)]), 0.0), r"needs at least 2 sizes; got 1 \(params=1\)"),
        (lambda: curve_slopes(two_term_ladder()[0], 0.0, x_from=1.5), r"needs `x_from` between 0 and 1; got 1.5"),
        (lambda: curve_slopes(two_term_ladder()[0], 0.0, mu=-1), r"needs `mu` > 0; got -1"),
        (lambda: curve_slopes(two_term_ladder()[0], 9.0), r"needs an offset below every final loss; got offset 9"),
        (lambda: curve_slopes(two_term_ladder()[0], 0.0, shape="x"), r"needs `shape` 'power' or 'common'; got 'x'"),
        (
            lambda: curve_slopes(Ladder([flat("a", 1, 1), flat("b", 2, 2)]), 0.0, x_from=0.5),
            r"needs at least 4 points of each run from x = 0.5 to 1; got fewer",
        ),
        (
            lambda: curve_slopes(Ladder([flat("a", 1, 1, RISING), flat("b", 2, 2, FALLING)]), 0.0, mu=0.5),
            r"needs losses that fall from x = 0.1 to the horizon.*for run 'a'",
        ),
        (
            lambda: curve_slopes(Ladder([flat("a", 1, 1), flat("b", 2, 2)]), 0.0, shape="common", x_from=0.01),
            r"needs every run logged from x = 0.01 on; got a first point at x = 0.05 for run 'a'",
        ),
        (
            lambda: curve_slopes(Ladder([flat("a", 1, 2), flat("b", 2, 2)]), 0.0, shape="common"),
            r"needs horizons that differ between sizes; got one horizon",
        ),
        (lambda: admitted_errors(two_term_ladder()[0], 0.0, level=90), r"needs `level` between 0 and 1; got 90"),
        (lambda: admitted_errors(two_term_ladder()[0], 0.0, kappa_within=0.1), r"needs `kappa_within` >= 1; got 0.1"),
        (lambda: admitted_errors(two_term_ladder()[0], 0.0, noise_within=20), r"needs `noise_within` from 0 to 0.5"),
        (
            lambda: admitted_errors(Ladder([flat("a", 1, 2, FALLING), flat("b", 2, 1, FALLING)]), 0.0, mu=0.5),
            r"needs horizons that grow with size; got t\* ~ p\^-1",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(("fan", "inside"), [(0.01, True), (-0.03, True), (0.1, False), (-0.1, False)])
def test_the_end_of_the_search_is_no_estimate(fan, inside):
    # Each size's share of the data term differs from the last one's by `fan`, too much for an exponent to make of it.
    x, curves = np.linspace(0.1, 1, 181), []
    for i, p in enumerate(np.geomspace(1e6, 6e6, 6)):
        share = 0.5 + fan * (i - 2.5)
        loss = p**-NU * (share * x**-MU + 1 - share)
        curves.append(LossCurve(run=f"{p:g}", params=p, tokens=x * p, loss=loss))
    assert admitted_errors(Ladder(curves), 0.0, shape="common", mu=MU).gamma_alone_is_inside is inside
