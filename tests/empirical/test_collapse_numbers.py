"""Delta, sigma, the noise floor and where Delta is below it, against slow versions and at their limits."""

import math
from dataclasses import replace

import naive
import numpy as np
import pytest
from synthetic import law_ladder

from scaling_collapse.empirical.collapse.collapse_at_offset import (
    TAIL_SHARE,
    collapse_at_offset,
    delta_range,
    floor_of,
    supercollapse_from,
)
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid
from scaling_collapse.theory import noise_by_size, noise_floor


@pytest.mark.parametrize("seeds", [(3, 4, 5), (2, 2, 2, 2), (1, 3, 3, 3), (5, 5, 1, 2, 4)])
def test_the_floor_is_the_median_over_sizes_without_its_bias(seeds):
    rng = np.random.default_rng(len(seeds))
    index = np.repeat(np.arange(len(seeds)), seeds)
    L = 3 + rng.uniform(0, 1, len(seeds))[index, None] + 0.05 * rng.standard_normal((index.size, 9))
    found = floor_of(noise_by_size(L, index, 1.5), np.bincount(index))
    np.testing.assert_allclose(found, naive.collapse_floor(L, index.tolist(), 1.5), rtol=1e-12)


def test_of_two_seeded_sizes_the_floor_is_the_root_mean_square():
    by_size = np.array([[0.3], [0.1], [math.nan]])
    assert floor_of(by_size, np.array([2, 3, 1])) == pytest.approx([math.sqrt((0.3**2 + 2 * 0.1**2) / 3)])


def test_one_sick_size_lifts_sigma_and_not_the_floor():
    ladder = law_ladder(sizes=6, seeds=5, noise=5e-3)
    curves = curves_on_grid(ladder, None)
    top = curves.size_index == 5
    loud = curves.L[top].mean(axis=0) + 40 * (curves.L[top] - curves.L[top].mean(axis=0))
    sick = replace(curves, L=np.concatenate([curves.L[~top], loud]))
    before, after = collapse_at_offset(curves, 2.0), collapse_at_offset(sick, 2.0)
    assert (after.sigma > 10 * before.sigma).all()
    assert (after.floor < 1.5 * before.floor).all()


def test_the_floor_of_normal_noise_is_what_seeds_scatter_by():
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(7), 3)
    L = 2 + 0.1 * rng.standard_normal((index.size, 4000))
    floor = floor_of(noise_by_size(L, index, 1.0), np.bincount(index))
    assert np.median(floor) == pytest.approx(0.1, rel=0.02)


def test_the_supercollapsed_part_is_that_of_the_loop():
    rng = np.random.default_rng(0)
    found_any = []
    for _ in range(200):
        x = np.append(np.sort(rng.uniform(0.1, 0.99, rng.integers(2, 30))), 1.0)
        delta = rng.uniform(0, 1.0, x.size) + 0.3 * (x < 0.5)
        fraction, x_from = supercollapse_from(x, delta, np.full(x.size, 0.9))
        expected = naive.supercollapse_from(x, delta, np.full(x.size, 0.9))
        assert (fraction, x_from) == pytest.approx(expected, nan_ok=True)
        found_any.append(x_from)
    assert 0 < np.isnan(found_any).sum() < 100
    assert len(set(found_any)) > 50


@pytest.mark.parametrize(("above", "x_from"), [(1, 0.0), (2, 0.3)])
def test_nine_tenths_of_the_tail_suffice(above, x_from):
    x = np.append(np.arange(10) / 10, 1.0)
    delta = np.zeros(11)
    delta[1 : 1 + above] = 2.0
    assert supercollapse_from(x, delta, np.ones(11)) == pytest.approx((1 - above / 10, x_from))
    assert TAIL_SHARE == 0.9


def test_a_point_on_the_noise_floor_is_not_below_it_and_the_end_does_not_count():
    x = np.array([0.5, 0.75, 1.0])
    assert supercollapse_from(x, np.array([0.5, 0.5, 9.0]), np.ones(3)) == (1.0, 0.5)
    fraction, x_from = supercollapse_from(x, np.array([0.5, 1.0, 0.0]), np.ones(3))
    assert fraction == 0.5
    assert math.isnan(x_from)


def test_the_noise_floor_must_be_known_before_the_end_only():
    x, delta = np.array([0.5, 0.75, 1.0]), np.zeros(3)
    assert supercollapse_from(x, delta, np.array([1.0, 1.0, math.nan])) == (1.0, 0.5)
    assert np.isnan(supercollapse_from(x, delta, np.array([1.0, math.nan, 1.0]))).all()


def test_a_collapse_holds_its_parts():
    curves = curves_on_grid(law_ladder(sizes=3, seeds=3, noise=5e-3, fast=1e-3), [0.1, 0.3, 0.6, 0.9, 1.0])
    found = collapse_at_offset(curves, 1.8)
    l = (curves.L - 1.8) / (curves.L[:, -1:] - 1.8)
    index = curves.size_index.tolist()
    np.testing.assert_allclose(found.normalized, l)
    np.testing.assert_allclose(found.delta, naive.collapse_deviation(l, index), atol=1e-12)
    np.testing.assert_allclose(found.sigma, naive.noise_floor(curves.L, index, 1.8), atol=1e-12)
    floor = naive.collapse_floor(curves.L, index, 1.8)
    np.testing.assert_allclose(found.floor, floor, rtol=1e-12)
    parts = naive.supercollapse_from(curves.x, found.delta, floor)
    assert (found.fraction, found.x_from) == pytest.approx(parts, nan_ok=True)
    assert found.offset == 1.8
    other = collapse_at_offset(curves, 1.0)
    low, high = delta_range([found, other])
    np.testing.assert_array_equal(low, np.minimum(found.delta, other.delta))
    np.testing.assert_array_equal(high, np.maximum(found.delta, other.delta))


def test_noise_by_size_is_what_sigma_is_made_of():
    rng = np.random.default_rng(3)
    index = np.array([0, 1, 1, 2, 2, 2])
    L = 2 + rng.uniform(0, 1, (6, 5))
    found = noise_by_size(L, index, 0.5)
    for size in (1, 2):
        np.testing.assert_allclose(found[size], naive.noise_floor(L[index == size], [0] * (size + 1), 0.5))
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(noise_floor(L, index, 0.5), naive.noise_floor(L, index.tolist(), 0.5))
    several = np.stack([L, L + 1])
    np.testing.assert_allclose(noise_by_size(several, index, np.array([[0.5], [1.5]]))[1], found)
