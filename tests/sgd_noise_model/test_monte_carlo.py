"""Single runs against minibatches drawn one by one, against the exact mean, and against the closed-form variance."""

import numba
import numpy as np
import pytest
from scipy import stats

from scaling_collapse import InputError
from scaling_collapse.sgd_noise_model import from_eigenvalues, monte_carlo, power_law, seed_variance, simulate
from scaling_collapse.sgd_noise_model.solvers.normals import normal, seeded, uniform


def naive_runs(d, v, alpha, beta, s2, eta, batch, seeds):
    """SGD on theta itself, minibatch by minibatch: losses at the end, shape (seeds,)."""
    j = np.arange(1.0, v + 1)
    w = np.random.default_rng(0).standard_normal((v, d)) / np.sqrt(d)
    rng = np.random.default_rng(1)
    theta = np.zeros((seeds, d))
    for e in eta:
        x = rng.standard_normal((seeds, batch, v)) * j**-alpha
        y = x @ j**-beta + np.sqrt(s2) * rng.standard_normal((seeds, batch))
        features = x @ w
        residual = np.einsum("sbd,sd->sb", features, theta) - y
        theta = theta - e / batch * np.einsum("sbd,sb->sd", features, residual)
    return 0.5 * (((theta @ w.T - j**-beta) * j**-alpha) ** 2).sum(1)


@pytest.mark.parametrize(("batch", "s2"), [(1, 0.0), (3, 0.4)])
def test_law_of_the_loss_is_that_of_minibatch_sgd(batch, s2):
    problem = power_law(4, v=7, alpha=0.7, beta=0.4, seed=0, label_noise=s2)
    runs = monte_carlo(problem, "linear", steps=25, peak=0.4, batch=batch, seeds=20_000)
    naive = naive_runs(4, 7, 0.7, 0.4, s2, runs.expected.schedule.eta(), batch, 20_000)
    assert stats.ks_2samp(runs.loss[:, -1], naive).pvalue > 1e-3


@pytest.mark.parametrize(("schedule", "start"), [("constant", "fixed"), ("cosine", "fixed"), ("linear", "random")])
def test_mean_agrees_with_exact_jointly_over_x(schedule, start):
    """Hotelling's T^2 of the mean curve at 20 points; seeds are fixed, so this is one test, not a lottery."""
    problem = power_law(48, alpha=0.8, beta=0.4, label_noise=0.01)
    seeds, points = 4000, 20
    record = np.unique(np.geomspace(2, 400, points).astype(int))
    runs = monte_carlo(problem, schedule, steps=400, peak=0.3, batch=8, seeds=seeds, record=record, start=start)
    off = runs.loss.mean(0) - runs.expected.loss
    statistic = seeds * off @ np.linalg.solve(np.cov(runs.loss.T), off)
    n = record.size
    assert stats.f.sf(statistic * (seeds - n) / (n * (seeds - 1)), n, seeds - n) > 1e-3
    # and the test can fail: a bias of half a standard deviation of one seed is seen at once
    biased = off + 0.2 * runs.loss.std(0)
    statistic = seeds * biased @ np.linalg.solve(np.cov(runs.loss.T), biased)
    assert stats.f.sf(statistic * (seeds - n) / (n * (seeds - 1)), n, seeds - n) < 1e-6


@pytest.mark.parametrize("start", ["fixed", "random"])
def test_variance_and_covariance_agree_with_single_runs(start):
    problem = power_law(24, alpha=0.8, beta=0.4, label_noise=0.05)
    kw = {"steps": 300, "peak": 0.3, "batch": 16, "record": [5, 20, 80, 150, 250, 300], "start": start}
    seeds = 20_000
    runs, closed = monte_carlo(problem, "linear", seeds=seeds, **kw), seed_variance(problem, "linear", **kw)
    centred = runs.loss - runs.expected.loss
    for products, expected in (
        (centred**2, closed.variance),
        (centred * centred[:, -1:], closed.covariance_with_end),
    ):
        z = (products.mean(0) - expected) / (products.std(0) / np.sqrt(seeds))
        assert np.abs(z).max() < 4.0
    assert closed.covariance_with_end[-1] == pytest.approx(closed.end_variance, rel=1e-9)
    ratio = np.log(runs.loss / runs.loss[:, -1:]).var(0)
    if start == "fixed":
        np.testing.assert_allclose(closed.log_ratio_variance[:-1], ratio[:-1], rtol=0.1)


def test_variance_of_one_mode_by_hand():
    """r <- r (1 - eta X / B) with X chi-square of B degrees: variance of the square from its moments."""
    b, eta = 4, 0.3
    closed = seed_variance(from_eigenvalues([1.0], [1.0]), "constant", steps=1, peak=eta, batch=b, record=[1])
    m = np.cumprod(b + 2.0 * np.arange(4)) * (eta / b) ** np.arange(1, 5)  # E (eta X / B)^k
    # given w the direction of z is r's own in one dimension, so u = r X / B exactly
    fourth = 1 - 4 * m[0] + 6 * m[1] - 4 * m[2] + m[3]
    second = 1 - 2 * m[0] + m[1]
    assert closed.variance[0] == pytest.approx(0.25 * (fourth - second**2), rel=1e-12)


def test_seeds_do_not_depend_on_threads_or_on_each_other():
    problem = power_law(16, alpha=0.8, beta=0.4)
    kw = {"steps": 50, "peak": 0.3, "batch": 4}
    all_ = monte_carlo(problem, "linear", seeds=6, **kw).loss
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        np.testing.assert_array_equal(monte_carlo(problem, "linear", seeds=6, **kw).loss, all_)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(monte_carlo(problem, "linear", seeds=[4, 2], **kw).loss, all_[[4, 2]])


@numba.njit
def _draws(seed, n):
    state = seeded(seed, 0)
    z, u = np.empty(n), np.empty(n)
    for i in range(n):
        z[i] = normal(state)
    for i in range(n):
        u[i] = uniform(state)
    return z, u


def test_normal_numbers_are_normal():
    z, u = _draws(7, 2_000_000)
    assert stats.kstest(z[:500_000], "norm").pvalue > 1e-3
    assert stats.kstest(u[:500_000], "uniform").pvalue > 1e-3
    edges = np.array([-np.inf, *np.linspace(-4.5, 4.5, 91), np.inf])
    counts = np.histogram(z, edges)[0]
    expected = z.size * np.diff(stats.norm.cdf(edges))
    assert stats.chi2.sf(((counts - expected) ** 2 / expected).sum(), counts.size - 1) > 1e-3
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 4e-3
    assert not np.array_equal(_draws(8, 10)[0], _draws(7, 10)[0])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"seeds": 0}, r"monte_carlo needs `seeds` as a number >= 1 or whole numbers >= 0; got 0"),
        ({"seeds": [0.5]}, r"monte_carlo needs `seeds` .*got \[0.5\]"),
        ({"seeds": 2, "start": "cold"}, r"monte_carlo needs `start` one of fixed, random; got 'cold'"),
        ({"seeds": 2, "peak": 9.0}, r"monte_carlo needs a peak learning rate below the stability limit"),
    ],
)
def test_refusals(arguments, match):
    with pytest.raises(InputError, match=match):
        monte_carlo(from_eigenvalues([1.0], [1.0]), "constant", **({"steps": 5, "peak": 0.1} | arguments))


def test_merged_problems_are_refused():
    merged = power_law(16, alpha=0.8, beta=0.4, features="equivalent")
    for call in (lambda: monte_carlo(merged, "constant", steps=5, peak=0.1, seeds=2),
                 lambda: seed_variance(merged, "constant", steps=5, peak=0.1)):  # fmt: skip
        with pytest.raises(InputError, match=r"needs a problem of single eigenvalues; got .* with merged ones"):
            call()
    with pytest.raises(InputError, match=r"seed_variance needs `start` one of fixed, random; got 'x'"):
        seed_variance(from_eigenvalues([1.0], [1.0]), "constant", steps=5, peak=0.1, start="x")
    simulate(merged, "constant", steps=5, peak=0.1)
