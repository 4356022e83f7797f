"""How fast is `derive`? Against solving the optimality condition with sympy's general solver, in the same run.

The rival gets less done: only the compute-optimal horizon, no frontier, regions, collapse or rates. It solves two terms
with symbols; for four terms it has no closed form to find, and the numeric rival is a minimization per size.

Run: python benchmarks/derive_speed.py. Best of five with empty caches, after sympy's import; "first" is the first call
of a fresh process. The claims are under 1 s for two symbolic terms and under 0.3 s for four numeric ones.
"""

import platform
import subprocess
import sys
import timeit

import numpy as np
import sympy
from scipy.optimize import minimize_scalar

from scaling_collapse.theory import ScalingLaw, derive
from scaling_collapse.theory.laws.exact_arithmetic import sign

SYMBOLIC = "L0 + a*t**-mu + b*p**-nu"
NUMERIC = "t**-0.5 + p**-0.5 + 3*t**-0.7*p**-0.1 + p**-0.9"


def solve_with_sympy():
    t, C, a, b, mu, nu = sympy.symbols("t C a b mu nu", positive=True)
    loss = a * t**-mu + b * (C / (6 * t)) ** -nu
    return sympy.solve(sympy.diff(loss, t), t)


def minimize_and_fit():
    law = ScalingLaw(NUMERIC)
    log_n = np.linspace(10, 60, 50)

    def optimum(total):
        result = minimize_scalar(lambda u: float(np.log(law(np.exp(u), np.exp(total - u)))), (0.0, total))
        return result.x  # type: ignore[union-attr]

    u = np.array([optimum(total) for total in log_n])
    return np.polyfit(log_n - u, u, 1)[0]


def best(job):
    """Best of five in seconds; sympy's cache is emptied before each, so that nothing is remembered."""

    def once():
        sympy.core.cache.clear_cache()
        sign.cache_clear()
        job()

    return min(timeit.repeat(once, number=1, repeat=5))


def first_call(text):
    """Seconds of the first `derive` of a fresh process, imports done."""
    code = (
        "import time, sympy; from scaling_collapse.theory import derive; start = time.perf_counter(); "
        f"derive({text!r}); print(time.perf_counter() - start)"
    )
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def main():
    print(f"python {platform.python_version()}, sympy {sympy.__version__}, {platform.machine()}")
    for name, text, rival, budget in (
        ("two symbolic terms", SYMBOLIC, solve_with_sympy, 1.0),
        ("four numeric terms", NUMERIC, minimize_and_fit, 0.3),
    ):
        ours, text_too, theirs = (
            best(lambda: derive(text)),  # noqa: B023
            best(lambda: derive(text).to_text()),  # noqa: B023
            best(rival),
        )
        print(
            f"{name}: derive {ours:.3f} s, {text_too:.3f} s with its text, {first_call(text):.3f} s first, "
            f"budget {budget} s; {rival.__name__} {theirs:.3f} s, ratio {theirs / ours:.2f}"
        )


if __name__ == "__main__":
    main()
