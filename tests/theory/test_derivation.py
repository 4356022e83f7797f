"""`derive`: the steps, the LaTeX that compiles, the JSON, the picture, and what it does without."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import sympy
from matplotlib.figure import Figure

from scaling_collapse import InputError
from scaling_collapse.common import painting
from scaling_collapse.output import Outputs
from scaling_collapse.theory import ScalingLaw, derive
from scaling_collapse.theory.laws.law_parsing import parse_expression
from scaling_collapse.verbs.derive import derive as verb

LAWS = {
    "two symbolic": ("L0 + a*t**-mu + b*p**-nu", {}),
    "two numeric": ("1.69 + 410.7*t**-0.28 + 406.4*p**-0.34", {"sizes": [1e8, 1e10]}),
    "off optimum": ("t**-0.5 + p**-0.5", {"gamma": 1.1, "sizes": [1e3, 1e6]}),
    "four numeric": ("t**-0.5 + p**-0.5 + 3*t**-0.7*p**-0.1 + p**-0.9", {}),
    "three symbolic": ("a*t**-mu + b*p**-nu + c*t**-m*p**-n", {}),
    "interval": ("t**-1 + p**-1 + 5*(t*p)**-0.2", {}),
    "implicit kappa": ("a*t**-1 + b*p**-1 + c*t**-0.75*p**-0.25", {}),
    "no optimum": ("t**-1 + t**-0.5", {}),
    "names": ("E_inf + A*t**-alpha + lambda1_x*p**-beta", {"gamma": "g", "kappa": "k"}),
    "free gamma": ("t**-0.5 + p**-0.5", {"gamma": "gamma"}),
    "unsettled sign": ("(a - b)*t**-mu + b*p**-nu", {}),
    "logarithm": ("2*t**-0.5*log(t)**2 + p**-0.5", {"sizes": [1e6, 1e9]}),
    "symbolic logarithm": ("a*t**-mu*log(t)**k + b*p**-nu", {}),
    "logarithm of p": ("a*t**-mu + b*p**-nu*log(p)", {}),
    "power of a sum": ("L0 + (a*p**-m + b*t**-n)**c", {}),
    "two powers": ("(p**-0.3 + t**-0.4)**1.5 + 2*t**-0.5*p**-0.1 + 0.3*(t**-1 + p**-2)**0.7", {"sizes": [1e6, 1e9]}),
    "negative": ("a*t**-0.5 - 0.1*t**-1 + b*p**-0.5", {}),
}


@pytest.fixture(scope="module", params=LAWS)
def derivation(request):
    text, options = LAWS[request.param]
    return derive(text, **options)


def test_text_has_every_part(derivation):
    text = derivation.to_text()
    assert text.startswith("The law\n-------\n")
    assert "Compute-optimal horizon" in text
    assert "Which horizons make the curves collapse" in text
    assert ("Normalized curves" in text) == bool(derivation.curves)
    assert all(step.sentence[-1] in ".:,y" or step.equations for step in derivation.steps)
    assert all(len(line) < 2000 for line in text.splitlines())


def test_latex_is_balanced_and_plain(derivation):
    source = derivation.to_latex()
    assert source.isascii()
    assert source.count("{") == source.count("}")
    assert re.findall(r"\\usepackage\{(\w+)\}", source) == ["amsmath"]
    begun, ended = (re.findall(rf"\\{word}\{{([a-z*]+)\}}", source) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(derivation, tmp_path):
    (tmp_path / "law.tex").write_text(derivation.to_latex())
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "law.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert b"Overfull \\hbox" not in done.stdout


def test_json(derivation):
    result = json.loads(json.dumps(derivation.to_json(), allow_nan=False))
    expected = {"gamma", "kappa", "frontier_exponent", "normalized_curve", "limit", "rate", "condition", "exact"}
    assert expected <= result.keys()
    assert isinstance(result["exact"], bool)
    for name in ("normalized_curve", "limit"):  # every formula can be read back
        if result[name] is not None:
            sympy.sympify(result[name], locals={n: sympy.Symbol(n) for n in ("gamma", "beta", "lambda1_x")})


def test_json_values():
    result = derive("L0 + a*t**-mu + b*p**-nu").to_json()
    assert (result["gamma"], result["frontier_exponent"]) == ("nu/mu", "mu*nu/(mu + nu)")
    assert (result["condition"], result["exact"], result["rate"]) == ("Eq(gamma, nu/mu)", True, None)
    limit = parse_expression(result["limit"], reserved=frozenset())
    x, mu, nu = sympy.symbols("x mu nu", positive=True)
    assert sympy.simplify(limit - (nu * x**-mu + mu) / (mu + nu)) == 0
    result = derive("t**-0.5 + p**-0.5", gamma="11/10", sizes=[1e3, 1e6]).to_json()
    assert (result["gamma"], result["optimal_gamma"], result["rate"], result["kind"]) == (1.1, 1.0, 0.05, "trivial")
    assert (result["limit"], result["exact"], result["exact_forms"]["gamma"]) == ("1", False, "11/10")
    curve = ScalingLaw("t**-0.5 + p**-0.5").normalized_curve(1.1)
    np.testing.assert_array_equal(result["spread"]["delta"], curve.spread([1e3, 1e6]))
    assert derive("t**-1 + t**-0.5").to_json()["reason"].endswith("always win")


def test_region_by_region():
    derivation = derive("a*t**-mu + b*p**-nu + c*t**-m*p**-n")
    assert len(derivation.curves) == 3
    assert "region 3" in derivation.to_text()
    assert derivation.to_json()["gamma"].startswith("Piecewise((")


def test_condition_of_a_law_that_never_balances():
    derivation = derive("t**-1 + t**-0.5", gamma=1)
    assert derivation.condition == sympy.false
    assert "no collapse says anything" in derivation.to_text()


def test_steps_are_sentences_with_true_equations():
    """The stationarity equation, at its own kappa, and the frontier at its own compute, hold as numbers."""
    derivation = derive("2*t**-0.5 + 3*p**-0.25 + 1.5")
    equations = [equation for step in derivation.steps for equation in step.equations]
    kappa = sympy.Symbol("kappa", positive=True)
    solved = next(e.rhs for e in equations if e.lhs == kappa)
    stationary = next(e for e in equations if e.lhs.has(kappa) and e.rhs == 0)
    assert abs(stationary.lhs.subs(kappa, solved).evalf()) < 1e-12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("t**-0.5 + log(t)",), r"fall with t or with p; got log\(t\)"),
        (("t**-0.5 + exp(t)",), r"got 'exp\(t\)'"),
        (("t**-0.5 + p**-0.5", -1), "gamma > 0"),
        (("t**-0.5 + p**-0.5", None, None, [1e3]), "at least 2 different sizes, all > 0; got \\[1000.0\\]"),
        (("t**-0.5 + p**-0.5", None, None, [1e3, 0]), "at least 2 different sizes"),
        (("a*t**-0.5 + p**-0.5", None, None, [1e3, 1e4]), "needs numbers to be evaluated; got symbols"),
        (("t**-0.5 + t**-1", None, None, [1e3, 1e4]), "derive needs gamma for sizes: no term"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        derive(*arguments)


def test_a_result_is_drawn_by_the_painter_that_the_front_door_names(monkeypatch):
    drawn = []
    painters = {"Derivation": lambda *arguments, **options: drawn.append((*arguments, options))}
    monkeypatch.setattr(painting, "painters", painters)
    derivation, axes = derive("t**-0.5 + p**-0.5"), Figure().subplots()
    assert derivation.plot(axes, sizes=[1e3, 1e5]) is axes
    assert drawn == [(derivation, axes, {"sizes": [1e3, 1e5]})]


@pytest.mark.parametrize("name", LAWS)
def test_sympys_searches_are_not_needed(name, monkeypatch):
    """Solvers and simplifiers that try one thing after another take seconds: the steps are written out instead."""
    for search in ("solve", "solveset", "nsolve", "simplify", "nsimplify"):
        monkeypatch.setattr(sympy, search, None)
    monkeypatch.setattr(sympy.Basic, "simplify", None)
    text, options = LAWS[name]
    assert derive(text, **options).to_text()


def test_verb(tmp_path, capsys):
    assert verb("t^-0.5 + p^-0.5", gamma="1.1", sizes=[1e3, 1e6], to=Outputs(out=tmp_path / "all")) == 0
    shown = capsys.readouterr().out
    assert "For large p only term 2 is left" in shown
    assert f"wrote {tmp_path / 'all' / 'derivation.tex'}" in shown
    assert json.loads((tmp_path / "all" / "report.json").read_text())["gamma"] == 1.1
    assert (tmp_path / "all" / "derivation.tex").read_text().startswith("\\documentclass")
    assert (tmp_path / "all" / "normalized.png").read_bytes().startswith(b"\x89PNG")
    assert verb("t^-0.5 + p^-0.5", to=Outputs(json="-")) == 0
    assert json.loads(capsys.readouterr().out)["exact"] is True
    assert verb("a*t^-0.5 + p^-0.5", to=Outputs(out=tmp_path / "symbols")) == 0
    assert "No picture normalized.png: it needs numbers for every symbol" in capsys.readouterr().out
    assert not (tmp_path / "symbols" / "normalized.png").exists()


def test_imports_only_what_it_needs():
    code = """
import sys
for name in ("torch", "jax"):
    sys.modules[name] = None  # importing it fails
import scaling_collapse
assert "sympy" not in sys.modules and "numpy" not in sys.modules
from scaling_collapse.theory import derive
derive("L0 + a*t**-mu + b*p**-nu").to_text()
assert "matplotlib" not in sys.modules and "pyarrow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
