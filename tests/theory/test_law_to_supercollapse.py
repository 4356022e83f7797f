"""The page on the road to supercollapse shows the equations that the code derives."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from scaling_collapse.sgd_noise_model import from_eigenvalues, schedules, seed_variance

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("build_equations", DOCS / "build_equations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_page_is_what_the_code_writes(builder):
    page = builder.PAGE.read_text(encoding="utf-8")
    assert builder.rebuilt(page) == page, "run `python docs/build_equations.py`"


def test_every_equation_is_on_the_page_once(builder):
    page = builder.PAGE.read_text(encoding="utf-8")
    assert sorted(name for _, name, _ in builder.BLOCK.findall(page)) == sorted(builder.EQUATIONS)


def test_a_stale_equation_is_noticed(builder):
    page = builder.PAGE.read_text(encoding="utf-8")
    assert builder.rebuilt(page.replace(r"\operatorname{erf}", "x")) == page != page.replace(r"\operatorname{erf}", "x")


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_page_has_the_exact_ratio_of_one_modes_noise(schedule):
    # Section 6: what cannot be learned dwarfs the noise, so that the mean loss is constant and sigma is the mode's own.
    problem = from_eigenvalues([1.0, 0.0], [0.0, 1.0])
    steps, peak = 4_000, 0.02
    exact = seed_variance(problem, schedule, steps=steps, peak=peak, batch=8, start="fixed")
    run = exact.expected
    late = (run.steps >= 0.3 * steps) & (run.steps < steps)
    measured = np.maximum(exact.log_ratio_variance, 0)[late] / exact.sigma[late] ** 2

    tau = peak * np.r_[0.0, np.cumsum(schedules.parse(schedule).s(np.arange(steps) / steps))]
    a = (tau[-1] - tau)[run.steps[late].astype(int)]
    q = exact.sigma[-1] / exact.sigma[late]
    np.testing.assert_allclose(measured, 1 + q**2 - 2 * np.exp(-2 * a), atol=0.03)


@pytest.mark.parametrize(
    ("schedule", "ratio"), [("constant", 1.43), ("linear", 0.85), ("cosine", 0.51), ("wsd(decay=0.2)", 0.97)]
)
def test_the_page_has_the_exact_ratios_near_the_end(builder, schedule, ratio):
    # Section 6: the problem of `benchmarks/simulator_physics.py --only ladder`, kind `fast`.
    slow = np.geomspace(1e-5, 1e-3, 40)
    problem = from_eigenvalues(np.r_[np.ones(4), slow], np.r_[np.zeros(4), np.full(40, 0.01)], label_noise=1.0)
    exact = seed_variance(problem, schedule, steps=20_000, peak=0.05, batch=8, start="fixed")
    x = exact.expected.steps / 20_000
    late = (x >= 0.8) & (x < 1)
    found = (np.sqrt(np.maximum(exact.log_ratio_variance, 0))[late] / exact.sigma[late]).mean()
    assert found == pytest.approx(ratio, abs=0.006)
    assert f"{ratio:.2f}" in builder.PAGE.read_text(encoding="utf-8").partition("closed-form variance")[2][:80]
