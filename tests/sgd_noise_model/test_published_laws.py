"""The Momentum and the Multi-Power law against their published recursions and scores."""

import importlib.util
import math
from pathlib import Path

import naive
import numpy as np
import pytest
from law_cases import UNITS, rates_at

from scaling_collapse.sgd_noise_model.laws import LAWS
from scaling_collapse.sgd_noise_model.laws.momentum import decay_factor


def _annealing_of(theta, rates):
    """What the Momentum law takes off, over C: R at the knots from the first logged point on."""
    law, alone = LAWS["momentum"](UNITS), LAWS["one-power"](UNITS)
    loss, _ = law.losses(theta, law.prepare(rates))
    return (alone.losses(theta[:3], alone.prepare(rates))[0] - loss) / math.exp(theta[3])


MEMORY = 0.05  # of 1000 steps
MOMENTUM = np.log([2.0, 0.3, 0.5, 1.0, MEMORY])


def test_momentum_is_the_published_recursion_for_steps():
    """Exactly: a rate of step i acts from time i on, so that R at i + 1 is (1 - lambda) S2 of step i."""
    t = np.arange(1000)
    s = np.where(t < 300, 1.0, np.where(t < 600, 0.4, 0.7))
    decay = decay_factor(MEMORY, UNITS)
    S2 = naive.annealing(s, decay)
    R = _annealing_of(MOMENTUM, rates_at(s, t))
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
    per_step = _annealing_of(MOMENTUM, rates_at(s, t))
    np.testing.assert_allclose(per_step, halfway, atol=1e-5)
    assert np.ptp(per_step) > 0.5
    np.testing.assert_allclose(_annealing_of(MOMENTUM, rates_at(s[::every], t[::every])), per_step[::every], atol=1e-10)


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
    """Exactly: the loss at time i is the published one after step i - 1."""
    t = np.arange(1000)
    s = np.where(t < 300, 1.0, np.where(t < 600, 0.4, np.where(t < 800, 0.7, 0.05)))
    at = np.arange(20, 1000, 35)
    slow = naive.multi_power(s * UNITS.eta, at - 1, *MULTI_POWER)
    np.testing.assert_allclose(_multi_power(rates_at(s, t))[at], slow, rtol=1e-12)
    assert slow.min() < slow[at < 300][-1] - 0.1  # the drops matter


@pytest.mark.parametrize(("every", "tolerance"), [(0.5, 1e-4), (20, 1e-3)])
def test_multi_power_is_the_published_double_sum_with_warm_up(every, tolerance):
    """Losses within 1e-4 where every step is logged, within 1e-3 where every 20th is (a drop counts at its middle)."""
    k = np.arange(2000)
    s = np.where(k < 500, k / 499, 0.1 + 0.45 * (1 + np.cos(np.pi * (k - 500) / 1500)))
    at = np.arange(519, 2000, 40)
    slow = naive.multi_power(s * UNITS.eta, at, *MULTI_POWER)
    # The rate of step k stands for k to k + 1: a knot in the middle of the step, a loss at its end.
    time = np.arange(every, 2000.1, every)
    fast = _multi_power(rates_at(np.interp(time, k + 0.5, s), time))
    np.testing.assert_allclose(fast[np.searchsorted(time, at + 1)], slow, atol=tolerance)


def test_multi_power_hardly_depends_on_how_often_one_logs():
    """A slide over 30 % of the peak between two points: within 3e-4 of logging every step, 0.1 % of B eta_peak."""
    t = np.arange(1001.0)
    s = np.interp(t, [0, 100, 500, 800, 1000], [0, 1, 0.7, 0.4, 0.1])
    coarse = np.array([0, 100, 500, 600, 800, 900, 1000])
    many, few = _multi_power(rates_at(s, t)), _multi_power(rates_at(s[coarse], t[coarse]))
    np.testing.assert_allclose(few[1:], many[coarse][1:], atol=3e-4)


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
