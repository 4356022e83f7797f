"""Powers of sums and negative coefficients against the definition, in mpmath; what is refused."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_collapse import InputError
from scaling_collapse.theory import ScalingLaw
from scaling_collapse.theory.laws.collapse_cases import X
from scaling_collapse.theory.laws.law_parsing import P
from tests.naive import log_normalized, optimum_at_compute

mp = mpmath.mp

LAWS = [
    # law, whether frontier and collapse are exact
    ("(2*p**-0.3 + 3*t**-0.4)**1.5 + 1", True),
    ("7*(2*p**-0.3 + 3*t**-0.4 + (t*p)**-0.171428571428571428571428571428)**0.5", None),
    ("(2*p**-0.3 + 3*t**-0.4 + t**-0.9)**2.5", False),
    ("(p**-0.3 + t**-0.4)**1.5 + 2*t**-0.5*p**-0.1 + 0.3*(t**-1 + p**-2)**0.7", False),
    ("(p**-0.5 + t**-0.5)**0.5 + 3*(p**-1 + 2*t**-1)**0.25", True),
    ("(p**-0.5 + t**-0.5)**0.5 + 3*t**-0.25", True),
    ("(p**-0.3 + t**-1)**0.5 + 3*t**-0.1", False),
    ("t**-0.5*(p**-0.3 + 2*t**-0.4)**1.5 + p**-0.9", False),
    ("t**-0.5 - 0.1*t**-1 + p**-0.5", False),
    ("t**-1 + p**-1 - 0.5*(t*p)**-0.5", True),
    ("t**-1 + p**-1 - 0.5*t**-0.75*p**-0.25", True),
    ("t**-1 + p**-1 - t**-0.9*p**-0.1 - t**-0.05*p**-0.95 + 2*t**-0.5*p**-0.5", True),
    ("(t**-0.5 - p**-0.5)**2 + 0.1*t**-1 + 3*p**-2", False),
]


def number(expr):
    """A sympy number at mpmath's working precision."""
    return mpmath.mpf(sympy.N(expr, mp.dps))


@pytest.mark.parametrize(("text", "exact"), LAWS)
def test_horizon_and_frontier_against_a_numeric_optimum(text, exact):
    law = ScalingLaw(text)
    best = law.compute_optimal().only
    assert exact is None or best.exact is exact
    with mp.workdps(120):
        size = 60 / float(best.rate) if best.rate is not None else 40
        size = max(size, 60 / float(best.horizon_rate) if best.horizon_rate is not None else 0)
        u, v, r = optimum_at_compute(law, mpmath.mpf(size))
        close = 1e-20 if best.exact else 1e-8
        assert abs(u - number(best.gamma) * v - mpmath.log(number(best.kappa))) < close
        assert abs(r - mpmath.log(number(best.amplitude)) + number(best.exponent) * size) < close


@pytest.mark.parametrize(("text", "exact"), LAWS)
@pytest.mark.parametrize("factor", ["1", "11/10"])
def test_limit_rate_and_coefficient_against_the_definition(text, exact, factor):
    law = ScalingLaw(text)
    best = law.compute_optimal()
    curve = law.normalized_curve(None if factor == "1" else best.gamma * sympy.Rational(factor))
    case, x = curve.only, sympy.Rational(1, 7)
    with mp.workdps(100):
        if case.exact:
            found = [log_normalized(law, curve.horizon, number(x), v) for v in (7, 40)]
            assert max(abs(l - number(case.limit.subs(X, x))) for l in found) < 1e-25
            return
        log_p = mpmath.mpf(55) / number(case.zeta)  # the deviation is e^-55: kappa and weights have 30 digits
        deviation = log_normalized(law, curve.horizon, number(x), log_p) - number(case.limit.subs(X, x))
        predicted = number(case.coefficient.subs(X, x)) * mpmath.exp(-number(case.zeta) * log_p)
        assert case.decay == P**-case.zeta
        assert abs(deviation / predicted - 1) < 2e-3


@pytest.mark.parametrize(("text", "exact"), LAWS)
def test_evaluation_by_the_definition(text, exact):
    law = ScalingLaw(text)
    curve = law.normalized_curve()
    x, p = np.array([0.1, 0.6, 1.0]), np.array([[1e2], [1e7]])
    t = np.array([50.0, 1e5])
    written = sympy.lambdify(("t", "p"), sympy.sympify(text), "numpy")
    np.testing.assert_allclose(law(t, p), written(t, p), rtol=1e-12)
    horizon = float(curve.kappa) * p ** float(curve.gamma)
    direct = (law(x * horizon, p) - float(law.L0)) / (law(horizon, p) - float(law.L0))
    np.testing.assert_allclose(curve(x, p), direct, rtol=1e-9)
    written = sympy.lambdify((X, P), curve.expr, "numpy")(x, p)
    np.testing.assert_allclose(curve(x, p), np.broadcast_to(written, (2, 3)), rtol=1e-9)


@given(st.floats(0.1, 9), st.floats(0.1, 9), st.floats(0.1, 2), st.floats(0.1, 2), st.floats(0.2, 4))
@settings(max_examples=25, deadline=None)
def test_a_power_of_two_terms_is_the_power_of_their_curve(a, b, m, n, c):
    law = ScalingLaw(f"1.5 + ({a!r}*p**-{m!r} + {b!r}*t**-{n!r})**{c!r}")
    plain = ScalingLaw(f"{a!r}*p**-{m!r} + {b!r}*t**-{n!r}").compute_optimal()
    best = law.compute_optimal()
    assert float(best.gamma) == pytest.approx(float(plain.gamma), rel=1e-12)
    assert float(best.kappa) == pytest.approx(float(plain.kappa), rel=1e-10)
    assert float(best.exponent) == pytest.approx(c * float(plain.exponent), rel=1e-12)
    assert float(best.amplitude) == pytest.approx(float(plain.amplitude) ** c, rel=1e-10)
    x = np.linspace(0.1, 1, 7)
    curve = law.normalized_curve()
    np.testing.assert_allclose(curve(x, np.array([[1e3], [1e9]])), [((n + m * x**-n) / (m + n)) ** c] * 2, rtol=1e-9)
    assert curve.kind == "exact"


def test_a_power_with_symbols():
    law = ScalingLaw("L0 + (a*p**-m + b*t**-n)**c")
    a, b, c, m, n = sympy.symbols("a b c m n", positive=True)
    best, curve = law.compute_optimal(), law.normalized_curve()
    assert best.gamma == m / n
    assert sympy.simplify(best.kappa - (n * b / (m * a)) ** (1 / n)) == 0
    assert sympy.simplify(best.exponent - c * m * n / (m + n)) == 0
    assert sympy.simplify(curve.limit - ((n + m * X**-n) / (m + n)) ** c) == 0
    assert curve.kind == "exact"
    assert law.subs({"c": 2}) == ScalingLaw("L0 + (a*p**-m + b*t**-n)**2")


@pytest.mark.parametrize(
    ("text", "gamma", "message"),
    [
        ("t**-1 - p**-1", None, "positive term slower than each negative one"),
        ("t**-0.5 - 0.1*t**-0.4 + p**-1", None, r"got -1/\(10\*t\*\*\(2/5\)\), the slowest along some"),
        ("t**-1 + p**-1 - 3*(t*p)**-0.5", None, "balanced terms whose sum is known to stay above 0"),
        ("a*t**-1 + b*p**-1 - c*(t*p)**-0.5", None, "balanced terms whose sum is known to stay above 0"),
        ("t**-0.5*log(t/p) + p**-0.5", None, "positive term slower than each negative one"),
        ("(t**-0.5 - p**-0.5)**2 + 0.001*t**-2 + p**-9", 1, "add up to a loss above L0 along t ~ p"),
    ],
)
def test_sums_that_fall_below_L0_are_refused(text, gamma, message):
    with pytest.raises(InputError, match=message):
        ScalingLaw(text).normalized_curve(gamma, 1)


def test_a_size_at_which_the_loss_is_below_L0_is_refused():
    curve = ScalingLaw("t**-0.5 - 9*t**-1 + p**-0.5").normalized_curve()
    assert float(curve(0.5, 1e9)) > 1
    with pytest.raises(InputError, match="needs a loss above L0 at the horizon of each size; got one below"):
        curve(0.5, 4.0)
