"""What the exact solution says about SGD noise: its limits, each with the closed form it must meet."""

import numpy as np
import pytest

from scaling_collapse.sgd_noise_model import from_eigenvalues, power_law, seed_variance, simulate

SLOW = np.geomspace(1e-5, 1e-3, 24)
TWO_SCALES = from_eigenvalues(np.r_[np.ones(4), SLOW], np.r_[np.zeros(4), np.full(24, 0.01)], label_noise=1.0)


def deviation_over_sigma(schedule, start, batch):
    steps = 20_000
    record = np.append(np.linspace(16_000, 19_900, 20).astype(int), steps)
    v = seed_variance(TWO_SCALES, schedule, steps=steps, peak=0.05, batch=batch, record=record, start=start)
    return (np.sqrt(np.maximum(v.log_ratio_variance, 0)) / v.sigma)[:-1]


def test_fast_noise_gives_sqrt_2_at_constant_rate_and_1_where_decay_has_removed_the_end():
    assert deviation_over_sigma("constant", "fixed", 8).mean() == pytest.approx(np.sqrt(2), rel=0.02)
    # while the rate is still up; near the end only what persists is left, and that cancels
    assert deviation_over_sigma("wsd(decay=0.1)", "fixed", 8)[:10] == pytest.approx(1.0, abs=0.03)


def test_persistent_differences_cancel():
    assert deviation_over_sigma("constant", "random", 10**7).max() < 0.1


@pytest.mark.parametrize(("peak", "batch"), [(0.01, 8), (0.1, 64), (0.5, 64)])
def test_excess_is_a_quarter_of_rate_times_trace_with_the_discrete_correction(peak, batch):
    """Stationary, one eigenvalue: R = (1/4) Tr Sigma / (1 - eta lambda / 2), peak rate absorbed in Sigma."""
    problem = from_eigenvalues(np.ones(20), np.zeros(20), label_noise=0.3)
    run = simulate(problem, "constant", steps=5000, peak=peak, batch=batch)
    assert run.final_loss == pytest.approx(0.25 * run.noise_trace[-1] / (1 - peak / 2), rel=1e-9)


def test_balance_form_holds_at_equal_tau_and_the_published_one_is_the_same_law_with_another_coefficient():
    problem = from_eigenvalues(
        np.r_[np.ones(20), np.geomspace(1e-6, 1e-4, 20)], np.r_[np.zeros(20), np.full(20, 0.1)], label_noise=0.1
    )
    steps, peak, batch = 20_000, 0.05, 4
    record = np.arange(0, steps + 1, 10)
    const, run = (
        simulate(problem, s, steps=steps, peak=peak, batch=batch, record=record) for s in ("constant", "linear")
    )
    on = (run.steps > 2000) & (run.steps < 19_000)  # later the rate falls faster than the modes can follow
    s = (run.eta / peak)[on]
    S, S_const = run.noise_trace[on], np.interp(run.tau, const.tau, const.noise_trace)[on]
    excess = (run.loss - np.interp(run.tau, const.tau, const.loss))[on]
    c = 0.25 / (1 - peak / 2)
    assert excess == pytest.approx(c * (s * S - S_const), abs=0.02 * np.abs(excess).max())
    # Tr Sigma is linear in the loss, with slope kappa, so 1 / c_published = 1 / c - kappa
    kappa = 2 * peak * problem.trace / batch
    assert excess == pytest.approx((s - 1) * S / (1 / c - kappa), abs=0.03 * np.abs(excess).max())


def test_local_gamma_nears_that_of_the_phase():
    """Phase Ia, gamma* = 2, from crossings of neighbouring sizes in the deterministic equivalent."""
    tokens = []
    for d in (1024, 4096):
        curves = []
        for size in (d, 2 * d):
            problem = power_law(size, v=2**20, alpha=1.0, beta=0.25, features="equivalent")
            steps = 1000 * size**2
            record = np.unique(np.geomspace(size, steps, 300).astype(np.int64))
            run = simulate(problem, "constant", steps=steps, peak=0.3, solver="fast", record=record)
            curves.append((np.log(run.steps * float(size)), np.log(run.loss)))
        c = np.linspace(curves[1][0][0], curves[0][0][-1], 4000)
        gap = np.interp(c, *curves[0]) - np.interp(c, *curves[1])
        tokens.append(c[np.flatnonzero((gap[:-1] < 0) & (gap[1:] >= 0))[-1]] - np.log(d))
    assert np.diff(tokens)[0] / np.log(4) == pytest.approx(2.0, rel=0.02)
