import math

import numpy as np
import pytest
from extrapolation_ladders import arrays, one_hypothesis
from scipy.stats import chi2, norm
from synthetic import law_ladder

from scaling_collapse.empirical.extrapolation.curve_noise import relative_kernel, seed_noise
from scaling_collapse.empirical.extrapolation.new_shape import new_shape
from scaling_collapse.empirical.extrapolation.shape_models import KERNEL_LENGTH, ln_likelihood
from scaling_collapse.empirical.extrapolation.shape_posterior import ShapePosterior, fit_shape


def less_last(m):
    """Cells less the last one."""
    return np.eye(m)[:-1] - np.eye(m)[-1]


def dense(curves, noise, h):
    """Data, covariance and regressors of all sizes and cells but the last at once: y, V, F."""
    v, k = curves.grid.v, len(curves.runs)
    B = less_last(v.size)
    K, Q = B @ relative_kernel(v, KERNEL_LENGTH) @ B.T, B @ noise.Q @ B.T
    z = curves.drift_size(curves.params, h.zeta)[0]
    V = np.kron(np.diag(h.misfit**2 * np.ones(k)) + h.drift**2 * np.outer(z, z), K)
    V += np.kron(np.diag(h.noise / curves.seeds), Q)
    y = (np.log(curves.means - h.offset) @ curves.grid.average.T @ B.T).ravel()
    return y, V, np.tile(np.eye(v.size - 1), (k, 1)), K, Q


def few(curve):
    """Fewer seeds of larger sizes."""
    return curve.seed == 0 or curve.params < 3e6


def posterior_of(curves, h):
    """All weight on one hypothesis."""
    noise = seed_noise(curves.runs, 1.9, curves.grid)
    u = np.log(curves.means.min() - h.offset)
    return ShapePosterior(curves=curves, noise=noise, hypotheses=h, weights=np.ones(1), u=u, widest=(-5.0, 1.0))


@pytest.mark.parametrize("keep", [lambda _: True, few])
def test_the_likelihood_is_that_of_the_dense_model(keep):
    curves = arrays(law_ladder(sizes=4, seeds=3, noise=5e-3, fast=2e-3).select(keep))
    noise = seed_noise(curves.runs, 1.9, curves.grid)

    def dense_value(h):
        y, V, F, _, _ = dense(curves, noise, h)
        inverse = np.linalg.inv(V)
        normal = F.T @ inverse @ F
        r = y - F @ np.linalg.solve(normal, F.T @ inverse @ y)
        ln_R = (np.log(curves.means - h.offset) @ curves.grid.average.T)[:, :-1]
        prior_and_jacobian = ln_R.mean(axis=0).sum() - ln_R.sum()
        determinants = np.linalg.slogdet(V)[1] + np.linalg.slogdet(normal)[1]
        return -0.5 * (r @ inverse @ r + determinants) + prior_and_jacobian

    tries = [{}, {"offset": 1.7}, {"misfit": 2e-2}, {"drift": 1e-4}, {"zeta": 0.5}, {"noise": 0.4}]
    hypotheses = [one_hypothesis(**t) for t in tries]
    ours = np.array([ln_likelihood(curves, noise, h)[0] for h in hypotheses])
    theirs = np.array([dense_value(h) for h in hypotheses])
    np.testing.assert_allclose(ours - ours[0], theirs - theirs[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("keep", [lambda _: True, few])
def test_a_new_shape_and_its_error_are_those_of_dense_kriging(keep):
    curves = arrays(law_ladder(sizes=4, seeds=3, noise=5e-3, fast=2e-3).select(keep))
    h, params = one_hypothesis(), 5e7
    found = posterior_of(curves, h)
    noise, shape = found.noise, new_shape(found, params)
    y, V, F, K, Q = dense(curves, noise, h)
    m = K.shape[0]
    z, z_new = curves.drift_size(curves.params, h.zeta)[0], curves.drift_size(params, h.zeta)[0]
    k = np.kron((h.drift**2 * z * z_new)[:, None], K)
    inverse = np.linalg.inv(V)
    normal = F.T @ inverse @ F
    beta = np.linalg.solve(normal, F.T @ inverse @ y)
    mean = beta + k.T @ inverse @ (y - F @ beta)
    left = np.eye(m) - F.T @ inverse @ k
    variance = (h.misfit**2 + h.drift**2 * z_new**2) * K - k.T @ inverse @ k + left.T @ np.linalg.solve(normal, left)
    ln_mean = np.log(curves.means - h.offset).mean(axis=0)
    spread = curves.grid.spread[:-1]
    in_cells = less_last(m + 1) @ curves.grid.average @ ln_mean
    on_grid = ln_mean - ln_mean[-1] + (mean - in_cells) @ spread
    np.testing.assert_allclose(shape.expected[0], on_grid, rtol=1e-9, atol=1e-12)
    assert shape.expected[0, -1] == 0.0
    drawn, run = shape.draw(np.zeros(4000, dtype=int), np.random.default_rng(0))
    ripple = h.noise * noise.fast * (np.arange(drawn.shape[1]) < drawn.shape[1] - 1)
    in_mean = ripple * (1 / curves.seeds).sum() / curves.seeds.size**2
    of_expected = (spread * (variance @ spread)).sum(axis=0) + in_mean
    np.testing.assert_allclose(drawn.std(axis=0), np.sqrt(of_expected), rtol=0.06, atol=1e-9)
    of_run = h.noise * (spread * (Q @ spread)).sum(axis=0) + ripple
    np.testing.assert_allclose((run - drawn).std(axis=0), np.sqrt(of_run), rtol=0.06, atol=1e-9)


def test_the_posterior_of_the_offset_is_not_cut_off():
    found = fit_shape(arrays(law_ladder(sizes=5, seeds=3)))
    weights = found.u_weights
    assert weights.sum() == pytest.approx(1.0)
    assert max(weights[0], weights[-1]) < 1e-3 * weights.max()
    assert np.count_nonzero(weights > 0.01 * weights.max()) >= 7
    # The outermost points are the last negligible ones: the grid is not spent on more of them.
    assert (weights[1:-1] > 1e-8 * weights.max()).all()
    assert abs(found.mean(found.hypotheses.offset) - 2.0) < 0.1


def test_a_common_level_of_a_size_says_nothing_about_the_offset():
    ladder = law_ladder(sizes=5, seeds=2, noise=1e-3)
    found = fit_shape(arrays(ladder))
    curves = arrays(ladder)
    moved = [2.0 + (r - 2.0) * f for r, f in zip(curves.runs, (1.05, 0.95, 1.04, 0.97, 1.0), strict=True)]
    other = fit_shape(type(curves)(params=curves.params, C=curves.C, runs=moved, grid=curves.grid))
    for posterior in (found, other):
        offset = posterior.hypotheses.offset
        spread = math.sqrt(posterior.mean(offset**2) - posterior.mean(offset) ** 2)
        assert abs(posterior.mean(offset) - 2.0) < 3 * spread


def test_seeds_tell_the_level_of_the_noise_as_chi_squared_does():
    found = fit_shape(arrays(law_ladder(sizes=4, seeds=3, noise=5e-3)))
    h, dof = found.hypotheses, 8
    same = (h.offset[0] == h.offset) & (h.misfit == h.misfit[0]) & (h.drift == h.drift[0]) & (h.zeta == h.zeta[0])
    factors, ln_prior = h.noise[same] / h.noise[same][1], h.ln_prior[same]
    np.testing.assert_allclose(factors, np.exp(0.5 * np.array([-1.5, 0, 1.5])))
    # The seeds' sum of squares is dof times their level: its density where the true level is `factor` times that.
    ln_density = chi2.logpdf(dof / factors, dof) - np.log(factors)
    np.testing.assert_allclose(ln_prior - ln_prior[1], ln_density - ln_density[1], atol=1e-12)


def test_deviations_are_log_normal_beforehand():
    h = fit_shape(arrays(law_ladder(sizes=4, seeds=1))).hypotheses
    assert set(h.zeta) == {1e-3, 0.5, 2.0}
    for name, other in (("misfit", "drift"), ("drift", "misfit")):
        same = getattr(h, other) == getattr(h, other)[0]
        ln_value = np.log(getattr(h, name)[same])
        ln_density = norm.logpdf(ln_value, math.log(2e-3), math.log(4.5))
        np.testing.assert_allclose(h.ln_prior[same] - h.ln_prior[same][0], ln_density - ln_density[0], atol=1e-12)
