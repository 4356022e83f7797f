import math

import numpy as np
import pytest
from extrapolation_ladders import arrays, one_hypothesis
from scipy.stats import chi2, norm
from synthetic import law_ladder

from scaling_collapse.empirical.extrapolation.curve_noise import relative_kernel, seed_noise
from scaling_collapse.empirical.extrapolation.joint_law import JointPosterior, fit_joint_law
from scaling_collapse.empirical.extrapolation.joint_models import KERNEL_LENGTH, solve_models
from scaling_collapse.empirical.extrapolation.joint_prediction import predict_curve


def dense(curves, noise, h):
    """Data, covariance and regressors of all sizes and cells at once: y, V, F."""
    v, k = curves.grid.v, len(curves.runs)
    K, m = relative_kernel(v, KERNEL_LENGTH), curves.grid.v.size
    z = curves.drift_size(curves.params, h.zeta)[0]
    V = np.kron(np.diag(h.misfit**2 * np.ones(k)) + h.drift**2 * np.outer(z, z), K)
    V += np.kron(np.diag(h.noise / curves.seeds), noise.Q)
    y = (np.log(curves.means - h.L0) @ curves.grid.average.T).ravel()
    F = np.hstack([np.tile(np.eye(m), (k, 1)), -np.repeat(curves.ln_C, m)[:, None]])
    return y, V, F


def few(curve):
    """Fewer seeds of larger sizes."""
    return curve.seed == 0 or curve.params < 3e6


@pytest.mark.parametrize("keep", [lambda _: True, few])
def test_the_likelihood_is_that_of_the_dense_model(keep):
    curves = arrays(law_ladder(sizes=4, seeds=3, noise=5e-3, fast=2e-3).select(keep))
    noise = seed_noise(curves.runs, 1.9, curves.grid)

    def dense_value(h):
        y, V, F = dense(curves, noise, h)
        inverse = np.linalg.inv(V)
        normal = F.T @ inverse @ F
        r = y - F @ np.linalg.solve(normal, F.T @ inverse @ y)
        ln_R = y.reshape(4, -1)
        prior_and_jacobian = ln_R.mean(axis=0).sum() - ln_R.sum()
        determinants = np.linalg.slogdet(V)[1] + np.linalg.slogdet(normal)[1]
        return -0.5 * (r @ inverse @ r + determinants) + prior_and_jacobian

    tries = [{}, {"L0": 1.7}, {"misfit": 2e-2}, {"drift": 1e-4}, {"zeta": 0.5}, {"noise": 0.4}]
    hypotheses = [one_hypothesis(**t) for t in tries]
    ours = np.array([solve_models(curves, noise, h).ln_likelihood[0] for h in hypotheses])
    theirs = np.array([dense_value(h) for h in hypotheses])
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("keep", [lambda _: True, few])
def test_prediction_and_its_error_are_those_of_dense_kriging(keep):
    curves = arrays(law_ladder(sizes=4, seeds=3, noise=5e-3, fast=2e-3).select(keep))
    noise = seed_noise(curves.runs, 1.9, curves.grid)
    h = one_hypothesis()
    b, u = solve_models(curves, noise, h).b, np.log(curves.means.min() - h.L0)
    found = JointPosterior(curves=curves, noise=noise, hypotheses=h, b=b, weights=np.ones(1), u=u)
    params, C = 5e7, 40.0
    expected, sample = predict_curve(found, params, C, draws=4000, rng=np.random.default_rng(0))

    y, V, F = dense(curves, noise, h)
    m, K = curves.grid.v.size, relative_kernel(curves.grid.v, KERNEL_LENGTH)
    z, z_new = curves.drift_size(curves.params, h.zeta)[0], curves.drift_size(params, h.zeta)[0]
    k = np.kron((h.drift**2 * z * z_new)[:, None], K)  # (data, cells)
    f = np.hstack([np.eye(m), np.full((m, 1), -(math.log(C) - np.log(curves.C).mean()))]).T
    inverse = np.linalg.inv(V)
    normal = F.T @ inverse @ F
    beta = np.linalg.solve(normal, F.T @ inverse @ y)
    mean = f.T @ beta + k.T @ inverse @ (y - F @ beta)
    left = f - F.T @ inverse @ k
    variance = (h.misfit**2 + h.drift**2 * z_new**2) * K - k.T @ inverse @ k + left.T @ np.linalg.solve(normal, left)
    ln_R = np.log(curves.means - h.L0).mean(axis=0)
    on_grid = ln_R + (mean - ln_R @ curves.grid.average.T) @ curves.grid.spread
    np.testing.assert_allclose(expected, h.L0 + np.exp(on_grid), rtol=1e-9)
    drawn, spread = np.log(sample.expected - h.L0), curves.grid.spread
    ripple = h.noise * noise.fast
    in_mean = ripple * (1 / curves.seeds).sum() / curves.seeds.size**2
    of_expected = (spread * (variance @ spread)).sum(axis=0) + in_mean
    np.testing.assert_allclose(drawn.std(axis=0), np.sqrt(of_expected), rtol=0.06)
    steps = np.diff(spread, axis=1)  # neighbours share what the cells say, but not the fast noise
    of_steps = (steps * (variance @ steps)).sum(axis=0) + 2 * in_mean
    np.testing.assert_allclose(np.diff(drawn, axis=1).std(axis=0)[::5], np.sqrt(of_steps)[::5], rtol=0.06)
    of_run = h.noise * (spread * (noise.Q @ spread)).sum(axis=0) + ripple
    beyond = np.log(sample.single - h.L0) - drawn
    np.testing.assert_allclose(beyond.std(axis=0), np.sqrt(of_run), rtol=0.06)
    shared = np.mean(np.diff(drawn, axis=1) * np.diff(beyond, axis=1)) / in_mean  # a run lies about the very same mean
    assert abs(shared) < 0.1
    np.testing.assert_allclose(np.log(sample.a) - sample.b * np.log(curves.C).mean(), ln_R[-1])
    np.testing.assert_allclose(sample.b.mean(), beta[-1], atol=0.05 * sample.b.std())
    np.testing.assert_allclose(sample.b.std(), np.sqrt(np.linalg.inv(normal)[-1, -1]), rtol=0.05)


def test_the_posterior_of_L0_is_not_cut_off():
    found = fit_joint_law(arrays(law_ladder(sizes=5, seeds=3)))
    weights = found.L0_weights
    assert weights.sum() == pytest.approx(1.0)
    assert max(weights[0], weights[-1]) < 1e-3 * weights.max()
    assert np.count_nonzero(weights > 0.01 * weights.max()) >= 7


def test_seeds_tell_the_level_of_the_noise_as_chi_squared_does():
    curves = arrays(law_ladder(sizes=4, seeds=3, noise=5e-3))
    found = fit_joint_law(curves)
    h, dof = found.hypotheses, 8
    same = (h.L0[0] == h.L0) & (h.misfit == h.misfit[0]) & (h.drift == h.drift[0]) & (h.zeta == h.zeta[0])
    factors, ln_prior = h.noise[same] / h.noise[same][1], h.ln_prior[same]
    np.testing.assert_allclose(factors, np.exp(0.5 * np.array([-1.5, 0, 1.5])))
    # The seeds' sum of squares is dof times their level: its density where the true level is `factor` times that.
    ln_density = chi2.logpdf(dof / factors, dof) - np.log(factors)
    np.testing.assert_allclose(ln_prior - ln_prior[1], ln_density - ln_density[1], atol=1e-12)


def test_deviations_are_log_normal_beforehand():
    h = fit_joint_law(arrays(law_ladder(sizes=4, seeds=1))).hypotheses
    assert (set(h.zeta), h.noise.size) == ({0.5, 2.0}, 25 * 10 * 8 * 2 * 8)
    for name, other in (("misfit", "drift"), ("drift", "misfit")):
        same = getattr(h, other) == getattr(h, other)[0]
        ln_value = np.log(getattr(h, name)[same])
        ln_density = norm.logpdf(ln_value, math.log(2e-3), math.log(4.5))
        np.testing.assert_allclose(h.ln_prior[same] - h.ln_prior[same][0], ln_density - ln_density[0], atol=1e-12)


def test_the_interval_of_L0_leaves_out_equal_tails():
    found = fit_joint_law(arrays(law_ladder(sizes=4, seeds=2, noise=5e-3)))
    for level in (0.5, 0.9):
        low, high = found.L0_interval(level)
        grid, weights = found.L0_grid, found.L0_weights
        assert weights[grid < low].sum() == pytest.approx(0.5 - level / 2, abs=weights.max() / 2)
        assert weights[grid > high].sum() == pytest.approx(0.5 - level / 2, abs=weights.max() / 2)
        assert low < found.mean(found.hypotheses.L0) < high


def test_the_window_holds_all_of_the_weight():
    posterior = fit_joint_law(arrays(law_ladder(sizes=4, seeds=2, noise=5e-3)))
    weights = posterior.L0_weights
    # The outermost points are the last negligible ones: the grid is not spent on more of them.
    assert (weights[1:-1] > 1e-8 * weights.max()).all()


def test_without_seeds_the_fast_noise_is_that_of_the_curves():
    curves = arrays(law_ladder(sizes=4, seeds=1, fast=2e-3))
    noise, h = seed_noise(curves.runs, 1.9, curves.grid), one_hypothesis(noise=1e-6)
    b, u = solve_models(curves, noise, h).b, np.log(curves.means.min() - h.L0)
    found = JointPosterior(curves=curves, noise=noise, hypotheses=h, b=b, weights=np.ones(1), u=u)
    _, sample = predict_curve(found, 5e7, 40.0, draws=4000, rng=np.random.default_rng(0))
    beyond = np.log(sample.single - h.L0) - np.log(sample.expected - h.L0)
    spread = curves.grid.spread
    of_run = h.noise * (spread * (noise.Q @ spread)).sum(axis=0) + noise.fast
    assert noise.fast > 0.2 * of_run.max()
    np.testing.assert_allclose(beyond.std(axis=0), np.sqrt(of_run), rtol=0.06)
