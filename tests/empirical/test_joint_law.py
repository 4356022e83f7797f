import math

import numpy as np
import pytest
from extrapolation_ladders import arrays, one_hypothesis
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


def test_the_likelihood_is_that_of_the_dense_model():
    curves = arrays(law_ladder(sizes=4, seeds=3, noise=5e-3, fast=2e-3))
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


def test_prediction_and_its_error_are_those_of_dense_kriging():
    ladder = law_ladder(sizes=4, seeds=3, noise=5e-3, fast=2e-3)
    curves = arrays(ladder)
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
    drawn = np.log(sample.expected - h.L0) @ curves.grid.average.T
    inside = slice(1, -1)  # at the ends the interpolation is flat over half a cell
    np.testing.assert_allclose(drawn.std(axis=0)[inside], np.sqrt(np.diag(variance))[inside], rtol=0.06)
    np.testing.assert_allclose(sample.b.std(), np.sqrt(np.linalg.inv(normal)[-1, -1]), rtol=0.05)


def test_the_posterior_of_L0_is_not_cut_off():
    found = fit_joint_law(arrays(law_ladder(sizes=5, seeds=3)))
    weights = found.L0_weights
    assert weights.sum() == pytest.approx(1.0)
    assert max(weights[0], weights[-1]) < 1e-3 * weights.max()
    assert np.count_nonzero(weights > 0.01 * weights.max()) >= 7
