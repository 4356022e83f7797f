"""`ScalingLaw`: what is read, what is refused, and that expansion does not change the loss."""

import itertools
import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_collapse import InputError
from scaling_collapse.theory import ScalingLaw, Term
from scaling_collapse.theory.laws import law_terms
from scaling_collapse.theory.laws.exact_arithmetic import exact_number, power, sign
from scaling_collapse.theory.laws.law_terms import merge
from scaling_collapse.theory.laws.power_law_sum import PowerLawSum
from scaling_collapse.theory.laws.relations import all_of, positive


def naive_loss(law, t, p):
    """Term by term, with Python floats."""
    return float(law.L0) + sum(float(k.a) * t ** -float(k.mu) * p ** -float(k.nu) for k in law.terms)


def test_string_expression_and_terms_agree():
    t, p, a, b, mu, nu, L0 = sympy.symbols("t p a b mu nu L0")  # without assumptions on purpose
    string = ScalingLaw("L0 + a*t**-mu + b*p^-nu")
    assert string == ScalingLaw(L0 + a * t**-mu + b * p**-nu)
    assert string == ScalingLaw(terms=[Term("a", "mu", 0), Term("b", 0, "nu")], L0="L0")
    assert {s.name for s in string.free_symbols} == {"L0", "a", "b", "mu", "nu"}
    assert not string.numeric
    assert hash(string) == hash(ScalingLaw("L0 + a*t**-mu + b*p^-nu"))


@pytest.mark.parametrize(
    ("text", "exponents"),
    [
        ("(t**-0.5 + p**-0.5)**2", [("1", "0"), ("1/2", "1/2"), ("0", "1")]),
        ("sqrt(1/t)*(3 + p^-.25)", [("1/2", "0"), ("1/2", "1/4")]),
        ("(2*t*p)**-0.3/p + t^-2 + t^-2", [("2", "0"), ("3/10", "13/10")]),
        ("a*t**-(2*m+2*n) + b*t**(-2*(m+n))", [("2*m + 2*n", "0")]),
    ],
)
def test_products_and_powers_expand_and_equal_exponents_merge(text, exponents):
    assert [(str(k.mu), str(k.nu)) for k in ScalingLaw(text).terms] == exponents


@given(
    st.lists(st.tuples(st.floats(0.1, 9), st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=3),
    st.integers(1, 3),
    st.floats(0.5, 1e4),
    st.floats(0.5, 1e4),
)
@settings(max_examples=40, deadline=None)
def test_expansion_keeps_the_loss(terms, exponent, t, p):
    text = f"1.5 + (0.25 + {' + '.join(f'{a!r}*t**-{m / 20}*p**-{n / 20}' for a, m, n in terms)})**{exponent}"
    direct = 1.5 + (0.25 + sum(a * t ** (-m / 20) * p ** (-n / 20) for a, m, n in terms)) ** exponent
    law = ScalingLaw(text)
    assert float(law(t, p)) == pytest.approx(direct, rel=1e-12)
    assert naive_loss(law, t, p) == pytest.approx(direct, rel=1e-12)


def test_call_broadcasts_and_checks():
    law = ScalingLaw("1.69 + 410.7*t**-0.28 + 406.4*p**-0.34")
    t, p = np.array([1e9, 1e10, 1e11]), np.array([[1e7], [1e8]])
    expected = [[naive_loss(law, ti, pi) for ti in t] for (pi,) in p]
    np.testing.assert_allclose(law(t, p), expected, rtol=1e-14)
    assert law(1e9, 1e8).shape == ()
    with pytest.raises(InputError, match=r"ScalingLaw needs t > 0 and p > 0; got 0 and 1e\+08"):
        law(0.0, 1e8)
    with pytest.raises(InputError, match="needs numbers for this; got the symbols a, mu"):
        ScalingLaw("a*t**-mu")(1.0, 1.0)


def test_subs_merges_and_folds_constants_into_L0():
    law = ScalingLaw("L0 + a*t**-mu + b*t**-nu*p**-k + c*p**-k")
    merged = law.subs({"mu": 0.3, "nu": "3/10", "L0": 1.7, "k": 1})
    assert [(str(k.mu), str(k.nu)) for k in merged.terms] == [("3/10", "0"), ("3/10", "1"), ("0", "1")]
    assert law.subs({"nu": 0, "k": sympy.Symbol("q")}).terms[1] == Term("b + c", 0, "q")
    with pytest.raises(InputError, match=r"ScalingLaw.subs needs symbols of the law \(L0, a, b, c, k, mu, nu\); got z"):
        law.subs({"z": 1})
    with pytest.raises(InputError, match="without t and p"):
        law.subs({"mu": "p"})


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ("__import__('os').system('true')", "got \"__import__\\('os'\\)"),
        ("(lambda: 0)()", "needs numbers, names"),
        ("a.b*t**-1", "got 'a.b'"),
        ("1e999999**99999", "at most 60 digits, such as 0.5"),
        ("1e999**9", "finite numbers"),
        ("9**9**9**9*t**-1", "exponents of at most 100"),
        ("((9**99)**99)**99*t**-1", "numbers below 1e300"),
        ("1" * 70 + "*t**-1", "at most 60 digits"),
        ("t**-1 + " * 10_000, "at most 1000 characters; got 80000"),
        ("(" * 400 + "t" + ")" * 400, "needs a formula such as"),
        ("-" * 900 + "t", "needs a formula such as|sum of power laws|along which|fall with t"),
        ("t**-", "needs a formula such as"),
        ("", "needs a formula such as"),
        ("0x10*t**-1", "decimal numbers"),
        ("'t'", "decimal numbers"),
        ("2j*t**-1", "decimal numbers"),
        ("gamma*t**-1", "other than C, gamma, kappa, x; got 'gamma'"),
        ("__a*t**-1", "got '__a'"),
        ("(-1)**0.5*t**-1", "real, finite powers"),
        ("t**-1/0", "real, finite powers"),
        ("(t**-.1 + p**-.1 + a)**12*(t**-.3 + p**-.7 + 1)**12", "at most 64 terms"),
        ("t**-1 + (t + p)**-0.5", r"got the part '1/sqrt\(p \+ t\)'"),
        ("t**-1 + (t**-1 - p**-1)**0.5", r"got the part 'sqrt\(1/t - 1/p\)'"),
        ("t**-1 + (t**-1 + 2)**0.5", r"without a constant or a logarithm in it; got the part 'sqrt\(2 \+ 1/t\)'"),
        ("t**-1 + (log(t)/t + p**-1)**0.5", "without a constant or a logarithm in it; got the part"),
        ("(t**-1 + p**-1)**0.5 + log(t)/t", "either logarithms or powers of sums; got both"),
        ("(t**-1 + p**-1)**0.5*(t**-1 + p**-2)**0.5", "got the part"),
        ("t**-1 - (t**-1 + p**-1)**0.5", "got the part"),
        ("+".join(f"(t**-1 + p**-1)**0.{k}" for k in range(1, 6)), "at most 4 powers of sums; got 5"),
        ("t**-1 + log(t + p)/p", r"got the part 'log\(p \+ t\)'"),
        ("t**-1 + log(-2)/p", r"logarithms of what is > 0; got log\(-2\)"),
        ("a*t**-p", "got the part 't"),
        ("t**-1 + (t**-1 + p**-1)**(-13)", "got the part"),
        ("3", "at least 1 term in t or p; got 3"),
        ("t**-1 - t**-1 + 3", "at least 1 term"),
        ("t**-1 - p**-1", r"slower than each negative one.*got -1/p, the slowest along some t ~ p\^gamma"),
        ("t**-1 + p**0.5", "fall with t or with p; got sqrt"),
        ("a*t**mu + p**-1", "fall with t or with p; got a\\*t\\*\\*mu"),
        ("t**-1*p**2 + t**2*p**-1", "along which every term falls"),
    ],
)
def test_refused_with_the_offending_part_before_it_is_expanded(law, message, monkeypatch):
    formed = 0

    def counting(items, whole):
        nonlocal formed
        formed += len(items)
        return merge(items, whole)

    monkeypatch.setattr(law_terms, "merge", counting)
    with pytest.raises(InputError, match=message):
        ScalingLaw(law)
    assert formed < 1000  # the 12th powers would have 91 terms each, and their product thousands


def test_sympy_expressions_are_held_to_the_same_rules():
    t, p = sympy.symbols("t p")
    for bad, message in [
        (sympy.log(t) + 1 / p, "fall with t or with p; got log\\(t\\)"),
        (sympy.log(1 + t) / t, "got the part 'log\\(t \\+ 1\\)'"),
        (sympy.exp(-t), "got the part 'exp"),
        (sympy.I / t, "needs a real `a`"),
        (sympy.oo / t, "needs a real"),
    ]:
        with pytest.raises(InputError, match=message):
            ScalingLaw(bad)
    assert ScalingLaw(sympy.Rational(1, 3) / t + 0.1 / p).terms[1].a == sympy.Rational(1, 10)


def test_constructor_misuse():
    with pytest.raises(InputError, match="either a law or terms="):
        ScalingLaw()
    with pytest.raises(InputError, match="either a law or terms="):
        ScalingLaw("t**-1", terms=[])
    with pytest.raises(InputError, match="numbers, strings or sympy expressions; got list"):
        ScalingLaw([1])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="real L0 without t and p; got t"):
        ScalingLaw(terms=[Term(1, 1, 0)], L0="t")
    with pytest.raises(InputError, match="Term needs a real `mu` without t and p; got p"):
        Term(1, "p", 0)
    with pytest.raises(InputError, match="finite numbers; got nan"):
        Term(float("nan"), 1, 0)


def test_exponents_of_either_sign_where_some_growth_makes_all_terms_fall():
    # Forcing of a phase with alpha < 1/2: it grows with p at fixed t, and falls along t ~ p.
    assert ScalingLaw("t**-1.5*p**0.6 + p**-0.5").terms[0].nu == sympy.Rational(-3, 5)
    with pytest.raises(InputError, match="along which every term falls"):
        ScalingLaw("t**-1.5*p**0.6 + t**2*p**-0.7")


def test_signs_that_symbols_leave_open_are_assumptions():
    law = ScalingLaw("(a - b)*t**-mu + b*p**-nu")
    assert [str(r) for r in law.assumptions] == ["a - b > 0"]
    assert ScalingLaw("a*t**-mu").assumptions == ()


@pytest.mark.parametrize(
    ("value", "rational"),
    [
        (0.1 + 0.2, "3/10"),
        (Fraction("0.16666666666666663"), "1/6"),
        (1 - 1 / 1.2, "1/6"),
        (0.123456789, "123456789/1000000000"),
        (3, "3"),
        (1e20, str(10**20)),
    ],
)
def test_exact_numbers(value, rational):
    assert exact_number(value) == sympy.Rational(rational)


def test_an_irrational_float_is_kept_to_rounding():
    assert float(exact_number(2**0.5)) == 2**0.5


def test_sign_decides_what_positive_symbols_decide():
    mu, nu = sympy.symbols("mu nu", positive=True)
    cases = {mu * nu: 1, -mu: -1, mu - nu: None, (mu**2 - nu**2) / (mu + nu) - mu + nu: 0, sympy.Float(1e-14): 0}
    assert {expr: sign(expr) for expr in cases} == cases


def test_relations_agree_with_numbers():
    mu, nu, n = sympy.symbols("mu nu n", positive=True)
    exprs = [mu * nu - n * mu - 1, (mu - nu) / (mu + n), (mu - 2) / (nu - mu), n / (nu - mu), (1 - mu) / (mu * n)]
    for expr, values in itertools.product(exprs, [(0.5, 2.0, 0.1), (3.0, 1.0, 0.2), (1.5, 7.0, 2.0)]):
        point = dict(zip((mu, nu, n), values, strict=True))
        assert bool(positive(expr).subs(point)) == bool(expr.subs(point) > 0)
    assert str(positive(mu * nu - n * mu - 1)) == "mu*nu > mu*n + 1"
    assert all_of([mu > 1, mu < sympy.Rational(1, 2)]) == sympy.false
    assert all_of([mu > 1, nu > mu, mu > 2]) == sympy.And(nu > mu, mu > 2)


def test_power_stays_exact_where_readable_and_finite_where_huge():
    half, big = sympy.Rational(1, 2), sympy.Rational(123456789, 1000)
    assert power(sympy.Rational(9, 4), half) == sympy.Rational(3, 2)
    assert power(sympy.Integer(3), big * 10**6).is_Float  # not sixty million digits


def test_a_law_is_a_value():
    """Equal laws are one key, pickles are equal, and what subs gives is a law again."""
    law = ScalingLaw("L0 + a*t**-mu + p**-0.5")
    again = pickle.loads(pickle.dumps(law))
    assert again == law == ScalingLaw("p**-(1/2) + L0 + a/t**mu")
    assert len({law, again}) == 1
    assert law != PowerLawSum("L0 + a*t**-mu + p**-0.5")
    assert repr(law).startswith("ScalingLaw(L0=L0, terms=(Term(a=a, mu=mu, nu=0),")
    assert type(law.subs({"L0": 0})) is ScalingLaw
