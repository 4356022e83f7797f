"""The offset at which curves agree, from the curves alone: exact where it is known, with an interval that covers."""

import math

import numpy as np
import pytest
from synthetic import law_ladder

from scaling_collapse.empirical.collapse.curve_offset import curve_offset
from scaling_collapse.empirical.collapse.curves_on_grid import curves_on_grid

X = np.linspace(0.1, 1.0, 61)


@pytest.mark.parametrize("offset", [-1.0, 0.0, 2.5])
def test_the_known_offset_of_a_two_term_ladder_is_recovered(offset):
    ladder = law_ladder(sizes=5, seeds=1, L0=3.0, noise=0.0, points=400)
    curves = curves_on_grid(ladder, None)
    found = curve_offset(curves.L - 3.0 + offset, curves.size_index)
    assert found.value == pytest.approx(offset, abs=1e-6)


def test_noise_that_lasts_does_not_move_it_and_seeds_are_averaged():
    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(4), 3)
    R = 2.0 ** -index[:, None] * (X**-0.5 + 1) * np.exp(0.1 * rng.standard_normal((12, 1)))
    assert curve_offset(2 + R, index).value == pytest.approx(2.0, abs=1e-9)


@pytest.mark.parametrize(
    ("sizes", "seeds", "lasting", "fast"),
    [(6, 5, 0.01, 0.01), (4, 2, 0.005, 0.01), (8, 3, 0.05, 0.005), (6, 1, 0, 0.01)],
)
def test_nine_of_ten_intervals_hold_it(sizes, seeds, lasting, fast):
    held = 0
    index = np.repeat(np.arange(sizes), seeds)
    for rng in np.random.default_rng(sizes).spawn(400):
        R = 1.5 ** -index[:, None] * (X**-0.5 + 1) * np.exp(lasting * rng.standard_normal((index.size, 1)))
        low, high = curve_offset(2 + R * np.exp(fast * rng.standard_normal(R.shape)), index).interval
        held += low <= 2 <= high
    assert 0.85 <= held / 400 <= 0.95


def test_two_sizes_or_a_curve_that_does_not_fall_say_nothing():
    R = 2.0 ** -np.arange(4)[:, None] * (X**-0.5 + 1)
    assert math.isnan(curve_offset(R[:2], np.arange(2)).value)
    R[2] = R[2, ::-1]
    rising = curve_offset(R, np.arange(4))
    assert np.isnan([rising.value, *rising.interval]).all()
