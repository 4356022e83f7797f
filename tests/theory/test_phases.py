"""The 4+3 phases: terms, gamma* and frontier exponent against the corner of the terms, and the boundaries."""

import numpy as np
import pytest
import sympy

from scaling_collapse import InputError
from scaling_collapse.theory import (
    PHASES,
    optimal_exponents,
    phase_boundary,
    phase_exponents,
    phase_frontier_exponent,
    phase_gamma,
    phase_law,
    phase_of,
)

ALPHA_IV = 1 - 0.5**0.5


def random_points(n=30_000):
    """Points of the domain, with enough in the narrow phase IVb."""
    rng = np.random.default_rng(11)
    alpha = np.concatenate([rng.uniform(0.02, 1.5, n), rng.uniform(0.25, ALPHA_IV, n // 10)])
    beta = np.concatenate([rng.uniform(0.02, 2.0, n), rng.uniform(0.5, 2.0, n // 10)])
    inside = alpha + beta > 0.5
    return alpha[inside], beta[inside]


def naive_phase(alpha, beta):
    """The map as one would say it."""
    if alpha > 0.5:
        return "Ia" if beta < 0.5 else "II" if beta < alpha else "III"
    if beta < 0.5:
        return "Ib"
    return "Ic" if alpha < 0.25 else "IVb" if alpha < ALPHA_IV else "IVa"


def all_terms(alpha, beta):
    """Every term that exists at a point, kept by its phase or not; written out again from the paper."""
    m = 1 + beta / alpha - 1 / (2 * alpha)
    terms = [(0, 2 * alpha - max(0, 1 - 2 * beta)), (m, 0 if alpha > 0.5 else -(1 - 2 * alpha) * m)]
    if alpha > 0.5 and beta > 0.5:
        terms.append((1 - 1 / (2 * alpha), 1))
    if alpha > 0.25:
        terms.append((2 - 1 / (2 * alpha), 0 if alpha > 0.5 else (1 - 2 * alpha) ** 2 / (2 * alpha)))
    return terms + [(np.nan, np.nan)] * (4 - len(terms))


def test_phase_map_has_all_seven_phases():
    alpha, beta = random_points()
    phase = phase_of(alpha, beta)
    assert set(phase) == set(PHASES)
    assert min(np.unique(phase, return_counts=True)[1]) > 500
    assert all(found == naive_phase(a, b) for found, a, b in zip(phase, alpha, beta, strict=True))


def test_gamma_and_frontier_exponent_follow_from_the_terms():
    alpha, beta = random_points()
    assert alpha.size > 10_000
    gamma, B = optimal_exponents(*phase_exponents(alpha, beta))
    np.testing.assert_allclose(phase_gamma(alpha, beta), gamma, rtol=1e-9)
    np.testing.assert_allclose(phase_frontier_exponent(alpha, beta), B, rtol=1e-9)
    every = np.array([all_terms(a, b) for a, b in zip(alpha, beta, strict=True)])
    gamma, B = optimal_exponents(every[..., 0], every[..., 1])  # terms that a phase leaves out never bind
    np.testing.assert_allclose(phase_gamma(alpha, beta), gamma, rtol=1e-9)
    np.testing.assert_allclose(phase_frontier_exponent(alpha, beta), B, rtol=1e-9)


def test_kept_terms_are_those_of_the_paper():
    alpha, beta = random_points()
    mu, nu = phase_exponents(alpha, beta)
    kept = {"I": {0, 1}, "II": {0, 1, 2}, "III": {0, 2, 3}, "IV": {0, 1, 3}}
    for phase in PHASES:
        here = phase_of(alpha, beta) == phase
        present = set(np.flatnonzero(~np.isnan(mu[here][0])))
        assert present == kept[phase.rstrip("abc")]
        assert (np.isnan(mu[here]) == np.isnan(mu[here][0])).all()
        assert (np.isnan(mu) == np.isnan(nu)).all()
    every = np.array([all_terms(a, b) for a, b in zip(alpha, beta, strict=True)])
    order = every[:, [0, 1]]  # F0 and Fpp stand first in both
    present = ~np.isnan(mu[:, :2])
    np.testing.assert_allclose(mu[:, :2][present], order[..., 0][present], rtol=1e-12)
    np.testing.assert_allclose(nu[:, :2][present], order[..., 1][present], rtol=1e-12, atol=1e-15)


POINTS = {
    "Ia": (0.9, 0.3),
    "Ib": (0.4, 0.3),
    "Ic": (0.2, 0.8),
    "II": (0.6, 0.52),
    "III": (0.7, 1.1),
    "IVa": (0.4, 0.9),
    "IVb": (0.27, 0.8),
}


@pytest.mark.parametrize("phase", PHASES)
def test_scaling_law_of_each_phase_agrees(phase):
    alpha, beta = POINTS[phase]
    assert phase_of(alpha, beta) == phase
    best = phase_law(alpha, beta, coefficients={"F0": 2, "Fpp": 3}).compute_optimal().only
    assert float(best.gamma) == pytest.approx(float(phase_gamma(alpha, beta)), rel=1e-12)
    assert float(best.exponent) == pytest.approx(float(phase_frontier_exponent(alpha, beta)), rel=1e-12)
    symbolic = phase_law("alpha", "beta", phase=phase).compute_optimal()
    point = {sympy.Symbol("alpha", positive=True): alpha, sympy.Symbol("beta", positive=True): beta}
    holding = [r for r in symbolic.regions if r.condition.subs(point) == sympy.true]
    assert [float(r.gamma.subs(point)) for r in holding] == pytest.approx([float(best.gamma)])


def test_published_table_of_gamma():
    """Closed forms as printed, at one point of each phase."""
    a, b = sympy.symbols("a b")
    published = {
        "Ia": 2 * a,
        "Ib": 1 + 0 * a,
        "Ic": 4 * a**2 / (2 * a + 2 * b - 1) + 1 - 2 * a,
        "II": a / b,
        "III": 1 + 0 * a,
        "IVa": 1 + 0 * a,
        "IVb": b * (1 - 2 * a) / (b - a),
    }
    for phase, (alpha, beta) in POINTS.items():
        assert float(phase_gamma(alpha, beta)) == pytest.approx(float(published[phase].subs({a: alpha, b: beta})))


@pytest.mark.parametrize(
    ("alpha", "beta", "phases", "logarithm", "jump"),
    [
        (0.5, 0.3, ("Ib", "Ia"), True, False),
        (0.5, 0.8, ("IVa", "III"), True, False),
        (0.8, 0.5, ("Ia", "II"), True, False),
        (0.1, 0.5, ("Ib", "Ic"), True, False),
        (0.27, 0.5, ("Ib", "IVb"), True, False),
        (0.4, 0.5, ("Ib", "IVa"), True, False),
        (0.25, 0.8, ("Ic", "IVb"), True, False),
        (ALPHA_IV, 0.8, ("IVb", "IVa"), False, True),
        (0.7, 0.7, ("II", "III"), False, False),
    ],
)
def test_boundaries(alpha, beta, phases, logarithm, jump):
    found = phase_boundary(alpha, beta)
    assert (found.phases, found.logarithm) == (phases, logarithm)
    assert (abs(found.gamma[0] - found.gamma[1]) > 1e-9) is jump
    # gamma on either side and the frontier's exponent, which is continuous everywhere, a little away from it.
    step = 1e-7
    near = [(alpha + i * step, beta + j * step) for i in (-1, 1) for j in (-1, 1)]
    around = {str(phase_of(*point)): float(phase_gamma(*point)) for point in near}
    for phase, gamma in zip(phases, found.gamma, strict=True):
        assert around[phase] == pytest.approx(gamma, abs=1e-5)
    exponents = [float(phase_frontier_exponent(*point)) for point in near]
    assert max(exponents) - min(exponents) < 1e-5
    assert phase_boundary(alpha + 0.013, beta + 0.029) is None


def test_where_gamma_jumps_the_terms_leave_an_interval():
    """On alpha = 1 - 1/sqrt 2 Kpp has mu = nu: the ends of the interval are the gammas of IVa and IVb."""
    law = phase_law("1 - 1/sqrt(2)", 0.8)
    best = law.compute_optimal().only
    boundary = phase_boundary(ALPHA_IV, 0.8)
    assert best.status == "interval"
    assert sorted(map(float, best.gamma_interval)) == pytest.approx(sorted(boundary.gamma))
    assert float(best.exponent) == pytest.approx(ALPHA_IV)
    a, b = ALPHA_IV, 0.8  # the optimum itself balances F0 and Fpp, as in phase Ic
    assert float(best.gamma) == pytest.approx(4 * a**2 / (2 * a + 2 * b - 1) + 1 - 2 * a)


def test_domain_and_names():
    with pytest.raises(InputError, match=r"phase_of needs alpha > 0, beta > 0 and alpha \+ beta > 1/2; got alpha=0.2"):
        phase_of([0.6, 0.2], 0.25)
    with pytest.raises(InputError, match="phase_gamma needs alpha > 0"):
        phase_gamma(-1, 3)
    with pytest.raises(InputError, match=r"phase_law needs one of the phases Ia, .* for symbols; got None"):
        phase_law("alpha", "beta")
    with pytest.raises(InputError, match="which is II; got 'III'"):
        phase_law(0.6, 0.52, phase="III")
    with pytest.raises(InputError, match="coefficients named F0, Fpp, Fac, Kpp; got 'F1'"):
        phase_law(0.6, 0.52, coefficients={"F1": 2})
    assert phase_of(np.full((2, 1), 0.6), np.full(3, 0.52)).shape == (2, 3)
