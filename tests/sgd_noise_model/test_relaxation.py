"""The memory of a deficit: against small steps, its derivative, and how often one logs."""

import math

import naive
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_collapse.sgd_noise_model.laws.relaxation import relaxed


def _path(rng, n):
    """A piecewise linear deficit with jumps over time, with long, short and vanishing intervals."""
    time = np.cumsum(np.r_[0.0, rng.choice([1.0, 0.3, 1e-6, 0.0], n - 1, p=[0.5, 0.3, 0.1, 0.1])])
    after = rng.uniform(0, 1, n)
    before = np.where(rng.uniform(size=n) < 0.7, after, rng.uniform(0, 1, n))
    return time, before, after


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.floats(0.5, 30.0))
def test_memory_against_small_steps(seed, memory):
    """The midpoint rule with steps of memory / 100 at most: its own error is below 1e-5."""
    time, before, after = _path(np.random.default_rng(seed), 25)
    value, _ = relaxed(time, before, after, memory)
    np.testing.assert_allclose(value, naive.relaxed(time, before, after, memory), atol=1e-5)


# Where an interval is 1e-5 of the memory two formulas meet, 5e-11 apart, and a difference quotient sees only that.
SEAMS = [interval / 1e-5 for interval in (1e-6, 0.3, 1.0)]
AWAY_FROM_SEAMS = st.floats(1e-3, 1e5).filter(lambda memory: min(abs(math.log(memory / s)) for s in SEAMS) > 1e-4)


@settings(max_examples=30)
@given(st.integers(0, 10**6), AWAY_FROM_SEAMS)
def test_memory_changes_with_its_length_as_it_says(seed, memory):
    path = _path(np.random.default_rng(seed), 25)
    _, slope = relaxed(*path, memory)
    h = 1e-5
    central = (relaxed(*path, memory * math.exp(h))[0] - relaxed(*path, memory * math.exp(-h))[0]) / (2 * h)
    np.testing.assert_allclose(slope, central, atol=1e-8)


def test_memory_does_not_depend_on_how_often_one_logs():
    time = np.array([0.0, 3.0, 4.0, 9.0])
    d = np.array([0.0, 0.6, 0.2, 1.0])
    fine = np.unique(np.r_[time, np.linspace(0, 9, 2001), 4 + 1e-7, 4 + 1e-5])
    d_fine = np.interp(fine, time, d)
    at = np.searchsorted(fine, time)
    for memory in (0.01, 1.0, 100.0):
        for few, many in zip(relaxed(time, d, d, memory), relaxed(fine, d_fine, d_fine, memory), strict=True):
            np.testing.assert_allclose(many[at], few, atol=1e-9)
