"""Collapse under a schedule, and Delta below sigma: against exact curves and Monte Carlo over seeds."""

import numpy as np
import pytest
import sympy

from scaling_collapse import InputError
from scaling_collapse.theory import (
    collapse_deviation,
    covariance_condition,
    noise_floor,
    normalize,
    normalized_variance,
    schedule_spread,
    split_noise,
    supercollapse_condition,
    supercollapse_ratio,
)

X = np.linspace(0.1, 1.0, 10)
SIZES = np.geomspace(1e6, 1e7, 6)


def scheduled_curves(delta_noise, *, delta=0.4, noise=0.2, proportional=False):
    """Curves of `r(x) p^-delta + s(x) h(x) p^-delta_noise` under linear decay, and the share of noise at the middle."""
    u = np.log(SIZES) - np.log(SIZES).mean()
    r = 0.5 * (X**-0.5 + 1)
    n = noise * (r if proportional else (1 - X) * X**-0.2)
    L = r * np.exp(-delta * u)[:, None] + n * np.exp(-delta_noise * u)[:, None]
    return normalize(L, 0.0), n / (r + n)


def test_collapse_survives_iff_noise_scales_as_the_reducible_loss_or_with_it_in_x():
    size = np.arange(SIZES.size)
    assert collapse_deviation(scheduled_curves(0.4)[0], size).max() < 1e-14
    assert collapse_deviation(scheduled_curves(0.6, proportional=True)[0], size).max() < 1e-14
    assert collapse_deviation(scheduled_curves(0.6)[0], size).max() > 1e-2


@pytest.mark.parametrize("delta_noise", [0.38, 0.41])
def test_spread_under_a_schedule_is_first_order_exact(delta_noise):
    l, share = scheduled_curves(delta_noise)
    predicted = schedule_spread(share, share[-1], delta=0.4, delta_noise=delta_noise, log_size=np.log(SIZES))
    measured = collapse_deviation(l, np.arange(SIZES.size))
    np.testing.assert_allclose(predicted[:-1], measured[:-1], rtol=0.02)


def test_covariance_condition_is_derived_and_agrees_with_a_numeric_slope():
    slope, shares = covariance_condition()
    assert sympy.simplify(slope - shares) == 0
    delta, delta_noise = sympy.symbols("delta delta_noise", real=True)
    assert sympy.simplify(slope.subs(delta_noise, delta)) == 0
    values = {"r_x": 2.0, "r_1": 1.0, "n_x": 0.3, "n_1": 0.05, "delta": 0.4, "delta_noise": 0.55}

    def log_l(p):
        at_x, at_1 = (values[f"r_{at}"] * p**-0.4 + values[f"n_{at}"] * p**-0.55 for at in "x1")
        return np.log(at_x / at_1)

    numeric = (log_l(3.0 * np.exp(1e-5)) - log_l(3.0 * np.exp(-1e-5))) / 2e-5
    symbols = {s: (3.0 if s.name == "p" else values[s.name]) for s in slope.free_symbols}
    assert float(slope.subs(symbols)) == pytest.approx(numeric, rel=1e-8)


@pytest.mark.parametrize(("sigma", "sigma_end", "rho"), [(0.03, 0.03, 0.0), (0.05, 0.02, 0.7), (0.08, 0.06, 0.95)])
def test_normalized_variance_is_the_monte_carlo_variance(sigma, sigma_end, rho):
    rng = np.random.default_rng(1)
    z, w = rng.standard_normal((2, 400_000))
    R_x, R_1 = 1 + sigma * z, 1 + sigma_end * (rho * z + np.sqrt(1 - rho**2) * w)
    assert normalized_variance(sigma, sigma_end, rho) == pytest.approx(np.log(R_x / R_1).var(), rel=0.03)


def simulated_ratio(persistent, fast_x, fast_1, spread, sizes=400, seeds=40):
    """Delta / sigma of made-up runs: two points each, at x and at the horizon."""
    rng = np.random.default_rng(2)
    z = persistent * rng.standard_normal((sizes, seeds, 1))
    fast = np.array([fast_x, fast_1]) * rng.standard_normal((sizes, seeds, 2))
    between = np.stack([spread * rng.standard_normal(sizes), np.zeros(sizes)], axis=1)[:, None, :]
    L = np.array([2.0, 1.0]) * np.exp(z + fast + between)
    L, size = L.reshape(-1, 2), np.repeat(np.arange(sizes), seeds)
    return (collapse_deviation(normalize(L, 0.0), size) / noise_floor(L, size, 0.0))[0]


@pytest.mark.parametrize(
    ("persistent", "fast_x", "fast_1", "spread"),
    [
        (0.0, 0.02, 0.02, 0.0),  # fast noise alone, constant learning rate: sqrt 2
        (0.0, 0.02, 1e-9, 0.0),  # decayed: 1
        (0.02, 0.01, 0.01, 0.0),
        (0.02, 0.01, 0.01, 0.015),
        (0.02, 0.01, 0.01, 0.03),
    ],
)
def test_supercollapse_ratio_is_what_simulated_seeds_give(persistent, fast_x, fast_1, spread):
    sigma, sigma_end = np.hypot(persistent, fast_x), np.hypot(persistent, fast_1)
    rho = persistent**2 / (sigma * sigma_end)
    predicted = supercollapse_ratio(sigma, sigma_end, rho, spread)
    assert predicted == pytest.approx(simulated_ratio(persistent, fast_x, fast_1, spread), rel=0.04)
    excess = supercollapse_condition()[1]
    numbers = {"persistent": persistent, "fast_1": fast_1, "spread": spread}
    value = float(excess.subs({s: numbers[s.name] for s in excess.free_symbols}))
    assert (value < 0) == (predicted < 1 - 1e-9)


def test_split_noise_undoes_the_sum():
    persistent, fast_x, fast_1 = 0.02, 0.03, 0.01
    sigma, sigma_end = np.hypot(persistent, fast_x), np.hypot(persistent, fast_1)
    parts = split_noise(sigma, sigma_end, persistent**2 / (sigma * sigma_end))
    np.testing.assert_allclose(parts, [persistent**2, fast_x**2, fast_1**2], rtol=1e-12)


def test_bad_input_is_refused_by_name():
    with pytest.raises(InputError, match=r"schedule_spread needs shares in \[0, 1\); got 0 to 1.2"):
        schedule_spread([0.0, 1.2], 0.0, delta=1, delta_noise=1, log_size=[0, 1])
    with pytest.raises(InputError, match=r"schedule_spread needs at least 2 sizes; got 1"):
        schedule_spread([0.0], 0.0, delta=1, delta_noise=1, log_size=[0])
