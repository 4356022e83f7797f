"""How much sizes differ beyond noise: against loops, and its interval against many draws."""

import math

import naive
import numpy as np
import pytest

from scaling_collapse.empirical.collapse.scale_deviation import noise_of_curves, roughness, scale_deviation

X = np.linspace(0.1, 1.0, 31)


def drawn(rng, *, sizes, seeds, differ, lasting, fast):
    """Curves of sizes that fall by more or less than `x^-1/2`, with noise that lasts and noise from point to point."""
    index = np.repeat(np.arange(sizes), seeds)
    fall = 1 + differ * np.linspace(-1, 1, sizes)[index, None] + lasting * rng.standard_normal((index.size, 1))
    return 1 + fall * (X**-0.5 - 1) + fast * rng.standard_normal((index.size, X.size)) * (X < 1), index


@pytest.mark.parametrize("seeds", [(2, 3, 5), (4, 4, 4, 4), (1, 2, 2), (3, 1, 1)])
def test_the_deviation_is_that_of_the_loops(seeds):
    rng = np.random.default_rng(len(seeds))
    index = np.repeat(np.arange(len(seeds)), seeds)
    l = 1 + np.linspace(1.0, 1.3, len(seeds))[index, None] * (X**-0.5 - 1)
    l = l + 0.02 * rng.standard_normal(l.shape)
    found, expected = scale_deviation(l, index).value, naive.scale_deviation(l.tolist(), index.tolist())
    assert found == pytest.approx(expected, rel=1e-10)
    assert found > 0.05
    order = rng.permutation(index.size)
    assert scale_deviation(l[order], index[order]).value == pytest.approx(expected, rel=1e-10)


def test_one_sick_size_sets_no_level():
    rng = np.random.default_rng(1)
    l, index = drawn(rng, sizes=6, seeds=5, differ=0.0, lasting=0.0, fast=0.01)
    quiet = noise_of_curves(l, index).total
    l[index == 2] += 1.0 * rng.standard_normal((5, X.size)) * (X < 1)
    assert noise_of_curves(l, index).total < 2 * quiet
    assert scale_deviation(l, index).value == pytest.approx(naive.scale_deviation(l.tolist(), index.tolist()))


def test_sizes_that_differ_by_a_known_share_of_the_fall():
    l, index = drawn(np.random.default_rng(0), sizes=5, seeds=4, differ=0.2, lasting=1e-4, fast=1e-4)
    found = scale_deviation(l, index)
    assert found.value == pytest.approx(0.2 * np.linspace(-1, 1, 5).std(ddof=1), rel=1e-3)
    assert found.interval[0] < found.value < found.interval[1]
    along = scale_deviation(l, index, trend=np.linspace(-1, 1, 5))
    assert along.value < 1e-3


def test_about_a_line_only_what_is_not_on_it_counts():
    l, index = drawn(np.random.default_rng(0), sizes=6, seeds=3, differ=0.2, lasting=1e-4, fast=1e-4)
    l[index == 3] = 1 + 1.1 * (l[index == 3] - 1)
    off = np.zeros(6)
    off[3] = 0.1 * (1 + 0.2 * np.linspace(-1, 1, 6)[3])
    z = np.linspace(-1, 1, 6)
    away = off - np.polyval(np.polyfit(z, off, 1), z)
    fall = 1 + off.mean()
    expected = math.sqrt((away**2).sum() / 4) / fall
    assert scale_deviation(l, index, trend=z).value == pytest.approx(expected, rel=5e-3)
    assert scale_deviation(l[index < 2], index[index < 2], trend=z[:2]).interval == (0.0, 0.0)


def test_noise_alone_leaves_zero_inside():
    for rng in np.random.default_rng(4).spawn(20):
        l, index = drawn(rng, sizes=4, seeds=2, differ=0.0, lasting=0.03, fast=0.03)
        found = scale_deviation(l, index)
        assert 0 <= found.interval[0] <= found.interval[1]
        assert found.interval[0] < 0.03
        assert found.interval[1] > 0


@pytest.mark.parametrize(
    ("sizes", "seeds", "differ", "lasting", "fast"),
    [(6, 5, 0.0, 0.02, 0.01), (6, 5, 0.03, 0.02, 0.01), (4, 2, 0.1, 0.02, 0.02), (8, 3, 0.05, 0.05, 0.0)],
)
def test_nine_of_ten_intervals_hold_the_truth(sizes, seeds, differ, lasting, fast):
    truth = differ * np.linspace(-1, 1, sizes).std(ddof=1)
    held = 0
    for rng in np.random.default_rng(sizes).spawn(400):
        low, high = scale_deviation(
            *drawn(rng, sizes=sizes, seeds=seeds, differ=differ, lasting=lasting, fast=fast)
        ).interval
        held += low <= truth <= high
    assert 0.85 <= held / 400 <= (0.95 if differ else 0.98)  # 0 is an end: only the lower tail can miss it


def test_a_higher_level_is_a_wider_interval():
    l, index = drawn(np.random.default_rng(7), sizes=5, seeds=3, differ=0.05, lasting=0.02, fast=0.01)
    narrow, wide = (scale_deviation(l, index, level=level).interval for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_without_seeds_the_interval_begins_at_zero_and_rough_noise_is_taken_off():
    rng = np.random.default_rng(0)
    noisy = X**-0.5 * np.exp(0.01 * rng.standard_normal((8, X.size)))
    noisy /= noisy[:, -1:]
    steps = np.linspace(-0.1, 0.1, 8)
    quiet = 1 + (1 + steps[:, None]) * (X**-0.5 - 1)
    assert noise_of_curves(noisy, np.arange(8)).source == "roughness"
    assert scale_deviation(noisy, np.arange(8)).value < 0.02
    found = scale_deviation(quiet, np.arange(8))
    assert found.value == pytest.approx(steps.std(ddof=1), rel=1e-2)
    assert found.interval == pytest.approx((0.0, 1.5 * steps.std(ddof=1)), rel=1e-6)


def test_roughness_is_the_variance_from_point_to_point():
    rng = np.random.default_rng(0)
    smooth = np.linspace(5, 1, 20000)
    found = roughness(smooth * np.exp(0.03 * rng.standard_normal((2, 20000))))
    assert found == pytest.approx([0.03**2] * 2, rel=0.05)
    assert roughness(np.array([[0.0, -1.0, 3.0, 1.0]]))[0] > 1  # losses below the offset: rough, not an error


def test_the_noise_has_the_covariance_of_its_directions():
    l, index = drawn(np.random.default_rng(2), sizes=5, seeds=4, differ=0.1, lasting=0.02, fast=0.01)
    noise = noise_of_curves(l, index)
    gram = noise.directions.T @ noise.directions
    np.testing.assert_allclose(noise.variance, np.diag(gram))
    assert noise.total == pytest.approx(np.trace(gram))
    assert noise.dof == 15
    truth = np.outer(0.02 * (X**-0.5 - 1), 0.02 * (X**-0.5 - 1)) + 0.01**2 * np.diag(X < 1)
    many, index = drawn(np.random.default_rng(2), sizes=5, seeds=300, differ=0.1, lasting=0.02, fast=0.01)
    found = noise_of_curves(many, index)
    assert found.total == pytest.approx(np.trace(truth), rel=0.05)
    assert found.squared == pytest.approx((truth**2).sum(), rel=0.05)
