"""Laws with logarithms: horizon, frontier, limit and rate against the definition, in mpmath at astronomical sizes."""

import mpmath
import numpy as np
import pytest
import sympy

from scaling_collapse import InputError
from scaling_collapse.theory import ScalingLaw, Term, derive
from scaling_collapse.theory.laws.collapse_cases import X
from scaling_collapse.theory.laws.law_parsing import P
from tests.naive import log_loss, log_normalized, optimum_at_compute

mp = mpmath.mp


def number(expr):
    """A sympy number at mpmath's working precision."""
    return mpmath.mpf(sympy.N(expr, mp.dps))


BALANCED = [
    # law, gamma, power of ln p in the horizon, power of ln C in the frontier
    ("2*t**-0.5*log(t) + 3*p**-0.5", 1, 2, "1/2"),
    ("2*t**-0.5*log(t)**2 + p**-0.25", "1/2", 4, "2/3"),
    ("t**-0.7 + 5*p**-0.3*log(p)", "3/7", "-10/7", "7/10"),
    ("t**-0.5*log(3*t) + 2*p**-0.5*log(p)**0.5", 1, 1, "3/4"),
    ("t**-1*p**-0.1*log(t)*log(p) + p**-0.8", "7/10", 2, "16/17"),
    ("(t**-0.5 + p**-0.5)*log(p)", 1, 0, 1),
    ("(t**-0.5 + 2*p**-0.5)*log(t)**-0.5", 1, 0, "-1/2"),
    ("t**-0.5*(log(t) - 3) + p**-0.5", 1, 2, "1/2"),
    ("t**-0.5*(log(t) + log(p)) + p**-0.5", 1, 2, "1/2"),
]


@pytest.mark.parametrize(("text", "gamma", "s", "q"), BALANCED)
def test_horizon_and_frontier_approach_the_numeric_optimum(text, gamma, s, q):
    law = ScalingLaw(text)
    best = law.compute_optimal().only
    assert (best.gamma, best.horizon_logs, best.frontier_logs) == tuple(map(sympy.Rational, (gamma, s, q)))
    assert (best.rate, best.exact) == (0, False)
    horizon, frontier = [], []
    with mp.workdps(120):
        for log_c in (mpmath.mpf(10) ** 8, mpmath.mpf(10) ** 16):
            u, v, r = optimum_at_compute(law, log_c)
            shift = u - number(best.gamma) * v - number(best.horizon_logs) * mpmath.log(v)
            horizon.append(shift - mpmath.log(number(best.kappa)))
            level = mpmath.log(number(best.amplitude)) + number(best.frontier_logs) * mpmath.log(log_c)
            frontier.append(r + number(best.exponent) * log_c - level)
            bound = 60 * mpmath.log(log_c) / log_c if best.order != 1 / sympy.sqrt(sympy.log(sympy.Symbol("C"))) else 1
            assert abs(horizon[-1]) < bound
            assert abs(frontier[-1]) < bound
    assert abs(horizon[1]) < 1e-6
    assert abs(frontier[1]) < 1e-6


@pytest.mark.parametrize(("text", "gamma", "s", "q"), BALANCED)
def test_limit_rate_and_coefficient_against_the_definition(text, gamma, s, q):
    """At ln p = 10^1000 what follows ln ln p / ln p, which is 1 / ln p, is smaller by 1 / 2300."""
    law = ScalingLaw(text)
    curve = law.normalized_curve()
    case = curve.only
    with mp.workdps(2600):
        log_p = mpmath.mpf(10) ** 1000
        x = mpmath.mpf(1) / 7
        limit = number(case.limit.subs(X, sympy.Rational(1, 7)))
        found = log_normalized(law, curve.horizon, x, log_p) - limit
        if case.exact:
            assert abs(found) < 1e-28  # kappa has 30 digits
            return
        assert case.zeta == 0
        decay = case.decay.subs(P, sympy.exp(sympy.Symbol("u", positive=True)))
        predicted = number(case.coefficient.subs(X, sympy.Rational(1, 7)))
        predicted *= sympy.lambdify("u", decay, "mpmath")(log_p)
        assert abs(found / predicted - 1) < 0.02


def test_which_collapses_are_exact_and_which_take_log_p():
    kinds = {}
    for text in ("(t**-0.5 + p**-0.5)*log(p)", "(t**-0.5 + p**-0.5)*log(t)", "t**-0.5*log(t) + p**-0.5",
                 "t**-0.5 + p**-0.5*log(p)", "t**-0.5 + p**-0.5 + t**-2*log(t)"):  # fmt: skip
        case = ScalingLaw(text).normalized_curve().only
        kinds[text] = (case.kind, str(case.decay))
    assert list(kinds.values()) == [
        ("exact", "None"),
        ("asymptotic", "1/log(p)"),
        ("asymptotic", "log(log(p))/log(p)"),
        ("exact", "None"),
        ("asymptotic", "log(p)/p**(3/2)"),
    ]


def test_a_horizon_without_the_logarithm_ends_in_one_term():
    """At t* ~ p the term with the logarithm wins, as 1 / ln p."""
    law = ScalingLaw("t**-0.5*log(t) + p**-0.5")
    curve = law.normalized_curve(gamma=1, kappa=2)
    assert (curve.kind, curve.limit, curve.only.leading, str(curve.only.decay)) == (
        "trivial",
        1 / sympy.sqrt(X),
        (0,),
        "1/log(p)",
    )
    with mp.workdps(60):
        log_p = mpmath.mpf(10) ** 12
        found = log_normalized(law, curve.horizon, mpmath.mpf("0.25"), log_p) - 2
        assert float(found * log_p) == pytest.approx(float(curve.coefficient.subs(X, 0.25)), rel=1e-9)


def test_symbols():
    best = ScalingLaw("L0 + a*t**-mu*log(t)**k + b*p**-nu").compute_optimal()
    mu, nu, k = sympy.symbols("mu nu k", positive=True)
    assert (best.gamma, best.only.horizon_logs) == (nu / mu, k / mu)
    assert sympy.simplify(best.only.frontier_logs - k * nu / (mu + nu)) == 0
    numbers = {"L0": 0, "a": 2, "b": 3, "mu": 0.4, "nu": 0.3, "k": 2}
    direct = best.law.subs(numbers).compute_optimal()
    point = {sympy.Symbol(name, positive=True): value for name, value in numbers.items()}
    for name in ("gamma", "kappa", "exponent", "amplitude"):
        assert float(getattr(best, name).subs(point)) == pytest.approx(float(getattr(direct, name)), rel=1e-12)
    case = best.law.normalized_curve().only
    assert sympy.simplify(case.limit - (nu * X**-mu + mu) / (mu + nu)) == 0
    with pytest.raises(InputError, match="numbers for powers of logarithms that compete; got"):
        ScalingLaw("a*t**-mu*log(t)**k + a*t**-mu*log(t)**m + b*p**-nu").compute_optimal()


def test_evaluation_by_the_definition():
    law = ScalingLaw("1.5 + 2*t**-0.5*log(t)**2 + p**-0.4*log(10*p)**1")
    t, p = np.array([1e3, 1e9]), np.array([[1e2], [1e7]])
    direct = 1.5 + 2 * t**-0.5 * np.log(t) ** 2 + p**-0.4 * np.log(10 * p)
    np.testing.assert_allclose(law(t, p), direct, rtol=1e-13)
    curve = law.normalized_curve()
    horizon = float(curve.kappa) * p ** float(curve.gamma) * np.log(p) ** float(curve.logs)
    x = np.array([0.1, 0.6, 1.0])
    np.testing.assert_allclose(curve(x, p), (law(x * horizon, p) - 1.5) / (law(horizon, p) - 1.5), rtol=1e-12)
    written = sympy.lambdify((X, P), curve.expr, "numpy")
    np.testing.assert_allclose(curve(x, p), written(x, p), rtol=1e-10)
    with mp.workdps(40):
        assert float(mpmath.exp(log_loss(law, mpmath.log(1e9), mpmath.log(1e7)))) == pytest.approx(law(1e9, 1e7) - 1.5)
    with pytest.raises(InputError, match=r"with logarithms needs t > 1 and p > 1; got 0\.5, 10"):
        law(0.5, 10)
    with pytest.raises(InputError, match=r"needs p > 1 and x t\* > 1"):
        curve(1e-9, 100.0)


def test_terms_are_read_and_shown():
    law = ScalingLaw("t**-0.5*log(3*t**2*p)")
    rows = {(str(k.a), str(k.log_t), str(k.log_p)) for k in law.terms}
    assert rows == {("2", "1", "0"), ("1", "0", "1"), ("log(3)", "0", "0")}
    assert repr(Term(2, 1, 0, log_t="k")) == "Term(a=2, mu=1, nu=0, log_t=k)"
    assert Term(2, 1, 0, log_p=1).to_json() == {"a": "2", "mu": "1", "nu": "0", "log_p": "1"}


def test_the_text_says_how_slow_it_is():
    text = derive("2*t**-0.5*log(t) + 3*p**-0.5").to_text()
    assert "t_star = kappa*p**gamma*log(p)**2" in text
    assert "dies only as a logarithm of p does" in text
    found = derive("2*t**-0.5*log(t) + 3*p**-0.5").to_json()
    assert (found["gamma"], found["horizon_logs"], found["frontier_logs"], found["rate"]) == (1.0, 2.0, 0.5, 0.0)
    assert (found["decay"], found["kind"]) == ("log(log(p))/log(p)", "asymptotic")
