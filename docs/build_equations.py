"""Write the equations of docs/reference/law_to_supercollapse.md from the code that derives them.

    python docs/build_equations.py          # rewrite the page in place
    python docs/build_equations.py --check  # exit code 1 if the page is out of date

An equation stands between `<!-- eq:NAME -->` and `<!-- /eq -->`; NAME is a key of `EQUATIONS`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sympy
from sympy import Symbol, diff, exp, latex, simplify, solve, symbols

from scaling_collapse.theory import ScalingLaw, covariance_condition, supercollapse_condition

PAGE = Path(__file__).parent / "reference" / "law_to_supercollapse.md"
BLOCK = re.compile(r"(<!-- eq:(\w+) -->\n).*?(<!-- /eq -->)", flags=re.S)
LAW = ScalingLaw("L0 + a*t**-mu + b*p**-nu")
SYMBOLS = {
    "r_x": r"r(x)", "r_1": r"r(1)", "n_x": r"n(x)", "n_1": r"n(1)", "delta_noise": r"\delta_\Sigma",
    "sigma_x": r"\sigma(x)", "sigma_1": r"\sigma(1)", "spread": r"\mathrm{sd}_p", "fast_1": r"f(1)",
    "persistent": r"\pi", "phi_x": r"\varphi(x)", "phi_1": r"\varphi(1)",
}  # fmt: skip


def tex(expr: Any) -> str:
    """LaTeX with the page's names for symbols."""
    named = {s: SYMBOLS[str(s)] for s in expr.free_symbols if str(s) in SYMBOLS}
    return latex(expr, symbol_names=named)


def off_balance() -> str:
    """Differentiate `l = (A x^-mu + B) / (A + B)` by the error of gamma, A carrying `exp(-mu eps u)`."""
    x, mu, w_A, w_B, u = symbols("x mu w_A w_B u", positive=True)
    eps = Symbol("epsilon")
    A = w_A * exp(-mu * eps * u)
    l = (A * x**-mu + w_B) / (A + w_B)
    slope = sympy.factor(simplify(diff(l, eps).subs(eps, 0)).subs(w_B, 1 - w_A))
    expected = -mu * u * w_A * w_B * (x**-mu - 1)
    assert simplify(slope - expected.subs(w_B, 1 - w_A)) == 0
    named = latex(expected, symbol_names={u: r"\ln\frac{p}{p_{\mathrm{ref}}}"})
    return rf"\frac{{\partial l}}{{\partial \gamma}} = {named}"


def wrong_offset() -> str:
    """Differentiate `l = (L - L_hat) / (L* - L_hat)` by the offset and write it in l."""
    L, end, offset, l = symbols(r"L L_* \hat{L} l")
    slope = diff((L - offset) / (end - offset), offset).subs(L, offset + l * (end - offset))
    return rf"\frac{{\partial l}}{{\partial \hat L}} = {tex(sympy.factor(simplify(slope)))}"


def slope_law() -> str:
    """Slope of a size's curve with both errors, from the two terms."""
    A, B, R, e = symbols("A B R e", positive=True)
    slope = A / R  # l - 1 = A (x^-mu - 1) / R, with R = A + B - e measured
    closed = (1 + e / R) / (1 + B / A)
    assert simplify((slope - closed).subs(R, A + B - e)) == 0
    return (
        r"S = \frac{1 + e / R}{1 + B / A}, \qquad \frac{B}{A} = c\, p^{\mu \varepsilon}, \qquad "
        r"\varepsilon = \gamma - \gamma^*, \quad e = \hat L - L_0"
    )


def balance(discrete: bool) -> str:
    """Solve the balance of one mode and give its excess loss `lambda S / 2`."""
    S, lam, eta, Sigma = symbols("S lambda eta Sigma", positive=True)
    equation = (1 - eta * lam) ** 2 * S + eta**2 * Sigma - S if discrete else eta * Sigma - 2 * lam * S
    (solution,) = solve(sympy.expand(equation), S)
    excess = sympy.factor(lam * solution / 2)
    if discrete:
        factor = simplify(excess / (eta * Sigma / 4) * (1 - eta * lam / 2))
        assert factor == 1
        return r"\frac{\eta\, \Sigma}{4}\, \frac{1}{1 - \eta \lambda / 2}"
    return rf"\tfrac12 \lambda S = {tex(excess)}"


def decay() -> str:
    """Integrate what linear decay leaves of a mode's noise."""
    s, k = symbols("s k", positive=True)
    left = sympy.integrate(exp(-k * s**2), (s, 0, 1))
    slow, fast = sympy.series(left, k, 0, 2).removeO(), sympy.limit(left * sympy.sqrt(k), k, sympy.oo)
    return (
        rf"\frac{{E_{{\mathrm{{end}}}}}}{{E_{{\mathrm{{peak}}}}}} = \int_0^1 e^{{-k s^2}} ds = {tex(left)} \approx "
        rf"\begin{{cases}} {tex(slow)} & k \ll 1 \\ {tex(fast)} / \sqrt k & k \gg 1 \end{{cases}}"
    )


def schedule_slope() -> str:
    """The slope of a scheduled curve in ln p; the shares are named once it is shown to factor."""
    slope, shares = covariance_condition()
    assert simplify(slope - shares) == 0
    delta, delta_noise = symbols("delta delta_noise", real=True)
    phi_x, phi_1 = symbols("phi_x phi_1")
    return rf"\frac{{d \ln l}}{{d \ln p}} = {tex((delta - delta_noise) * (phi_x - phi_1))}"


def variance() -> str:
    """`var[ln R(x) - ln R(1)]`, in sigma and rho."""
    excess = supercollapse_condition()[0]
    sigma_x = Symbol("sigma_x", positive=True)
    return rf"\Delta(x)^2 = {tex(excess + sigma_x**2)}"


def memory() -> str:
    """`Delta^2 / sigma^2` of one mode, q = E(1) / E(x); theta correlates as `e^-a / sqrt q`, the loss as its square."""
    sigma_x, sigma_1, rho, spread, q, a = symbols("sigma_x sigma_1 rho spread q a", positive=True)
    excess = supercollapse_condition()[0].subs({spread: 0, rho: (exp(-a) / sympy.sqrt(q)) ** 2, sigma_1: q * sigma_x})
    squared = 1 + sympy.expand(excess / sigma_x**2)
    assert simplify(squared - (1 + q**2 - 2 * exp(-2 * a))) == 0
    return rf"\frac{{\Delta(x)^2}}{{\sigma(x)^2}} = {latex(squared)}"


def ratio() -> str:
    """`L(x) / L(1)` in the normalized curve."""
    l, R, L0 = symbols("l R L0", positive=True)
    curve = (L0 + R * l) / (L0 + R)
    closed = 1 + R / (L0 + R) * (l - 1)
    assert simplify(curve - closed) == 0
    return rf"\frac{{L(x)}}{{L(1)}} = 1 + r\,(l(x) - 1), \qquad r = {latex(R / (L0 + R), symbol_names={L0: 'L_0'})}"


def optimum(part: str) -> str:
    """Horizon or frontier of the two-term law."""
    best = LAW.compute_optimal()
    if part == "frontier":
        return rf"L(C) = L_0 + A\, C^{{-{tex(best.exponent)}}}"
    return rf"\gamma^* = {tex(best.gamma)}, \qquad \kappa = {tex(best.kappa)}, \qquad t^* = \kappa\, p^{{\gamma^*}}"


def three_terms() -> str:
    """A law with a third, smaller term: the limit and the rate at which curves reach it."""
    curve = ScalingLaw("t**-(1/2) + p**-(1/2) + t**-(1/2)*p**-(1/4)").normalized_curve()
    limit, rate = tex(curve.limit), tex(sympy.Symbol("p", positive=True) ** -curve.zeta)
    return rf"l(x, p) = {limit} + \left({tex(curve.coefficient)}\right) {rate} + \dots"


def log_term() -> str:
    """One term with a logarithm along the horizon, checked to first order in `1 / ln p`."""
    gamma, s, j, u, v, y = symbols("gamma s j u v y", positive=True)  # u = 1 / ln p, v = ln ln p, y = ln(kappa x)
    exact = ((gamma + u * (s * v + y)) / gamma) ** j  # (ln t / (gamma ln p))^j
    assert simplify(diff(exact, u).subs(u, 0) - j / gamma * (s * v + y)) == 0
    return (
        r"(\kappa x)^{-\mu}\, \gamma^j\, p^{-\gamma\mu} (\ln p)^{j - s\mu} "
        r"\left[1 + \frac{j}{\gamma}\, \frac{s \ln\ln p + \ln(\kappa x)}{\ln p} + \dots\right]"
    )


EQUATIONS: dict[str, Callable[[], str]] = {
    "law": lambda: "L(t, p) = " + latex(LAW.expr, symbol_names={Symbol("L0", real=True): "L_0"}),
    "horizon": lambda: optimum("horizon"),
    "frontier": lambda: optimum("frontier"),
    "curve": lambda: "l(x) = " + tex(LAW.normalized_curve().limit),
    "three_terms": three_terms,
    "power_curve": lambda: "l(x) = " + tex(ScalingLaw("L0 + (a*p**-m + b*t**-n)**c").normalized_curve().limit),
    "log_term": log_term,
    "off_balance": off_balance,
    "wrong_offset": wrong_offset,
    "slope_law": slope_law,
    "balance": lambda: balance(discrete=False),
    "balance_discrete": lambda: balance(discrete=True),
    "schedule_slope": schedule_slope,
    "decay": decay,
    "variance": variance,
    "condition": lambda: tex(supercollapse_condition()[1]) + " < 0",
    "memory": memory,
    "ratio": ratio,
}


def rebuilt(page: str) -> str:
    """The page with every marked equation written anew."""
    return BLOCK.sub(lambda block: f"{block[1]}$$\n{EQUATIONS[block[2]]()}\n$$\n{block[3]}", page)


def main() -> int:
    """Rewrite or check the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    check = parser.parse_args().check
    page = PAGE.read_text(encoding="utf-8")
    new = rebuilt(page)
    if not check:
        PAGE.write_text(new, encoding="utf-8")
    return int(check and new != page)


if __name__ == "__main__":
    sys.exit(main())
