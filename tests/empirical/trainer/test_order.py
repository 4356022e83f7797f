"""The fixed random order of many things, each position computed alone."""

import numpy as np
import pytest

from scaling_collapse.empirical.trainer.tasks.order import shuffled


class TestOrder:
    @pytest.mark.parametrize("n", [1, 2, 3, 5, 64, 65, 1000])
    def test_a_permutation(self, n):
        assert sorted(shuffled(np.arange(n), n, seed=3).tolist()) == list(range(n))

    def test_seeds_differ_and_order_is_far_from_sorted(self):
        a, b = shuffled(np.arange(5000), 5000, 0), shuffled(np.arange(5000), 5000, 1)
        assert (a != b).mean() > 0.99
        assert abs(np.corrcoef(np.arange(5000), a)[0, 1]) < 0.05
        assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.05
        assert np.histogram(a[:1000], 5, (0, 5000))[0].min() > 150

    def test_large_n(self):
        n = 10**12 + 7
        at = shuffled(np.arange(100), n, 0)
        assert len(set(at.tolist())) == 100
        assert 0 <= at.min() < at.max() < n
