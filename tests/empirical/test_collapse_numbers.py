"""The two numbers that decide (`excess_spread`, `supercollapse_from`) against slow versions and at their limits."""

import math

import naive
import numpy as np
import pytest
from synthetic import law_ladder

from scaling_collapse.empirical.collapse.collapse_at_offset import (
    TAIL_SHARE,
    collapse_at_offset,
    delta_range,
    excess_spread,
    supercollapse_from,
)
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid


@pytest.mark.parametrize("seeds", [(1, 2, 3, 5), (2, 2, 2), (1, 2), (1, 1, 1, 1), (3, 1, 1)])
def test_the_spread_is_the_written_out_sum(seeds):
    rng = np.random.default_rng(len(seeds))
    size_index = np.repeat(np.arange(len(seeds)), seeds)
    of_size = 4 - np.outer(np.linspace(1.0, 1.4, len(seeds)), np.linspace(0, 1, 12))
    l = of_size[size_index] + 0.02 * rng.standard_normal((size_index.size, 12))
    found, expected = excess_spread(l, size_index), naive.excess_spread(l.tolist(), size_index.tolist())
    assert found == pytest.approx(expected, rel=1e-12)
    assert found > 0.02
    order = rng.permutation(size_index.size)
    assert excess_spread(l[order], size_index[order]) == pytest.approx(expected, rel=1e-12)


def test_noise_alone_leaves_no_spread():
    l = 2 + 0.1 * np.random.default_rng(1).standard_normal((6, 50))
    assert naive.excess_spread(l.tolist(), [0, 0, 1, 1, 2, 2]) < 0.03
    assert excess_spread(np.array([[2.0, 1.0], [2.2, 1.0]] * 2), np.array([0, 0, 1, 1])) == 0.0


def test_losses_below_the_offset_are_rough_not_an_error():
    l = np.array([[0.0, -1.0, 3.0, 1.0], [5.0, 4.0, 3.0, 1.0]])
    assert excess_spread(l, np.arange(2)) == 0.0


def test_small_values_count_in_the_roughness():
    l = np.array([[0.4, 0.42, 0.4, 0.42, 0.41], [0.1, 0.1, 0.11, 0.1, 0.1]])
    assert excess_spread(l, np.arange(2)) == pytest.approx(naive.excess_spread(l.tolist(), [0, 1]))


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
    assert found.spread == pytest.approx(naive.excess_spread(l.tolist(), index))
    parts = naive.supercollapse_from(curves.x, found.delta, found.sigma)
    assert (found.fraction, found.x_from) == pytest.approx(parts, nan_ok=True)
    assert found.offset == 1.8
    other = collapse_at_offset(curves, 1.0)
    low, high = delta_range([found, other])
    np.testing.assert_array_equal(low, np.minimum(found.delta, other.delta))
    np.testing.assert_array_equal(high, np.maximum(found.delta, other.delta))
