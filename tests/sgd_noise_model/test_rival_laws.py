"""The functional scaling law and the convex bound against their formulas, summed over steps."""

import math

import numpy as np
import pytest
from law_cases import UNITS, rates_at

from scaling_collapse.sgd_noise_model.laws import LAWS

STEPS = 1000
K = np.arange(1, STEPS + 1)
SCHEDULES = {
    "constant": np.ones(STEPS),
    "cosine": 0.55 + 0.45 * np.cos(np.pi * K / STEPS),
    "linear": 1 - (K - 1) / STEPS,
    "step": np.where(K <= 400, 1.0, 0.2),
    "back up": np.where((K > 300) & (K <= 600), 0.2, 1.0),
}
AT = np.array([100, 250, 399, 500, 700, 900, 1000])


def on_steps(eta, every=1):
    """A run whose rate at time k is that of step k + 1."""
    t = np.arange(0.0, STEPS + 1, every)
    return rates_at(np.append(eta, eta[-1])[t.astype(int)], t)


def convex_bound(eta, D, G):
    """Theorem 3.1 of Schaipp et al. after each of the steps AT, all gradients of one size."""
    bounds = []
    for t in AT:
        e = eta[:t]
        first = (D + G * (e**2).sum()) / (2 * e.sum())
        second = sum(e[k] / e[k + 1 :].sum() * (G * (e[k:] ** 2).sum() / e[k:].sum()) for k in range(t - 1))
        bounds.append(first + second / 2)
    return np.array(bounds)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_convex_bound_is_the_theorem(schedule):
    """A sum of 1 / j over steps is ln n + Euler's constant: that is the step at which the integral ends."""
    law, eta = LAWS["convex-bound"](UNITS), SCHEDULES[schedule]
    D, G, step = 3.0, 0.05, math.exp(-np.euler_gamma)
    theta = np.log([2.0, D / UNITS.tau, G, step / UNITS.tau])
    fast = law.losses(theta, law.prepare(on_steps(eta)))[0][AT]
    slow = 2.0 + convex_bound(eta, D, G)
    np.testing.assert_allclose(fast - 2.0, slow - 2.0, rtol=0.015)
    coarse = law.losses(theta, law.prepare(on_steps(eta, 10)))[0][AT[AT % 10 == 0] // 10]
    np.testing.assert_allclose(coarse - 2.0, (slow - 2.0)[AT % 10 == 0], rtol=0.05)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("h", [1e-9, 0.3])
def test_the_functional_law_is_its_integral_over_steps(schedule, h):
    law, eta = LAWS["functional"](UNITS), SCHEDULES[schedule]
    L0, A, a, B, k, w = 2.0, 0.3, 0.4, 0.1, 0.6, 0.02
    theta = np.log([L0, A, a, B, k, w, h])
    z = np.r_[0.0, np.cumsum(eta)] / STEPS
    slow = []
    for t in AT:
        middle = (z[1 : t + 1] + z[:t]) / 2
        kernel = k / w * (1 + (z[t] - middle) / w) ** (-1 - k)
        noise = (eta[:t] * (1 + h * middle**-a) * kernel * np.diff(z[: t + 1])).sum()
        slow.append(L0 + A * z[t] ** -a + B * noise)
    fast = law.losses(theta, law.prepare(on_steps(eta)))[0][AT]
    np.testing.assert_allclose(fast, slow, rtol=2e-3)


def test_the_noise_of_a_held_rate_tends_to_the_rate():
    law = LAWS["functional"](UNITS)
    theta = np.log([2.0, 1e-12, 0.4, 0.1, 2.0, 1e-4, 1e-12])
    loss = law.losses(theta, law.prepare(on_steps(SCHEDULES["step"])))[0]
    assert loss[390] == pytest.approx(2.1, abs=1e-4)
    assert loss[-1] == pytest.approx(2.02, abs=1e-4)
