"""Horizon rules and curves without offset, against losses computed from scratch."""

import numpy as np
import pytest
from scipy.integrate import quad

from scaling_collapse import InputError
from scaling_collapse.theory import (
    adamw_timescale,
    collapse_deviation,
    gamma_sensitivity,
    ladder_ratio_spread,
    optimal_timescale,
    ratio_curve,
    ratio_deviation,
    ratio_spread,
    tokens_for_tpp,
    weight_decay_for_timescale,
)

X = np.linspace(0.1, 1.0, 10)


def two_terms(sizes, horizon, mu, nu, L0):
    """Losses of `L0 + t^-mu + p^-nu` up to the horizons."""
    return np.stack([L0 + (X * t) ** -mu + p**-nu for p, t in zip(sizes, horizon, strict=True)])


def test_timescale_is_the_memory_of_the_weight_average():
    """An impulse in the weights has fallen to 1/e after tau T tokens."""
    eta, wd, batch, tokens = 1e-3, 0.2, 1000, 2e7
    steps, weight = 0, 1.0
    while weight > np.exp(-1):
        weight *= 1 - eta * wd
        steps += 1
    assert adamw_timescale(batch, eta, wd, tokens) == pytest.approx(steps * batch / tokens, rel=1e-3)


def test_weight_decay_keeps_the_optimal_timescale_at_every_size():
    p = np.array([1e8, 1e9, 1e10])
    T = tokens_for_tpp(p, 20.0)
    tau = optimal_timescale(T / p)
    assert np.ptp(tau) == 0
    lr = 0.01 / np.sqrt(p)
    wd = weight_decay_for_timescale(tau, 2**20, lr, T)
    np.testing.assert_allclose(adamw_timescale(2**20, lr, wd, T), tau, rtol=1e-14)
    assert np.polyfit(np.log(p), np.log(wd), 1)[0] == pytest.approx(-0.5)  # width / p
    slope = np.diff(np.log(optimal_timescale([10.0, 1000.0])))[0] / np.log(100)
    assert slope == pytest.approx(-0.527, abs=1e-12)


@pytest.mark.parametrize(("mu", "nu", "collapses"), [(0.4, 0.4, True), (0.4, 0.36, False)])
def test_fixed_tpp_collapses_exactly_iff_the_exponents_are_equal(mu, nu, collapses):
    p = np.geomspace(1e7, 2e7, 6)
    L = two_terms(p, tokens_for_tpp(p, 20.0), mu, nu, 0.0)
    delta = collapse_deviation(L / L[:, -1:], np.arange(p.size))
    assert (delta.max() < 1e-13) == collapses
    u = np.log(p) - np.log(p).mean()
    A = (20 * np.exp(np.log(p).mean())) ** -mu
    w = A / (A + np.exp(-nu * np.log(p).mean()))
    price = np.abs(1 - nu / mu) * gamma_sensitivity(X, [mu, 0.0], [[w] * 6, [1 - w] * 6], u).std(axis=0, ddof=1)
    mean = (L / L[:, -1:]).mean(axis=0)
    np.testing.assert_allclose(delta, price / mean, rtol=0.02, atol=1e-13)


@pytest.mark.parametrize("L0", [0.0, 0.5, 50.0])
def test_curves_without_offset_are_what_the_losses_give(L0):
    p = np.geomspace(1e6, 1e8, 7)
    L = two_terms(p, 10 * p, 0.4, 0.4, L0)
    ratio, R = L / L[:, -1:], L[:, -1] - L0
    l = (L[0] - L0) / R[0]
    np.testing.assert_allclose(ratio_curve(l, R, L0), ratio, rtol=1e-12)
    np.testing.assert_allclose(ratio_deviation(l, R, L0), collapse_deviation(ratio, np.arange(7)), atol=1e-12)
    spread = (ratio - 1)[:, :-1].std(axis=0, ddof=1) / (ratio - 1)[:, :-1].mean(axis=0)
    np.testing.assert_allclose(spread, ratio_spread(R, L0), rtol=1e-9, atol=1e-12)
    assert (ratio_spread(R, L0) < 1e-12) == (L0 == 0)


def test_delta_dies_trivially_while_the_spread_grows_towards_its_limit():
    p = np.geomspace(1e6, 1e8, 7)
    deltas, spreads = [], []
    for shift in (1.0, 1e3, 1e6):
        R = (p * shift) ** -0.4
        deltas.append(ratio_deviation(0.5 * (X**-0.4 + 1), R, 1.0).max())
        spreads.append(ratio_spread(R, 1.0))
    assert deltas[0] > 10 * deltas[1] > 100 * deltas[2]
    assert spreads[0] < spreads[1] < spreads[2]
    R = p**-0.4
    assert spreads[2] == pytest.approx(R.std(ddof=1) / R.mean(), rel=1e-3)


@pytest.mark.parametrize("span", [1.01, 3.0, 30.0, 1e4])
def test_ladder_spread_is_the_integral_and_the_limit_of_many_sizes(span):
    def moment(k):
        return quad(lambda v: np.exp(-0.4 * k * v), 0, np.log(span))[0] / np.log(span)

    assert ladder_ratio_spread(0.4, span) == pytest.approx(np.sqrt(moment(2) / moment(1) ** 2 - 1), rel=1e-6)
    R = np.geomspace(1, span, 20001) ** -0.4
    assert ladder_ratio_spread(0.4, span) == pytest.approx(R.std(ddof=1) / R.mean(), rel=1e-3)


def test_ladder_spread_limits():
    assert ladder_ratio_spread(0.4, np.exp(1e-4)) == pytest.approx(0.4e-4 / 2 / np.sqrt(3), rel=1e-6)
    v = 0.4 * np.log(1e200) / 2
    assert ladder_ratio_spread(0.4, 1e200) == pytest.approx(np.sqrt(v - 1), rel=1e-9)
    below, above = ladder_ratio_spread(0.4, np.exp([0.0999, 0.1001]))  # the two branches meet
    assert above / below == pytest.approx(0.1001 / 0.0999, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tokens_for_tpp([1.0, -2.0], 20), r"tokens_for_tpp needs `params` > 0; got -2"),
        (lambda: ratio_curve([1.0], [1.0], -1.0), r"ratio_curve needs `L0` >= 0; got -1"),
        (lambda: ratio_spread([1.0], 0.0), r"ratio_spread needs `reducible` of at least 2 sizes; got 1"),
        (lambda: ladder_ratio_spread(0.4, 1.0), r"ladder_ratio_spread needs `span` > 1; got 1"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
