"""gamma*, kappa and frontier against a numeric optimum, against other formulas, and in the degenerate cases."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from scaling_collapse import InputError
from scaling_collapse.theory import ScalingLaw, Term, optimal_exponents

mp = mpmath.mp


def number(expr):
    """A sympy number at mpmath's working precision."""
    return mpmath.mpf(sympy.N(expr, mp.dps))


def naive_optimum(law, log_compute):
    """`ln t, ln p, ln R` of the smallest loss at compute `C = 6 t p`, by bisecting its slope along t p = C/6."""
    terms = [(number(k.a), number(k.mu), number(k.nu)) for k in law.terms]
    log_n = log_compute - mpmath.log(6)

    def values(u):
        return [a * mpmath.exp(-mu * u - nu * (log_n - u)) for a, mu, nu in terms]

    def slope(u):
        return sum((nu - mu) * v for v, (_, mu, nu) in zip(values(u), terms, strict=True))

    low, high = -log_n, 2 * log_n
    assert slope(low) < 0 < slope(high)
    for _ in range(int(mp.prec) + 10):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return low, log_n - low, mpmath.log(sum(values(low)))


coefficient, exponent = st.floats(0.05, 20), st.floats(0.1, 2)


@given(coefficient, coefficient, exponent, exponent)
@hypothesis_settings(max_examples=40)
def test_two_terms_agree_with_a_numeric_optimum(a, b, mu, nu):
    law = ScalingLaw(terms=[Term(a, mu, 0), Term(b, 0, nu)], L0=1.7)
    best = law.compute_optimal()
    assert best.only.exact
    with mp.workdps(30):
        log_c = [15 * mpmath.log(10), 21 * mpmath.log(10)]
        (u1, v1, r1), (u2, v2, r2) = (naive_optimum(law, c) for c in log_c)
        assert abs((u2 - u1) / (v2 - v1) - float(best.gamma)) < 1e-8 * float(best.gamma)
        assert abs(u1 - number(best.gamma) * v1 - mpmath.log(number(best.kappa))) < 1e-8
        assert abs((r1 - r2) / (6 * mpmath.log(10)) - float(best.exponent)) < 1e-8
        frontier = sympy.lambdify("C", best.frontier - law.L0, "mpmath")(mpmath.mpf(10) ** 15)
        assert abs(mpmath.log(frontier) - r1) < 1e-8


def test_two_symbolic_terms_and_their_limits():
    best = ScalingLaw("L0 + a*t**-mu + b*p**-nu").compute_optimal()
    a, b, mu, nu, C = sympy.symbols("a b mu nu C", positive=True)
    assert best.gamma == nu / mu
    assert sympy.simplify(best.kappa - (mu * a / (nu * b)) ** (1 / mu)) == 0
    assert sympy.simplify(best.exponent - mu * nu / (mu + nu)) == 0
    assert best.only.condition == sympy.true
    # Independent: put the horizon back into the law, at t p = C / 6.
    p = ((C / 6) / best.kappa) ** (1 / (1 + best.gamma))
    put_back = a * (best.kappa * p**best.gamma) ** -mu + b * p**-nu
    point = {a: 3.7, b: 0.21, mu: 0.31, nu: 0.47, C: 1e19}
    assert float((best.frontier - sympy.Symbol("L0", positive=True)).subs(point)) == pytest.approx(
        float(put_back.subs(point)), rel=1e-12
    )
    # Limit case: data as valuable as parameters.
    equal = best.law.subs({"nu": "mu", "b": "a"}).compute_optimal()
    assert (equal.gamma, equal.kappa, equal.exponent) == (1, 1, mu / 2)


def test_mixed_terms_need_opposite_pulls_and_a_growing_horizon():
    best = ScalingLaw("a1*t**-m1*p**-n1 + a2*t**-m2*p**-n2").compute_optimal()
    assert len(best.regions) == 2
    numbers = {"m1": 0.9, "n1": 0.2, "m2": 0.1, "n2": 0.8, "a1": 2, "a2": 3}
    point = {sympy.Symbol(k, positive=True): v for k, v in numbers.items()}
    direct = best.law.subs(numbers).compute_optimal()
    for name in ("gamma", "kappa", "exponent", "amplitude"):
        assert float(best.piecewise(name).subs(point)) == pytest.approx(float(getattr(direct, name)), rel=1e-12)
    with pytest.raises(InputError, match="exponents that decide between its 2 regions"):
        _ = best.gamma


def pulling(pulls):
    """Terms `(a, mu, nu)` with `mu - nu` a tenth of one of `pulls`."""
    rows = st.tuples(st.floats(0.5, 2), st.integers(0, 8), st.sampled_from(pulls))
    return rows.map(lambda r: (r[0], (r[1] + max(r[2], 0)) / 10, (r[1] + max(-r[2], 0)) / 10))


FEW, MANY = range(-10, -2), range(3, 11)


@given(pulling(MANY), pulling(FEW), st.lists(pulling([*FEW, 0, *MANY]), min_size=1, max_size=3))
@hypothesis_settings(max_examples=40)
def test_three_and_more_terms_agree_with_a_numeric_optimum_at_large_size(one, two, others):
    """At p = 10^(8 / smallest gap) the local exponents of the numeric optimum are gamma* and B to 1e-6.

    What is left there is 1e-8 times a ratio of weights, which grows without bound as two terms come to pull alike:
    here they pull by |mu - nu| >= 0.3, or not at all.
    """
    assume(all(m + n > 0 for _, m, n in others))
    law = ScalingLaw(terms=[Term(*row) for row in (one, two, *others)])
    best = law.compute_optimal().only
    assume(best.status == "optimum" and not best.exact)
    gaps = [k.delta(best.gamma) - law.terms[best.balanced[0]].delta(best.gamma) for k in law.terms]
    gap = float(min(g for g in gaps if g > 0))
    with mp.workdps(60):
        log_p = 8 / mpmath.mpf(gap) * mpmath.log(10)
        log_c = mpmath.log(6) + (1 + number(best.gamma)) * log_p
        (u1, v1, r1), (u2, v2, r2) = (naive_optimum(law, c) for c in (log_c, log_c + mpmath.mpf("0.01")))
        assert abs((u2 - u1) / (v2 - v1) / number(best.gamma) - 1) < 1e-6
        assert abs(-(r2 - r1) / mpmath.mpf("0.01") - number(best.exponent)) < 1e-6
        assert abs(u1 - number(best.gamma) * v1 - mpmath.log(number(best.kappa))) < 1e-5
        assert abs(r1 - mpmath.log(number(best.amplitude)) + number(best.exponent) * log_c) < 1e-5


def test_rates_of_the_next_order():
    """Frontier and horizon become power laws as C^-rate and p^-horizon_rate; mu = nu moves only the frontier."""
    law = ScalingLaw("2*t**-0.5 + p**-0.4 + 0.7*(t*p)**-0.3 + 3*t**-0.7*p**-0.1")
    best = law.compute_optimal().only
    assert best.balanced == (0, 3)
    corrections = []
    with mp.workdps(80):
        gamma, B = (number(e) for e in (best.gamma, best.exponent))
        amplitude, kappa = (number(e) for e in (best.amplitude, best.kappa))
        for log_c in (mpmath.mpf(150), mpmath.mpf(250)):
            u, v, r = naive_optimum(law, log_c)
            corrections.append((r - mpmath.log(amplitude) + B * log_c, u - gamma * v - mpmath.log(kappa), v))
        (frontier1, horizon1, v1), (frontier2, horizon2, v2) = corrections
        assert -mpmath.log(frontier2 / frontier1) / 100 == pytest.approx(float(best.rate), rel=1e-3)
        assert -mpmath.log(horizon2 / horizon1) / (v2 - v1) == pytest.approx(float(best.horizon_rate), rel=1e-3)
    assert float(best.horizon_rate) == pytest.approx((3 * 0.0 + 0.7 * 0.8 + 0.1) - 0.4)
    assert float(best.rate) == pytest.approx((0.3 * 1.8 - 0.4) / 1.8)


def test_three_balanced_terms_have_a_numeric_kappa():
    law = ScalingLaw("t**-1 + p**-1 + 7*t**-0.75*p**-0.25")
    best = law.compute_optimal().only
    assert (best.gamma, best.balanced, best.exact) == (1, (0, 1, 2), True)
    with mp.workdps(40):
        u, v, r = naive_optimum(law, mpmath.log(mpmath.mpf(10) ** 18))
        assert abs(u - v - mpmath.log(number(best.kappa))) < 1e-20
        assert abs(r - mpmath.log(number(best.amplitude)) + 18 * mpmath.log(10) / 2) < 1e-20
    kappa = sympy.Symbol("kappa", positive=True)
    assert abs(best.kappa_equation.lhs.subs(kappa, best.kappa)) < 1e-12
    symbolic = ScalingLaw("a*t**-1 + b*p**-1 + c*t**-0.75*p**-0.25").compute_optimal()
    assert symbolic.kappa == kappa
    numbers = {sympy.Symbol(k, positive=True): v for k, v in {"a": 1, "b": 1, "c": 7}.items()}
    assert abs(symbolic.only.kappa_equation.lhs.subs(numbers).subs(kappa, best.kappa)) < 1e-12


def test_a_square_is_exact():
    best = ScalingLaw("(t**-0.5 + p**-0.5)**2").compute_optimal()
    assert (best.gamma, best.kappa, best.exponent, best.only.exact) == (1, 1, sympy.Rational(1, 2), True)


def test_mean_of_mu_under_the_shares_is_the_frontier_exponent():
    for text in ("3*t**-0.7 + 0.2*p**-0.3", "2*t**-1*p**-.1 + p**-.9*t**-.2", "t**-1 + p**-1 + 7*t**-0.75*p**-0.25"):
        law = ScalingLaw(text)
        best = law.compute_optimal().only
        weights = [float(k.a * best.kappa**-k.mu) for k in law.terms]
        assert np.average([float(k.mu) for k in law.terms], weights=weights) == pytest.approx(float(best.exponent))


def test_a_slow_term_with_equal_exponents_makes_an_interval_but_not_the_horizon():
    law = ScalingLaw("t**-1 + 2*p**-1 + 5*(t*p)**-0.2")
    best = law.compute_optimal().only
    assert best.status == "interval"
    assert best.gamma_interval == (sympy.Rational(1, 4), 4)
    without = ScalingLaw("t**-1 + 2*p**-1").compute_optimal()
    assert (best.gamma, best.kappa) == (without.gamma, without.kappa)
    assert best.exponent == sympy.Rational(1, 5)
    assert best.horizon_rate is None
    with mp.workdps(30):
        u, v, r = naive_optimum(law, mpmath.mpf(200))
        assert abs(u - v - mpmath.log(number(best.kappa))) < 1e-15
        assert abs(r - mpmath.log(number(best.amplitude)) + number(best.exponent) * 200) < 1e-15
    # Any gamma in the interval has the frontier's exponent; outside it the loss falls more slowly.
    for gamma, slower in ((0.25, False), (4.0, False), (0.24, True), (4.1, True)):
        local = min((float(k.nu) + gamma * float(k.mu)) / (1 + gamma) for k in law.terms)
        assert (local < 0.2 - 1e-9) is slower


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("t**-1 + t**-0.5*p**-0.2", "more tokens and a smaller model always win"),
        ("p**-1 + (t*p)**-0.2", "a larger model and fewer tokens always win"),
        ("(t*p)**-0.5", "any horizon is as good"),
        ("t**-1*p**-0.5 + t**-0.2*p**-0.4", "gamma\\* is not in \\(0, inf\\)"),
    ],
)
def test_no_optimum_says_why(text, reason):
    best = ScalingLaw(text).compute_optimal()
    assert best.only.status == "no optimum"
    assert best.gamma is None
    with pytest.raises(InputError, match=f"needs gamma where a law has no optimum.*{reason}"):
        ScalingLaw(text).normalized_curve()


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=5, unique=True))
@hypothesis_settings(max_examples=60)
def test_exponents_against_linear_programming(rows):
    """max over theta of min_i (nu_i + theta (mu_i - nu_i)) as a linear program in (theta, value)."""
    mu, nu = np.array(rows, dtype=float).T / 10
    assume(((mu + nu) > 0).all())
    gamma, B = optimal_exponents(mu, nu)
    opposed = (mu > nu).any() and (mu < nu).any()
    best = ScalingLaw(terms=[Term(1, m, n) for m, n in zip(mu, nu, strict=True)]).compute_optimal().only
    assert (best.gamma is None) == bool(np.isnan(gamma))
    if not opposed:
        assert best.gamma is None
        return
    solution = linprog([0, -1], A_ub=np.stack([nu - mu, np.ones_like(nu)], 1), b_ub=nu, bounds=[(None, None)] * 2)
    if best.gamma is None:  # the corner lies outside 0 < theta < 1: the horizon or the size would not grow
        assert solution.x[0] < 1e-9 or solution.x[0] > 1 - 1e-9 or best.status == "no optimum"
        return
    assert -solution.fun == pytest.approx(float(best.exponent), abs=1e-9)
    assert (float(gamma), float(B)) == pytest.approx((float(best.gamma), float(best.exponent)), abs=1e-9)
    if best.status == "optimum":
        assert solution.x[0] == pytest.approx(float(best.gamma / (1 + best.gamma)), abs=1e-9)


@pytest.fixture(scope="module")
def three_terms():
    law = ScalingLaw("a*t**-mu + b*p**-nu + c*t**-m*p**-n").subs({"a": 1, "b": 2, "c": 3})
    return law, law.compute_optimal()


@given(st.lists(st.integers(1, 30), min_size=4, max_size=4))
@hypothesis_settings(max_examples=40)
def test_symbolic_regions_agree_with_numbers(three_terms, values):
    law, best = three_terms
    numbers = dict(zip(("mu", "nu", "m", "n"), (sympy.Rational(v, 10) for v in values), strict=True))
    direct = law.subs(numbers).compute_optimal().only
    assume(direct.status == "optimum" and len(direct.balanced) == 2)  # regions are open: not on a boundary
    point = {sympy.Symbol(k, positive=True): v for k, v in numbers.items()}
    holding = [r for r in best.regions if r.condition.subs(point) == sympy.true]
    assert len(holding) == 1
    for name in ("gamma", "kappa", "exponent", "amplitude", "rate"):
        value = float(getattr(holding[0], name).subs(point))
        assert value == pytest.approx(float(getattr(direct, name)), rel=1e-9)


def test_many_symbols_of_one_slope():
    best = ScalingLaw("a*t**-mu + b*p**-nu + c*(t*p)**-m").compute_optimal()
    assert [r.status for r in best.regions] == ["optimum", "interval"]
    mu, nu, m = sympy.symbols("mu nu m", positive=True)
    assert best.regions[1].condition == sympy.Gt(mu * nu, m * mu + m * nu)
    low, high = (e.subs({mu: 1, nu: 1, m: 0.2}) for e in best.regions[1].gamma_interval)
    assert (float(low), float(high)) == pytest.approx((0.25, 4.0))


def test_too_many_symbols_are_refused_before_the_work():
    text = " + ".join(f"t**-m{k}*p**-n{k}" for k in range(6))
    with pytest.raises(InputError, match="at most 5 terms while exponents are symbols; got 6"):
        ScalingLaw(text).compute_optimal()
