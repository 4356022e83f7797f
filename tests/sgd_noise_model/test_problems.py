"""Problems: the eigenbasis against dense linear algebra, the deterministic equivalent against draws."""

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.sgd_noise_model import from_eigenvalues, power_law
from scaling_collapse.sgd_noise_model.problems import Problem


def test_draw_is_the_dense_eigenproblem():
    d, v, alpha, beta = 6, 15, 0.7, 0.4
    j = np.arange(1.0, v + 1)
    w = np.random.default_rng(3).standard_normal((v, d)) / np.sqrt(d)
    root = np.diag(j**-alpha)
    lam, u = np.linalg.eigh(root @ w @ w.T @ root)
    rho = (u.T @ (root @ j**-beta)) ** 2
    problem = power_law(d, v=v, alpha=alpha, beta=beta, seed=3)
    np.testing.assert_allclose(problem.eigenvalues, lam[-d:], rtol=1e-10)
    np.testing.assert_allclose(problem.initial, rho[-d:], rtol=1e-8)
    assert problem.frozen == pytest.approx(rho[:-d].sum())
    assert problem.initial_loss == pytest.approx(0.5 * (j ** (-2 * (alpha + beta))).sum())


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.3), (0.8, 0.6), (0.4, 0.3), (0.27, 0.8), (0.2, 0.8)])
def test_equivalent_is_what_draws_scatter_about(alpha, beta):
    """Kernels exp(-2 lambda t) of both measures: within 5 standard errors of the mean of draws, plus 1 %, O(1/d)."""
    d, v, draws = 120, 480, 16
    many = [power_law(d, v=v, alpha=alpha, beta=beta, seed=s) for s in range(draws)]
    limit = power_law(d, v=v, alpha=alpha, beta=beta, features="equivalent")
    assert limit.counts.sum() == pytest.approx(d, rel=1e-6)
    assert limit.trace == pytest.approx((np.arange(1.0, v + 1) ** (-2 * alpha)).sum(), rel=1e-6)
    assert limit.initial_loss == pytest.approx(many[0].initial_loss, rel=1e-6)

    def memory(p, t):
        return p.frozen + p.initial @ np.exp(-2 * p.eigenvalues * t)

    def noise(p, t):
        return (p.counts * p.eigenvalues**2) @ np.exp(-2 * p.eigenvalues * t)

    slowest = np.median([p.eigenvalues.min() for p in many])
    for t in np.geomspace(0.1, 0.3 / slowest, 8):
        for kernel in (memory, noise):
            got = np.array([kernel(p, t) for p in many])
            bound = 5 * got.std(ddof=1) / np.sqrt(draws) + 0.01 * got.mean()
            assert abs(kernel(limit, t) - got.mean()) < bound, (t, kernel.__name__)


def test_equivalent_reproduces_its_own_resolvent():
    """Independent of draws: sum_j 1/(lambda_j + kappa) against the fixed point, solved here by bisection."""
    d, v, alpha, beta = 5000, 20000, 0.6, 0.5
    problem = power_law(d, v=v, alpha=alpha, beta=beta, features="equivalent")
    spectrum = np.arange(1.0, v + 1) ** (-2 * alpha)
    for kappa in (1e-3, 1e-2, 0.1, 1.0):
        low, high = 0.0, 1.0
        for _ in range(100):
            m = (low + high) / 2
            low, high = (m, high) if m * (1 + (spectrum / (spectrum * m + kappa)).sum() / d) < 1 else (low, m)
        expected = (spectrum * m / (spectrum * m + kappa)).sum()
        got = problem.counts @ (problem.eigenvalues / (problem.eigenvalues + kappa))
        assert got == pytest.approx(expected, rel=1e-5)
        rho = (spectrum * np.arange(1.0, v + 1) ** (-2 * beta) / (spectrum * m + kappa)).sum()
        mine = problem.initial @ (1 / (problem.eigenvalues + kappa)) + problem.frozen / kappa
        assert mine == pytest.approx(rho, rel=1e-5)


def test_no_frozen_mass_where_v_is_d():
    assert power_law(50, v=50, alpha=0.8, beta=0.5, features="equivalent").frozen == 0.0


def test_zero_eigenvalues_are_frozen():
    problem = from_eigenvalues([2.0, 0.0, 1.0], [1.0, 3.0, 2.0])
    assert problem.frozen == 3.0
    assert problem.trace == 3.0
    np.testing.assert_array_equal(problem.eigenvalues, [2.0, 1.0])


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: power_law(0, alpha=1, beta=1), r"power_law needs `d` a whole number >= 1; got 0"),
        (lambda: power_law(8, v=4, alpha=1, beta=1), r"power_law needs `v` >= d \(8\); got 4"),
        (lambda: power_law(8, alpha=0.2, beta=0.2), r"alpha \+ beta > 1/2; got alpha=0.2, beta=0.2"),
        (lambda: power_law(8, alpha=1, beta=1, features="mean"), r"`features` 'draw' or 'equivalent'; got 'mean'"),
        (lambda: from_eigenvalues([1.0, 2.0], [1.0]), r"`initial` of the shape of `eigenvalues` \(2,\); got \(1,\)"),
        (lambda: from_eigenvalues([1.0, -2.0], [1.0, 1.0]), r"finite `eigenvalues` > 0; got -2.0 at index 1"),
        (lambda: from_eigenvalues([1.0], [np.nan]), r"finite `initial` >= 0; got nan at index 0"),
        (lambda: from_eigenvalues([0.0], [1.0]), r"at least 1 positive eigenvalue; got none"),
        (lambda: from_eigenvalues([1.0], [1.0], label_noise=-1), r"`label_noise` >= 0; got -1.0"),
        (lambda: from_eigenvalues([1.0], [1.0], params=0), r"`params` > 0; got 0.0"),
        (lambda: Problem(eigenvalues=[1.0], initial=[1.0, 2.0], counts=[1.0]), r"`initial` of shape \(1,\).*\(2,\)"),
    ],
)
def test_refusals(make, match):
    with pytest.raises(InputError, match=match):
        make()
