"""The exact solvers against a naive one that knows no eigenbasis, against each other, and at the stability limit."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_collapse import InputError
from scaling_collapse.sgd_noise_model import from_eigenvalues, power_law, simulate, simulate_many, stability_limit

MODES, STEPS = 12, 150
SCHEDULES = [
    "constant", "linear", "cosine", "multi_cosine", "quadratic(decay=0.2)", "power", "polynomial(power=1.5)",
    "exponential", "inverse_sqrt", "step", "cyclic(cycles=20)", "cyclic(shape='triangle')", "cyclic(shape='sawtooth')",
    "wsd", "wsd(shape='cosine')", "wsd(shape='sqrt')", "wsd(shape='1-sqrt')", "cosine(warmup=0.1)",
    "join(parts=(constant, linear(peak=0.5)))", "from_array(values=(0.2, 1.0, 0.0))",
]  # fmt: skip


def naive_sgd(h, second_moment, eta, batch, s2):
    """Full matrix recursion of `E[r r^T]`: (1 - eta H) M (1 - eta H) + eta^2 H (M + Tr M + s2) H / B."""
    losses = [0.5 * np.trace(second_moment)]
    one = np.eye(len(h))
    for e in eta:
        shrunk = (one - e * h) @ second_moment @ (one - e * h)
        noise = h @ (second_moment + (np.trace(second_moment) + s2) * one) @ h
        second_moment = shrunk + e**2 / batch * noise
        losses.append(0.5 * np.trace(second_moment))
    return np.array(losses)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
@pytest.mark.parametrize(("batch", "s2"), [(1, 0.0), (5, 0.3)])
def test_eigenbasis_recursion_is_the_matrix_recursion(schedule, batch, s2):
    d, v, alpha, beta = 5, 9, 0.8, 0.3
    j = np.arange(1.0, v + 1)
    w = np.random.default_rng(0).standard_normal((v, d)) / np.sqrt(d)
    half = j[:, None] ** -alpha * w
    r = -(j ** -(alpha + beta))
    problem = power_law(d, v=v, alpha=alpha, beta=beta, seed=0, label_noise=s2)
    run = simulate(problem, schedule, steps=60, peak=0.3, batch=batch, record=np.arange(61))
    np.testing.assert_allclose(
        run.loss, naive_sgd(half @ half.T, np.outer(r, r), run.schedule.eta(), batch, s2), rtol=1e-12
    )


def test_noise_trace_is_that_of_the_minibatch_gradient():
    """Peak rate times Tr Cov of `W^T D^(1/2) z (z . r + noise)` over B, from 200,000 samples."""
    d, v, batch, s2, peak = 4, 7, 3, 0.2, 0.4
    j = np.arange(1.0, v + 1)
    rng = np.random.default_rng(1)
    w = np.random.default_rng(0).standard_normal((v, d)) / np.sqrt(d)
    r = -(j**-1.1)
    z = rng.standard_normal((200_000, v))
    gradient = (z @ (j[:, None] ** -0.7 * w)) * (z @ r + np.sqrt(s2) * rng.standard_normal(len(z)))[:, None]
    problem = power_law(d, v=v, alpha=0.7, beta=0.4, seed=0, label_noise=s2)
    run = simulate(problem, "constant", steps=1, peak=peak, batch=batch)
    assert run.noise_trace[0] == pytest.approx(peak / batch * gradient.var(axis=0).sum(), rel=0.02)


@settings(max_examples=40, deadline=None)
@given(
    schedule=st.sampled_from(SCHEDULES),
    alpha=st.floats(0.1, 1.5),
    beta=st.floats(0.0, 1.5),
    batch=st.sampled_from((1, 3, 64)),
    share=st.floats(0.01, 0.99),
    s2=st.sampled_from((0.0, 0.1)),
    frozen=st.sampled_from((0.0, 0.5)),
)
def test_numpy_numba_and_jax_are_one(optional, schedule, alpha, beta, batch, share, s2, frozen):
    optional("jax")
    j = np.arange(1.0, MODES + 1)
    lam, rho = np.append(j ** (-2 * alpha), 0.0), np.append(j ** (-2 * (alpha + beta)), frozen)
    problem = from_eigenvalues(lam, rho, label_noise=s2)
    peak = share * stability_limit(problem, batch)
    runs = [
        simulate(problem, schedule, steps=STEPS, peak=peak, batch=batch, solver=s) for s in ("numpy", "numba", "jax")
    ]
    for run in runs[1:]:
        np.testing.assert_allclose(run.loss, runs[0].loss, rtol=1e-12)
        np.testing.assert_allclose(run.noise_trace, runs[0].noise_trace, rtol=1e-12)
        np.testing.assert_allclose(run.tau, runs[0].tau, rtol=1e-12)


@pytest.mark.parametrize("schedule", ["linear", "cyclic(cycles=20)", "constant"])
def test_rounding_stays_below_1e_12_over_1e5_steps_and_grows_no_faster_than_the_steps(optional, schedule):
    optional("jax")
    problem = power_law(32, alpha=0.8, beta=0.4, label_noise=0.01)
    kw = {"peak": 0.5 * stability_limit(problem, 4), "batch": 4}
    short = [simulate(problem, schedule, steps=100_000, solver=s, **kw).loss for s in ("numpy", "numba", "jax")]
    for got in short[1:]:
        np.testing.assert_allclose(got, short[0], rtol=1e-12)
    long = [simulate(problem, schedule, steps=1_000_000, solver=s, **kw).loss for s in ("jax", "numba")]
    np.testing.assert_allclose(long[1], long[0], rtol=1e-11)


def test_many_schedules_at_once_are_the_single_runs(optional):
    optional("jax")
    problem = power_law(16, alpha=0.8, beta=0.4)
    many = simulate_many(problem, SCHEDULES, steps=100, peak=0.3, batch=4)
    for schedule, run in zip(SCHEDULES, many, strict=True):
        np.testing.assert_allclose(run.loss, simulate(problem, schedule, steps=100, peak=0.3, batch=4).loss, rtol=1e-12)
        assert run.schedule.kind == schedule.split("(")[0]


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_stability_limit_separates_decay_from_growth(alpha, batch):
    j = np.arange(1.0, 101.0)
    problem = from_eigenvalues(j ** (-2 * alpha), np.ones(100))
    limit = stability_limit(problem, batch)
    below = simulate(problem, "constant", steps=40_000, peak=0.98 * limit, batch=batch)
    above = simulate(problem, "constant", steps=40_000, peak=1.02 * limit, batch=batch, unstable="run")
    assert below.loss[-1] < below.loss[len(below.loss) // 2]
    assert np.isinf(above.final_loss) or above.final_loss > 2 * above.loss[len(above.loss) // 2]


def test_stability_limit_of_one_mode():
    """One eigenvalue: 1 - 2 x + x^2 (1 + 2/B) < 1, so x < 2 / (1 + 2/B); many equal ones, the first condition alone."""
    for batch in (1, 4, 100):
        assert stability_limit(from_eigenvalues([0.5], [1.0]), batch) == pytest.approx(4 / (1 + 2 / batch))
    lone = from_eigenvalues([1.0], [1.0])
    assert stability_limit(lone, 10**9) == pytest.approx(2.0)


def test_divergence_is_a_number_or_infinity_never_nan():
    run = simulate(from_eigenvalues([1.0], [1.0]), "constant", steps=20_000, peak=3.0, unstable="run")
    assert np.isinf(run.final_loss)


def test_curve_is_an_ordinary_loss_curve():
    problem = power_law(16, alpha=0.8, beta=0.4, label_noise=0.5)
    run = simulate(problem, "linear", steps=100, peak=0.3, batch=4)
    curve = run.curve("a")
    assert (curve.params, curve.tokens[-1], curve.horizon_tokens) == (16.0, 400.0, 400.0)
    assert curve.loss[-1] == run.final_loss + 0.25
    assert curve.lr[-1] == 0.0


SMALL = from_eigenvalues([1.0], [1.0])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (
            {"peak": 0.7},
            r"simulate needs a peak learning rate below the stability limit 0.666667 \(batch 1\); got 0.7. Lower",
        ),
        ({"peak": 0.7, "unstable": "run", "solver": "fast"}, r"solver='fast' needs a peak .* 0.666667; got 0.7. Take"),
        ({"solver": "euler"}, r"simulate needs `solver` one of numpy, numba, jax, fast; got 'euler'"),
        ({"steps": None}, r"simulate needs `steps`, the number of steps of the run; got None"),
        ({"batch": 0}, r"simulate needs `batch` a whole number >= 1; got 0"),
        ({"unstable": "ignore"}, r"simulate needs `unstable` 'refuse' or 'run'; got 'ignore'"),
        ({"record": [0, 11]}, r"simulate needs `record` as whole steps in \[0, 10\]; got \[0, 11\]"),
        ({"record": [0.5]}, r"simulate needs `record` as whole steps in \[0, 10\]; got \[0.5\]"),
    ],
)
def test_refusals(arguments, match):
    with pytest.raises(InputError, match=match):
        simulate(SMALL, "constant", **({"steps": 10, "peak": 0.1} | arguments))


def test_many_needs_one_length():
    with pytest.raises(InputError, match=r"simulate_many needs schedules of one number of steps; got \['10', '20'\]"):
        simulate_many(SMALL, ["constant(steps=10)", "constant(steps=20)"], peak=0.1)


def test_core_solvers_need_no_jax_and_its_absence_is_told():
    code = """
import sys
sys.modules["jax"] = sys.modules["torch"] = None
import scaling_collapse.sgd_noise_model as room
problem = room.power_law(8, alpha=1.0, beta=0.3)
for solver in ("numpy", "numba", "fast"):
    room.simulate(problem, "cosine", steps=50, peak=0.2, solver=solver)
for call in (
    lambda: room.simulate(problem, "cosine", steps=50, peak=0.2, solver="jax"),
    lambda: room.simulate_many(problem, ["cosine"], steps=50, peak=0.2),
    lambda: room.optimal_schedule(problem, steps=50),
    lambda: room.schedules.linear(steps=5).to_optax(),
):
    try:
        call()
    except ValueError as error:
        assert "pip install 'scaling-collapse[jax]'" in str(error), error
    else:
        raise AssertionError("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
