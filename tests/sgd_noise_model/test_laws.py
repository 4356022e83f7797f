"""Schedule laws: gradients, histories of the rate, published recursions, the trunk, and fits that find the truth."""

import importlib.util
import math
from dataclasses import fields, replace
from pathlib import Path

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_collapse import InputError
from scaling_collapse.sgd_noise_model.laws import LAWS
from scaling_collapse.sgd_noise_model.laws.law_solution import solve_law
from scaling_collapse.sgd_noise_model.laws.momentum import decay_factor
from scaling_collapse.sgd_noise_model.laws.rates import Rates, Units, rates_of
from scaling_collapse.sgd_noise_model.laws.relaxation import relaxed
from scaling_collapse.sgd_noise_model.laws.trunk import build_trunk, need_trunk, smooth
from scaling_collapse.theory import LossCurve

UNITS = Units(eta=1e-3, tau=1000.0)
T = np.linspace(10.0, 1000.0, 100)
SCHEDULES = {
    "constant": np.ones(T.size),
    "linear": 1 - T / 1000,
    "cosine": 0.55 + 0.45 * np.cos(np.pi * T / 1000),
    "step": np.where(T < 400, 1.0, np.where(T < 700, 0.3, 0.05)),
    "back up": np.where((T > 300) & (T < 500), 0.2, 1.0),
    "cyclic": 0.6 + 0.4 * np.abs(1 - (T / 125) % 2) - 0.4 * (T > 600),
    "warm-up and decay": np.minimum(np.minimum(T / 150, 1.0), 0.1 + 0.9 * (1000 - T) / 300),
}
SIZES = (1e6, 4e6)


def _rates(s, t=T, units=UNITS, **more):
    return rates_of("run", more.pop("params", SIZES[0]), t, np.asarray(s) * units.eta, units, **more)


def _noise(t=T):
    return 0.3 * (t / 1000) ** -0.2


@pytest.fixture(scope="module")
def trunk():
    """Two sizes on L = 3 p^-0.02 z^-0.1 and Tr Sigma = p^0.05 z^-0.2 / 3, so that every way between them is known."""
    curves = [
        LossCurve(
            run=f"constant-{p:g}", params=p, tokens=T, lr=np.full(T.size, UNITS.eta),
            loss=3 * p**-0.02 * _rates(SCHEDULES["constant"]).z[1:] ** -0.1,
            noise_trace=p**0.05 * _rates(SCHEDULES["constant"]).z[1:] ** -0.2 / 3,
        )
        for p in SIZES
    ]  # fmt: skip
    return build_trunk(curves, [_rates(SCHEDULES["constant"], params=c.params) for c in curves])


def _law(name, trunk):
    kind = LAWS[name]
    return kind(UNITS, trunk) if kind.needs_trunk else kind(UNITS)


@pytest.fixture(params=sorted(LAWS))
def law(request, trunk):
    """Every law in turn."""
    return _law(request.param, trunk)


def _prepared(law, name, **more):
    return law.prepare(_rates(SCHEDULES[name], noise_trace=_noise() if law.hindsight else None, **more))


def _central(function, x, h=1e-5):
    """Derivatives of a vector by each coordinate, shape (n, k)."""
    steps = h * np.eye(x.size)
    return np.stack([(function(x + e) - function(x - e)) / (2 * h) for e in steps], axis=1)


# Gradients


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_gradients_are_those_of_the_losses(law, schedule):
    prepared = _prepared(law, schedule)
    rng = np.random.default_rng(1)
    for start in law.starts(2.0):
        theta = start + rng.uniform(-0.6, 0.6, start.size)
        loss, gradient = law.losses(theta, prepared)
        assert loss.shape == T.shape
        assert gradient.shape == (T.size, len(law.parameters))
        assert np.isfinite(loss).all()
        central = _central(lambda x: law.losses(x, prepared)[0], theta)
        np.testing.assert_allclose(gradient, central, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"noise"}))  # which needs a trace, at a time after 0
def test_one_point_at_time_0_is_a_run(name, trunk):
    law = _law(name, trunk)
    loss, gradient = law.losses(law.starts(2.0)[0], law.prepare(_rates([1.0], [0.0])))
    assert loss.shape == (1,)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["momentum", "noise", "one-power", "response", "traced-response"])
def test_a_constant_rate_gives_the_trunk_alone(name, trunk):
    law = _law(name, trunk)
    theta = law.starts(2.0)[0]
    loss, _ = law.losses(theta, _prepared(law, "constant"))
    z = _rates(SCHEDULES["constant"]).z[1:]
    L0, A, a = np.exp(theta[:3]) if not law.needs_trunk else (0.0, 0.0, 0.0)
    alone = trunk.loss(SIZES[0], z) if law.needs_trunk else L0 + A * z**-a
    np.testing.assert_allclose(loss, alone, rtol=1e-12)


def test_a_constant_rate_tends_to_the_peak_in_the_multi_power_law():
    """Warm-up counts as a rise from 0: the asymptote is L0 + B eta_peak."""
    law = LAWS["multi-power"](UNITS)
    theta = np.array([*np.log([2.0, 0.3, 0.5, 0.2, 1e6, 2.0]), 0.5])
    loss, _ = law.losses(theta, _prepared(law, "constant"))
    z = _rates(SCHEDULES["constant"]).z[1:]
    np.testing.assert_allclose(loss[1:], (2.0 + 0.3 * z**-0.5 + 0.2)[1:], atol=1e-6)


# The history of the rate


def test_warm_up_that_was_not_logged_rises_from_zero():
    r = _rates(SCHEDULES["constant"])
    assert (r.first, r.warm, r.tokens[0], r.after[0]) == (1, 1, 0.0, 0.0)
    assert r.tau[1] == pytest.approx(5.0)  # half of the first 10
    assert r.tau[-1] == pytest.approx(995.0)
    assert r.z[-1] == pytest.approx(0.995)
    assert r.constant
    assert not r.decayed.any()
    assert (r.deficit_before == 0).all()
    assert (r.deficit_after == 0).all()


def test_a_log_from_time_0_needs_no_further_knot():
    t = np.arange(11.0)
    r = _rates(np.ones(11), t)
    assert (r.first, r.warm) == (0, 0)
    np.testing.assert_allclose(r.tau, t)
    rising = _rates(t / 10, t)
    assert (rising.first, rising.warm) == (0, 10)
    np.testing.assert_allclose(rising.tau, t**2 / 20)
    assert rising.constant  # it ends as warm-up ends


def test_warming_up_is_no_decay():
    r = _rates(SCHEDULES["warm-up and decay"])
    assert r.tokens[r.warm] == 150
    assert (r.deficit_before[: r.warm + 1] == 0).all()
    began = T[r.decayed][0]
    assert began == pytest.approx(710)
    assert not r.constant
    lower = _rates(np.minimum(T / 150, 1.0) / 2)
    np.testing.assert_allclose(lower.deficit_before, 0.5)  # below the reference from its first step
    assert not lower.constant
    assert not lower.decayed.any()


def test_a_logged_warm_up_may_begin_at_zero_or_pause():
    t = np.arange(10.0, 1001.0, 10.0)
    s = np.minimum((t - 10) / 200, 1.0)
    assert rates_of("r", 1.0, t, s, Units(1.0, 1000.0)).tokens[rates_of("r", 1.0, t, s, Units(1.0, 1000.0)).warm] == 210
    s[5:8] = s[5]
    rates = rates_of("r", 1.0, t, s, Units(1.0, 1000.0))
    assert rates.tokens[rates.warm] == 210
    assert rates.constant


def test_a_rate_logged_with_a_loss_acts_after_it():
    r = _rates(SCHEDULES["step"])
    at = int(np.flatnonzero(r.tokens == 400)[0])
    assert (r.before[at], r.after[at], r.before[at + 1]) == (1.0, 0.3, 0.3)
    assert (r.deficit_before[at], r.deficit_after[at]) == (0.0, 0.7)
    assert r.tau[at] - r.tau[at - 1] == pytest.approx(10.0)  # the old rate up to the knot
    assert r.tau[at + 1] - r.tau[at] == pytest.approx(3.0)
    assert r.tau[-1] == pytest.approx(395 + 0.3 * 300 + 0.05 * 300)
    # A smooth slide is no jump, however steep.
    slide = _rates(np.interp(T, [0, 400, 450, 1000], [1, 1, 0.1, 0.1]))
    assert (slide.before == slide.after).all()
    assert slide.tau[-1] == pytest.approx(395 + 0.55 * 50 + 0.1 * 550)


def test_gaps_in_the_log_of_rates_are_straight_lines():
    s = SCHEDULES["linear"].copy()
    s[5:30] = np.nan
    full = _rates(SCHEDULES["linear"])
    np.testing.assert_allclose(_rates(s).tau, full.tau, rtol=1e-12)


def test_rates_that_no_law_can_read_are_refused_by_name():
    with pytest.raises(InputError, match=r"learning rates in column `lr`; got none for run 'run'\. Add"):
        _rates(np.full(T.size, np.nan))
    with pytest.raises(InputError, match=r"learning rates >= 0; got -0\.0005 in run 'run'"):
        _rates(np.where(T < 500, 1.0, -0.5))


# Memory


def _path(rng, n):
    """A piecewise linear deficit with jumps over a clock with long, short and vanishing intervals."""
    clock = np.cumsum(np.r_[0.0, rng.choice([1.0, 0.3, 1e-6, 0.0], n - 1, p=[0.5, 0.3, 0.1, 0.1])])
    after = rng.uniform(0, 1, n)
    before = np.where(rng.uniform(size=n) < 0.7, after, rng.uniform(0, 1, n))
    return clock, before, after


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.floats(0.5, 30.0))
def test_memory_against_small_steps(seed, memory):
    """The midpoint rule with steps of memory / 100 at most: its own error is below 1e-5."""
    clock, before, after = _path(np.random.default_rng(seed), 25)
    value, _ = relaxed(clock, before, after, memory)
    np.testing.assert_allclose(value, naive.relaxed(clock, before, after, memory), atol=1e-5)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e5))
def test_memory_changes_with_its_length_as_it_says(seed, memory):
    path = _path(np.random.default_rng(seed), 25)
    _, slope = relaxed(*path, memory)
    h = 1e-5
    central = (relaxed(*path, memory * math.exp(h))[0] - relaxed(*path, memory * math.exp(-h))[0]) / (2 * h)
    np.testing.assert_allclose(slope, central, atol=1e-8)


def test_memory_does_not_depend_on_how_often_one_logs():
    clock = np.array([0.0, 3.0, 4.0, 9.0])
    d = np.array([0.0, 0.6, 0.2, 1.0])
    fine = np.unique(np.r_[clock, np.linspace(0, 9, 2001), 4 + 1e-7, 4 + 1e-5])
    d_fine = np.interp(fine, clock, d)
    at = np.searchsorted(fine, clock)
    for memory in (0.01, 1.0, 100.0):
        for few, many in zip(relaxed(clock, d, d, memory), relaxed(fine, d_fine, d_fine, memory), strict=True):
            np.testing.assert_allclose(many[at], few, atol=1e-9)


# The published laws


def _annealing_of(theta, rates):
    """What the Momentum law takes off, over C: R at the knots from the first logged point on."""
    law, alone = LAWS["momentum"](UNITS), LAWS["one-power"](UNITS)
    loss, _ = law.losses(theta, law.prepare(rates))
    return (alone.losses(theta[:3], alone.prepare(rates))[0] - loss) / math.exp(theta[3])


MEMORY = 0.05  # of 1000 steps
MOMENTUM = np.log([2.0, 0.3, 0.5, 1.0, MEMORY])


def test_momentum_is_the_published_recursion_for_steps():
    """Exactly: a rate of step i acts from clock i on, so that R at i + 1 is (1 - lambda) S2 of step i."""
    t = np.arange(1000)
    s = np.where(t < 300, 1.0, np.where(t < 600, 0.4, 0.7))
    decay = decay_factor(MEMORY, UNITS)
    S2 = naive.annealing(s, decay)
    R = _annealing_of(MOMENTUM, _rates(s, t))
    np.testing.assert_allclose(R[1:], (1 - decay) * S2[:-1], atol=1e-12)
    assert 1 / (1 - decay) == pytest.approx(MEMORY * UNITS.tau, rel=0.02)


@pytest.mark.parametrize("every", [1, 100])
def test_momentum_is_the_published_recursion_for_slopes(every):
    """Up to 1e-5 of C per step; the same to 1e-10 where only every 100th step is logged."""
    t = np.arange(1001)
    s = np.interp(t, [0, 200, 400, 700, 900, 1000], [0, 1, 1, 0.3, 0.6, 0.1])
    flat = np.where(t < 200, 1.0, s)  # drops count after warm-up
    decay = decay_factor(MEMORY, UNITS)
    S2 = (1 - decay) * naive.annealing(flat, decay)
    halfway = np.r_[
        0.0, (S2[1:] + S2[:-1]) / 2
    ]  # a slide over step i is felt half a step earlier than a jump at its end
    per_step = _annealing_of(MOMENTUM, _rates(s, t))
    np.testing.assert_allclose(per_step, halfway, atol=1e-5)
    assert np.ptp(per_step) > 0.5
    np.testing.assert_allclose(_annealing_of(MOMENTUM, _rates(s[::every], t[::every])), per_step[::every], atol=1e-10)


MULTI_POWER = (2.0, 0.5, 0.5, 300.0, 2.0, 0.6, 0.6)
"""About the published sizes."""


def _benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "multi_power_published.py"
    spec = importlib.util.spec_from_file_location("multi_power_published", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _multi_power(rates):
    law = LAWS["multi-power"](UNITS)
    return law.losses(_benchmark().coordinates(MULTI_POWER, UNITS), law.prepare(rates))[0]


def test_multi_power_is_the_published_double_sum_for_steps():
    """Exactly: the loss at clock i is the published one after step i - 1."""
    t = np.arange(1000)
    s = np.where(t < 300, 1.0, np.where(t < 600, 0.4, np.where(t < 800, 0.7, 0.05)))
    at = np.arange(20, 1000, 35)
    slow = naive.multi_power(s * UNITS.eta, at - 1, *MULTI_POWER)
    np.testing.assert_allclose(_multi_power(_rates(s, t))[at], slow, rtol=1e-12)
    assert slow.min() < slow[at < 300][-1] - 0.1  # the drops matter


@pytest.mark.parametrize(("every", "tolerance"), [(0.5, 1e-4), (20, 1e-3)])
def test_multi_power_is_the_published_double_sum_with_warm_up(every, tolerance):
    """Losses within 1e-4 where every step is logged, within 1e-3 where every 20th is (a drop counts at its middle)."""
    k = np.arange(2000)
    s = np.where(k < 500, k / 499, 0.1 + 0.45 * (1 + np.cos(np.pi * (k - 500) / 1500)))
    at = np.arange(519, 2000, 40)
    slow = naive.multi_power(s * UNITS.eta, at, *MULTI_POWER)
    # The rate of step k stands for k to k + 1: a knot in the middle of the step, a loss at its end.
    clock = np.arange(every, 2000.1, every)
    fast = _multi_power(_rates(np.interp(clock, k + 0.5, s), clock))
    np.testing.assert_allclose(fast[np.searchsorted(clock, at + 1)], slow, atol=tolerance)


def test_multi_power_hardly_depends_on_how_often_one_logs():
    """A slide over 30 % of the peak between two points: within 3e-4 of logging every step, 0.1 % of B eta_peak."""
    t = np.arange(1001.0)
    s = np.interp(t, [0, 100, 500, 800, 1000], [0, 1, 0.7, 0.4, 0.1])
    coarse = np.array([0, 100, 500, 600, 800, 900, 1000])
    many, few = _multi_power(_rates(s, t)), _multi_power(_rates(s[coarse], t[coarse]))
    np.testing.assert_allclose(few[1:], many[coarse][1:], atol=3e-4)


def test_the_response_is_its_formula():
    """`Response` with both memories by small steps."""
    r = _rates(SCHEDULES["cosine"])
    law = LAWS["response"](UNITS)
    theta = np.array([*np.log([2.0, 0.3, 0.5, 0.1]), 0.15, 0.5, 0.3, math.log(0.02), math.log(0.3)])
    f, d = 1 / (1 + math.exp(-0.3)), r.deficit_before
    R = naive.relaxed(r.z, d, r.deficit_after, 0.02)
    m = naive.relaxed(np.log(np.maximum(r.z, 1e-9)), d, r.deficit_after, 0.3, pieces=1000)
    z = r.z[1:]
    slow = 2.0 + 0.3 * z**-0.5 - 0.1 * z**-0.15 * (np.exp(0.5 * m) * ((1 - f) * d + f * R))[1:]
    np.testing.assert_allclose(law.losses(theta, law.prepare(r))[0], slow, atol=1e-5)


@pytest.mark.parametrize("schedule", ["step", "cosine", "back up"])
def test_laws_on_a_trunk_are_their_formulas(trunk, schedule):
    """A jump acts after the loss that is logged with it; the traced law at once (f = 0) and with b = 0 is plain."""
    rates = _rates(SCHEDULES[schedule], noise_trace=_noise())
    p, z, d = SIZES[0], rates.z[1:], 1 - rates.before[1:]
    base = 3 * p**-0.02 * z**-0.1
    noise = _law("noise", trunk)
    slow = base - 0.3 * d * _noise()
    fast, _ = noise.losses(np.log([0.3]), noise.prepare(rates))
    np.testing.assert_allclose(fast[1:], slow[1:], rtol=1e-6)  # the first point lies before the trunk
    traced = _law("traced-response", trunk)
    slow = base - 0.3 * d * p**0.05 * z**-0.2 / 3
    fast, _ = traced.losses(np.array([math.log(0.3), 0.0, -40.0, -4.0, -1.0]), traced.prepare(rates))
    np.testing.assert_allclose(fast[1:], slow[1:], rtol=1e-5)


@pytest.mark.published
@pytest.mark.parametrize("size", ["25m", "100m"])
def test_the_published_scores_of_the_multi_power_law(published, size):
    benchmark = _benchmark()
    curves = benchmark.test_curves(published(f"luo_llama_{size}").parent, size)
    parameters = benchmark.PARAMETERS[size]

    def scores(reading):
        return np.mean(
            [benchmark.score(y, benchmark.predict(parameters, n, t, lr, reading)) for n, t, lr, y in curves], axis=0
        )

    with_knots = scores(benchmark.on_knots)
    assert with_knots[0] == pytest.approx(benchmark.SCORES[size][0], abs=1e-4)
    np.testing.assert_allclose(with_knots[1:], benchmark.SCORES[size][1:], atol=2e-5)
    # The tables alone know warm-up only from its end: the worst error, an early point, moves by up to 0.0002.
    np.testing.assert_allclose(scores(benchmark.on_the_table), benchmark.SCORES[size], atol=2e-4)


@pytest.mark.published
def test_multi_power_is_the_published_double_sum_on_a_published_schedule(published):
    benchmark = _benchmark()
    curves = benchmark.test_curves(published("luo_llama_25m").parent, "25m")
    name, steps, lr, _ = next(c for c in curves if c[0] == "wsdld_20000_24000")
    eta = benchmark.published_rates(name)
    np.testing.assert_allclose(eta[steps], lr, rtol=1e-12)
    slow = naive.multi_power(eta, steps[::7], *benchmark.PARAMETERS["25m"])
    fast = benchmark.predict(benchmark.PARAMETERS["25m"], name, steps, lr, benchmark.on_knots)[::7]
    np.testing.assert_allclose(fast, slow, atol=5e-4)  # logged every 128 steps, 2.9 % of the peak rate apart


# The trunk


def test_smoothing_is_exact_for_quadratics():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 0, 300)
    y = 2 - 0.3 * x + 0.1 * x**2
    at = np.linspace(-3, 0, 50)
    for width in (0.04, 0.3):
        np.testing.assert_allclose(smooth(x, y, at, width), 2 - 0.3 * at + 0.1 * at**2, rtol=1e-6)
    few = smooth(x[:4], y[:4], x[:4], 0.04)  # fewer points than the kernel wants
    np.testing.assert_allclose(few, y[:4], rtol=1e-5)


def test_smoothing_averages_noise():
    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(0, 1, 2000))
    noisy = x**2 + 0.01 * rng.standard_normal(x.size)
    error = smooth(x, noisy, x, 0.05) - x**2
    assert error.std() < 0.002
    assert error.std() > 1e-5


def test_the_trunk_between_sizes_and_past_its_ends(trunk):
    z = np.geomspace(0.01, 3.0, 40)
    for p in (*SIZES, 2e6, 8e6, 5e5):
        np.testing.assert_allclose(trunk.loss(p, z), 3 * p**-0.02 * z**-0.1, rtol=1e-5)
        np.testing.assert_allclose(trunk.noise(p, z), p**0.05 * z**-0.2 / 3, rtol=1e-5)
    assert trunk.reach == pytest.approx(dict.fromkeys(SIZES, 0.995))


def test_past_its_end_the_trunk_goes_on_as_its_last_half():
    z = _rates(SCHEDULES["constant"]).z[1:]
    bent = np.where(z < 0.3, z**-0.5, 0.3**-0.5 * (z / 0.3) ** -0.1)
    curve = LossCurve(run="bent", params=1e6, tokens=T, loss=bent)
    trunk = build_trunk([curve], [_rates(SCHEDULES["constant"])])
    assert trunk is not None
    assert trunk.loss(1e6, np.array([3.0]))[0] == pytest.approx(0.3**-0.5 * 10**-0.1, rel=1e-5)


def test_only_constant_runs_of_enough_points_make_a_trunk(trunk):
    def curve(s, n=T.size):
        return LossCurve(run="a", params=1e6, tokens=T[:n], loss=3 - T[:n] / 1000), _rates(s[:n], T[:n])

    assert build_trunk(*zip(curve(SCHEDULES["cosine"]), strict=True)) is None
    assert build_trunk(*zip(curve(SCHEDULES["constant"], 11), strict=True)) is None
    bare = build_trunk(*zip(curve(SCHEDULES["constant"]), strict=True))
    assert bare is not None
    assert need_trunk(bare, 1e6, "noise", traced=False) is bare
    with pytest.raises(InputError, match="needs a calibration run at constant learning rate with `noise_trace`; got"):
        need_trunk(bare, 1e6, "traced-response", traced=True)
    with pytest.raises(InputError, match="'noise' needs a calibration run at constant learning rate; got none"):
        need_trunk(None, 1e6, "noise", traced=False)
    with pytest.raises(InputError, match=r"\(params=2000000\) or of two other sizes; got params=1000000 only"):
        need_trunk(bare, 2e6, "noise", traced=False)
    assert need_trunk(trunk, 2e6, "traced-response", traced=True).sizes.keys() == trunk.sizes.keys()


# What a law may see


def test_laws_see_rates_and_never_a_loss(law):
    """`Rates` has no loss, and the one measured thing in it, the noise, moves only laws in hindsight."""
    assert {f.name for f in fields(Rates)} == {
        "run", "params", "tokens", "before", "after", "tau", "z", "deficit_before", "deficit_after", "warm", "first",
        "noise_trace",
    }  # fmt: skip
    rates = _rates(SCHEDULES["cosine"], noise_trace=_noise())
    theta = law.starts(2.0)[0]
    clean, _ = law.losses(theta, law.prepare(rates))
    poisoned, _ = law.losses(theta, law.prepare(replace(rates, noise_trace=7 * _noise()[::-1])))
    assert np.array_equal(clean, poisoned) != law.hindsight
    if law.hindsight:
        with pytest.raises(InputError, match=r"needs the target's own `noise_trace`.*run 'run' has none"):
            law.prepare(replace(rates, noise_trace=None))
    else:
        np.testing.assert_array_equal(clean, law.losses(theta, law.prepare(replace(rates, noise_trace=None)))[0])


# The fit

FITTED = ("constant", "cosine", "step", "warm-up and decay")


def _truth(law):
    """Numbers off every starting point."""
    names = [p.name for p in law.parameters]
    known = {
        "L0": math.log(2.0), "A": math.log(0.2), "a": math.log(0.4), "C": math.log(0.08), "q": 0.15,
        "b": 0.6, "f": -0.5, "lag": -4.0, "memory": math.log(0.1),
        "B": math.log(0.1), "beta": math.log(0.4), "g": 0.4, "c": math.log(0.3),
    }  # fmt: skip
    if law.name == "multi-power":
        known["C"] = math.log(50.0)
    if law.name != "momentum":
        known["memory"] = -1.2
    return np.array([known[n] for n in names])


def _solve(law, prepared, losses, z):
    return solve_law(law, prepared, [np.log(y) for y in losses], [v >= 0.05 for v in z])


def test_the_fit_finds_the_truth(law):
    """Without noise, fitted losses within 1e-4 of the true ones, also for schedules that were not fitted."""
    theta = _truth(law)
    prepared = [_prepared(law, n) for n in FITTED]
    z = [_rates(SCHEDULES[n]).z[1:] for n in FITTED]
    solution = _solve(law, prepared, [law.losses(theta, p)[0] for p in prepared], z)
    assert solution.converged
    assert len(solution.starts) == law.starts_per_fit
    for name in SCHEDULES:
        late = _rates(SCHEDULES[name]).z[1:] >= 0.05
        new = _prepared(law, name)
        error = np.log(law.losses(solution.theta, new)[0] / law.losses(theta, new)[0])[late]
        assert np.abs(error).max() < (1e-4 if name in FITTED else 5e-4)
    if not any(p.prior for p in law.parameters):
        np.testing.assert_allclose(solution.theta, theta, atol=1e-3)
        assert solution.objective < 1e-12
    values = solution.values
    assert list(values) == [p.name for p in law.parameters]
    if law.name == "response":
        assert 0 < values["f"] < 1


def test_the_fit_does_not_know_the_unit_of_the_clock(law, trunk):
    """Steps or tokens, a million to a step: the same parameters."""
    theta = _truth(law)
    units = Units(UNITS.eta, UNITS.tau * 1e6)
    tokens = type(law)(units, trunk) if law.needs_trunk else type(law)(units)
    prepared = [_prepared(law, n) for n in FITTED]
    noise = _noise() if law.hindsight else None
    scaled = [tokens.prepare(_rates(SCHEDULES[n], T * 1e6, units, noise_trace=noise)) for n in FITTED]
    rng = np.random.default_rng(3)
    losses = [law.losses(theta, p)[0] * np.exp(3e-4 * rng.standard_normal(T.size)) for p in prepared]
    z = [_rates(SCHEDULES[n]).z[1:] for n in FITTED]
    ours, theirs = _solve(law, prepared, losses, z), _solve(tokens, scaled, losses, z)
    for p, q in zip(prepared, scaled, strict=True):
        np.testing.assert_allclose(law.losses(ours.theta, p)[0], tokens.losses(theirs.theta, q)[0], rtol=1e-6)
    assert theirs.objective == pytest.approx(ours.objective, rel=1e-6)


def test_the_fit_bears_outliers():
    law = LAWS["one-power"](UNITS)
    theta = _truth(law)
    prepared = [_prepared(law, n) for n in FITTED]
    z = [_rates(SCHEDULES[n]).z[1:] for n in FITTED]
    rng = np.random.default_rng(4)
    losses = [law.losses(theta, p)[0] * np.exp(2e-4 * rng.standard_normal(T.size)) for p in prepared]
    for y in losses:
        y[::20] *= 1.3
    solution = _solve(law, prepared, losses, z)
    error = np.log(law.losses(solution.theta, prepared[0])[0] / law.losses(theta, prepared[0])[0])
    assert np.abs(error[z[0] >= 0.05]).max() < 3e-4


def test_a_fit_of_too_few_points_claims_nothing():
    law = LAWS["multi-power"](UNITS)
    prepared = [_prepared(law, "cosine")]
    mask = [np.arange(T.size) < 3]
    solution = solve_law(law, prepared, [np.log(np.full(T.size, 2.0))], mask)
    assert np.isnan(solution.theta).all()
    assert math.isnan(solution.objective)
    assert not solution.converged
