"""Derivatives of curves and of Delta against finite differences, the exact law, sympy and hand-written limits."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from scaling_collapse import InputError
from scaling_collapse.theory import (
    collapse_deviation,
    deviation_sensitivity,
    gamma_sensitivity,
    horizon_shares,
    kappa_sensitivity,
    normalize,
    offset_sensitivity,
    sum_curve,
)

X = np.linspace(0.1, 1.0, 10)
SIZES = np.geomspace(1e6, 3e7, 5)
LOG_SIZE = np.log(SIZES) - np.log(SIZES).mean()

laws = st.lists(st.tuples(st.floats(0.1, 10.0), st.floats(0.0, 1.5), st.floats(0.0, 1.5)), min_size=2, max_size=4).map(
    lambda terms: np.array(terms).T
)


def losses(terms, p, horizon, x=X):
    """`L - L0` term by term, in a plain loop."""
    return np.array([sum(a * (xi * horizon) ** -mu * p**-nu for a, mu, nu in terms.T) for xi in x])


def exact_curves(terms, gamma, offset_error=0.0):
    """Normalized curves with `t* = (p / p_ref)^gamma * 1e7`, from the losses themselves."""
    L = np.stack([losses(terms, p, 1e7 * np.exp(gamma * u)) for p, u in zip(SIZES, LOG_SIZE, strict=True)])
    return normalize(L, offset_error)


def shares(terms, gamma):
    p_ref = np.exp(np.log(SIZES).mean())
    return horizon_shares(*terms, SIZES, gamma=gamma, kappa=1e7 * p_ref**-gamma)


@given(laws)
def test_curve_from_shares_is_the_curve_from_losses(terms):
    np.testing.assert_allclose(sum_curve(X, terms[1], shares(terms, 0.9)), exact_curves(terms, 0.9), rtol=1e-12)


@given(laws)
def test_gamma_sensitivity_is_the_finite_difference(terms):
    h = 1e-5
    difference = (exact_curves(terms, 0.9 + h) - exact_curves(terms, 0.9 - h)) / (2 * h)
    closed = gamma_sensitivity(X, terms[1], shares(terms, 0.9), LOG_SIZE)
    np.testing.assert_allclose(closed, difference, atol=2e-9 * np.abs(exact_curves(terms, 0.9)).max())


@given(laws)
def test_offset_sensitivity_is_the_finite_difference_and_exact_in_the_measured_reducible_loss(terms):
    R = np.array([losses(terms, p, 1e7 * np.exp(0.9 * u))[-1] for p, u in zip(SIZES, LOG_SIZE, strict=True)])
    h = 1e-5 * R.min()
    difference = (exact_curves(terms, 0.9, h) - exact_curves(terms, 0.9, -h)) / (2 * h)
    l = exact_curves(terms, 0.9)
    round_off = 1e-14 * l.max() / h
    np.testing.assert_allclose(offset_sensitivity(l, R), difference, rtol=1e-8, atol=round_off)
    e = 0.3 * R.min()  # no longer small
    exact = 1 + (l - 1) * (1 + e / (R - e))[:, None]
    np.testing.assert_allclose(exact, exact_curves(terms, 0.9, e), rtol=1e-12)


@given(laws, st.sampled_from(["gamma", "offset"]))
def test_deviation_sensitivity_is_the_finite_difference(terms, which):
    l, share = exact_curves(terms, 0.9), shares(terms, 0.9)
    if which == "gamma":
        dl, moved = gamma_sensitivity(X, terms[1], share, LOG_SIZE), lambda h: exact_curves(terms, 0.9 + h)
    else:
        R = np.array([losses(terms, p, 1e7 * np.exp(0.9 * u))[-1] for p, u in zip(SIZES, LOG_SIZE, strict=True)])
        dl, moved = offset_sensitivity(l, R), lambda h: exact_curves(terms, 0.9, h)
    h = 1e-6 / max(np.abs(dl).max(), 1e-3)
    h = min(h, 1e-6 * R.min()) if which == "offset" else h
    delta = [collapse_deviation(moved(step), np.arange(SIZES.size)) for step in (h, -h)]
    base = collapse_deviation(l, np.arange(SIZES.size))
    smooth = base > 1e-3  # away from the kink at Delta = 0
    difference = (delta[0] - delta[1]) / (2 * h)
    tolerance = 1e-5 * np.abs(dl).max() + 1e-15 / h
    np.testing.assert_allclose(deviation_sensitivity(l, dl)[smooth], difference[smooth], rtol=1e-6, atol=tolerance)


def test_two_terms_off_balance_have_the_published_form():
    mu, nu, a, b = 0.5, 0.45, 1.3, 2.0
    terms = np.array([[a, b], [mu, 0.0], [0.0, nu]])
    share = shares(terms, nu / mu)
    w_A, w_B = share[:, 0]
    l = sum_curve(X, terms[1], share)
    expected = -mu * LOG_SIZE[:, None] * w_A * w_B * (X**-mu - 1)
    np.testing.assert_allclose(gamma_sensitivity(X, terms[1], share, LOG_SIZE), expected, atol=1e-14)
    per_eps = mu * w_A * w_B * (X**-mu - 1) / l[0] * LOG_SIZE.std(ddof=1)
    np.testing.assert_allclose(deviation_sensitivity(l, expected), per_eps, atol=1e-14)
    eps = 1e-4
    measured = collapse_deviation(exact_curves(terms, nu / mu + eps), np.arange(SIZES.size))
    np.testing.assert_allclose(measured, eps * per_eps, rtol=1e-3, atol=1e-12)


def test_both_errors_have_the_same_shape_in_x_for_two_terms_only():
    two = np.array([[1.3, 2.0], [0.5, 0.0], [0.0, 0.5]])
    three = np.array([[1.3, 2.0, 1.0], [0.5, 0.0, 0.9], [0.0, 0.5, -0.3]])
    for terms, same in ((two, True), (three, False)):
        share = shares(terms, 1.0)
        by_gamma = gamma_sensitivity(X[:-1], terms[1], share, LOG_SIZE)[0]
        by_offset = sum_curve(X[:-1], terms[1], share)[0] - 1
        ratio = by_gamma / by_offset
        assert (np.ptp(ratio) < 1e-12) == same


def test_sympy_agrees_with_the_covariance_form_for_three_terms():
    x, kappa = sympy.symbols("x kappa", positive=True)
    a, mu = sympy.symbols("a1:4", positive=True), sympy.symbols("mu1:4", positive=True)
    T = [ai * kappa**-mi for ai, mi in zip(a, mu, strict=True)]
    w = [Ti / sum(T) for Ti in T]
    l = sum(Ti * x**-mi for Ti, mi in zip(T, mu, strict=True)) / sum(T)
    mean = sum(wi * mi for wi, mi in zip(w, mu, strict=True))
    covariance = sum(wi * (mi - mean) * x**-mi for wi, mi in zip(w, mu, strict=True))
    assert sympy.simplify(kappa * sympy.diff(l, kappa) + covariance) == 0


def test_limits():
    assert kappa_sensitivity(X, [0.5, 0.5], [0.3, 0.7]) == pytest.approx(0.0, abs=1e-15)  # one shape only
    assert kappa_sensitivity(X, [0.5, 0.0], [1.0, 0.0]) == pytest.approx(0.0, abs=1e-15)  # one term only
    assert offset_sensitivity([[1.5, 1.0]], [1e9]) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: horizon_shares([1, 0], [1, 0], [0, 1], [1.0], gamma=1), r"horizon_shares needs `a` > 0; got 0"),
        (lambda: kappa_sensitivity(X, [0.5, 0], [[1.0]]), r"needs one row of `share` per exponent in `mu`; got \(2,\)"),
        (lambda: kappa_sensitivity(X, [0.5, 0], [0.5, 0.6]), r"needs shares >= 0 that sum to 1 at each size; got sums"),
        (lambda: offset_sensitivity([[1.5]], [-0.1]), r"offset_sensitivity needs `reducible` > 0; got -0.1"),
        (lambda: deviation_sensitivity([[1.5]], [[1.0]]), r"needs curves of at least 2 sizes.*got shape \(1, 1\)"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()
