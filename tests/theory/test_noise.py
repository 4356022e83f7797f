"""The balance of noise against Lyapunov's equation and SGD's own recursion; what a decay leaves, against simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

from scaling_collapse import InputError
from scaling_collapse.theory import (
    balance_covariance,
    excess_loss,
    mode_loss_variance,
    noise_after_decay,
    noise_after_schedule,
)


def problem(n, seed):
    """A Hessian with rates 0.2 to 5 and a gradient covariance that does not commute with it."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]
    root = rng.standard_normal((n, n))
    H = basis @ np.diag(np.geomspace(0.2, 5.0, n)) @ basis.T
    return (H + H.T) / 2, root @ root.T


@pytest.mark.parametrize("n", [1, 2, 7])
def test_balance_solves_lyapunovs_equation_and_the_excess_is_a_quarter(n):
    H, Sigma = problem(n, seed=n)
    S = balance_covariance(H, Sigma, 0.03)
    np.testing.assert_allclose(S, solve_continuous_lyapunov(H, 0.03 * Sigma), rtol=1e-9, atol=1e-12)
    assert excess_loss(H, Sigma, 0.03) == pytest.approx(0.03 * np.trace(Sigma) / 4, rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_discrete_balance_is_where_sgd_settles(n):
    H, Sigma = problem(n, seed=10 + n)
    eta, step = 0.2, np.eye(n) - 0.2 * H
    S = np.zeros((n, n))
    for _ in range(2000):
        S = step @ S @ step + eta**2 * Sigma
    np.testing.assert_allclose(balance_covariance(H, Sigma, eta, discrete=True), S, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(solve_discrete_lyapunov(step, eta**2 * Sigma), S, rtol=1e-9, atol=1e-12)
    rate, basis = np.linalg.eigh(H)
    by_mode = eta * np.diag(basis.T @ Sigma @ basis) / 4 / (1 - eta * rate / 2)
    assert excess_loss(H, Sigma, eta, discrete=True) == pytest.approx(by_mode.sum(), rel=1e-10)


def test_discrete_balance_becomes_the_flow_as_the_step_shrinks():
    H, Sigma = problem(3, seed=1)
    gaps = [excess_loss(H, Sigma, eta, discrete=True) / excess_loss(H, Sigma, eta) - 1 for eta in (1e-3, 1e-4)]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=1e-2)


def simulated_decay(k, power, steps=20000):
    """A mode at its balance, through the decay, in SGD's own recursion with many small steps."""
    u = (np.arange(steps) + 0.5) / steps
    S = 2 / (1 - k / steps / 2) / 4  # lambda S / 2 in units of eta Sigma / 4, lambda = 1
    for s in (1 - u) ** power:
        h = k / steps * s
        S = S * (1 - h) ** 2 + h * s
    return 2 * S


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("k", [0.03, 1.0, 30.0])
def test_noise_after_decay_is_what_sgd_keeps(k, power):
    assert noise_after_decay(k, power) == pytest.approx(simulated_decay(k, power), rel=3e-3)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("k", [0.03, 1.0, 30.0])
def test_noise_after_decay_is_the_integral(k, power):
    left = quad(lambda s: np.exp(-2 * k * s ** ((power + 1) / power) / (power + 1)), 0, 1, epsabs=1e-13)[0]
    assert noise_after_decay(k, power) == pytest.approx(left, rel=1e-9)


def test_noise_after_decay_in_its_limits():
    assert noise_after_decay(1e-4) == pytest.approx(1 - 1e-4 / 3, rel=1e-8)  # too slow to be quietened
    assert noise_after_decay(1e4) == pytest.approx(np.sqrt(np.pi / 4e4), rel=1e-12)


@pytest.mark.parametrize("fraction", [0.2, 1.0])
def test_schedule_agrees_with_the_closed_form_and_with_its_integral(fraction):
    steps, peak, rates = 20000, 1e-3, np.array([0.01, 1.0, 50.0])
    u = (np.arange(steps) + 0.5) / steps
    lr = peak * np.minimum((1 - u) / fraction, 1.0)
    closed = noise_after_decay(rates * peak * steps * fraction)
    np.testing.assert_allclose(noise_after_schedule(rates, lr), closed, rtol=1e-3)
    left = peak * steps - np.cumsum(lr) - (peak * steps - lr.sum())  # gradient-flow time still to go
    naive = [2 * lam / peak * np.sum(lr**2 * np.exp(-2 * lam * (left + lr / 2))) for lam in rates]
    np.testing.assert_allclose(noise_after_schedule(rates, lr, initial=0.0), naive, rtol=1e-3)


def test_decay_removes_fast_noise_and_leaves_slow_noise():
    fast, slow = noise_after_decay(1000.0), noise_after_decay(0.01)
    assert fast < 0.03 < 0.99 < slow


@pytest.mark.parametrize(("E", "b"), [(0.1, 0.0), (0.1, 1.0), (0.5, 0.2)])
def test_mode_loss_variance_is_the_monte_carlo_variance(E, b):
    rng = np.random.default_rng(0)
    loss = (np.sqrt(2 * b) + np.sqrt(2 * E) * rng.standard_normal(400_000)) ** 2 / 2
    assert mode_loss_variance(E, b) == pytest.approx(loss.var(), rel=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: excess_loss([[1.0, 2.0]], [[1.0]], 0.1), r"needs a symmetric matrix `H`; got shape \(1, 2\)"),
        (lambda: excess_loss([[0.0]], [[1.0]], 0.1), r"needs a positive definite `H`; got an eigenvalue of 0"),
        (lambda: excess_loss([[4.0]], [[1.0]], 0.5, discrete=True), r"needs 0 < eta < 2 / lambda_max; got eta = 0.5"),
        (lambda: noise_after_decay(-1.0), r"noise_after_decay needs `k` > 0 and `power` > 0; got k down to -1"),
        (lambda: noise_after_schedule([1.0], [[1.0]]), r"needs rates > 0 and one-dimensional learning rates"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
