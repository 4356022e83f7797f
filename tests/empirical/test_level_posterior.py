import math

import numpy as np
import pytest
from scipy.stats import norm

from scaling_collapse.empirical.extrapolation import level_posterior as module
from scaling_collapse.empirical.extrapolation.level_posterior import level_posterior

C = np.geomspace(1e-3, 1.0, 6)


def finals(rng, *, level=0.0, noise=2e-3, seeds=3, L0=2.0, b=0.2, at=C):
    """Final losses of a law whose sizes miss it by a level that their seeds share."""
    rng = np.random.default_rng(rng)
    lasting = np.exp(level * rng.standard_normal(at.size))
    return [L0 + 0.5 * c**-b * f * np.exp(noise * rng.standard_normal(seeds)) for c, f in zip(at, lasting, strict=True)]


def test_the_evidence_is_the_integral_over_everything():
    losses, u = finals(0, level=5e-3, seeds=2), np.log([0.3, 0.6])
    ours = level_posterior(C, losses, u).ln_evidence
    L = np.array([f.mean() for f in losses])
    x = np.log(C).mean() - np.log(C)
    alphas, bs = np.linspace(-0.6, 1.2, 1201), np.linspace(0.02, 0.7, 681)
    theirs = []
    for value in u:
        L0 = L.min() - math.exp(value)
        y = np.log(L - L0)
        nu2 = sum(((f - f.mean()) ** 2).sum() / (f.mean() - L0) ** 2 for f in losses) / 6
        total = 0.0
        for tau in module.LEVELS:
            for node in module.NOISES:
                factor = math.exp(math.sqrt(2 / 6) * node)
                sd = math.sqrt(tau**2 + nu2 * factor / 2)
                density = -6 * math.log(sd) * np.ones((alphas.size, bs.size))
                for xi, yi in zip(x, y, strict=True):
                    density -= 0.5 * ((yi - alphas[:, None] - bs * xi) / sd) ** 2
                prior = norm.logpdf(math.log(tau / 4e-3), 0, math.log(6.0)) - 3 * (math.log(factor) + 1 / factor)
                prior += norm.logpdf(np.log(bs / 0.13), 0, math.log(2.2)) - np.log(bs)
                total += np.exp(density + prior).sum() * (alphas[1] - alphas[0]) * (bs[1] - bs[0])
        theirs.append(math.log(total) - 5 / 6 * y.sum())
    assert ours[1] - ours[0] == pytest.approx(theirs[1] - theirs[0], abs=0.02)


@pytest.mark.parametrize("level", [0.0, 5e-3, 2e-2])
def test_bands_cover_whatever_sizes_share(level):
    target = 4.0
    inside = []
    u = np.linspace(-2.0, 0.0, 60)
    for rng in range(60):
        *ladder, new = finals(rng, level=level, at=np.append(C, target))
        found = level_posterior(C, ladder, u)
        weights = np.exp(found.ln_evidence - found.ln_evidence.max())
        draws = found.draw(np.random.default_rng(0).choice(60, p=weights / weights.sum(), size=600), target,
                           np.random.default_rng(rng))  # fmt: skip
        scatter = np.random.default_rng(1).standard_normal((2, 600))
        end = draws.L0 + np.exp(draws.ln_reducible + draws.level * scatter[0] + draws.noise * scatter[1])
        low, high = np.quantile(end, [0.05, 0.95])
        inside.append(low < new[0] < high)
    assert 0.8 <= np.mean(inside) <= 1.0


def test_draws_have_the_median_that_is_printed():
    found = level_posterior(C, finals(1, level=5e-3), np.linspace(-2.0, 0.0, 40))
    weights = np.exp(found.ln_evidence - found.ln_evidence.max())
    weights /= weights.sum()
    rng = np.random.default_rng(0)
    draws = found.draw(rng.choice(40, p=weights, size=8000), 4.0, rng)
    assert found.quantiles(weights, 4.0, (0.05, 0.5, 0.95)) == pytest.approx(
        np.quantile(draws.L0 + np.exp(draws.ln_reducible), [0.05, 0.5, 0.95]), abs=2e-3
    )
    assert found.mean_of_b(weights) == pytest.approx(draws.b.mean(), rel=0.01)
    assert found.root_mean_square(weights, found.noise) == pytest.approx(np.sqrt((draws.noise**2).mean()), rel=0.02)
    assert (draws.more == 0).all()


def test_a_further_column_is_estimated():
    q = 0.5 * (np.log(C) - np.log(C).mean()) ** 2
    losses = [2.0 + 0.5 * np.exp(-0.2 * np.log(c) + 0.01 * z) * np.ones(1) for c, z in zip(C, q, strict=True)]
    u = np.log([min(f[0] for f in losses) - 2.0])
    found = level_posterior(C, losses, u, q)
    draws = found.draw(np.zeros(4000, dtype=int), 1.0, np.random.default_rng(0))
    assert draws.more.mean() == pytest.approx(0.01, abs=0.001)


def test_one_seed_a_size_leaves_its_noise_to_the_level():
    found = level_posterior(C, finals(2, seeds=1), np.linspace(-2.0, 0.0, 10))
    assert (found.noise == 0).all()
    twins = level_posterior(C, [np.repeat(f, 2) for f in finals(2, seeds=1)], np.linspace(-2.0, 0.0, 10))
    assert (twins.noise == 0).all()
