"""Fourier regression: any example by its position, and the target against the unmerged sum."""

import json

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.fourier_task import FourierTask
from scaling_collapse.empirical.trainer.tasks.fourier_regression import FourierRegression, uniforms


class TestFourierRegression:
    TASK = FourierRegression(dimensions=3, exponent=1.5, modes=200, test_examples=64, data_seed=5)

    def test_any_range_gives_the_same_examples(self):
        x, y = self.TASK.batch(0, 100)
        for start, size in ((0, 1), (37, 13), (99, 1), (8, 64)):
            part = self.TASK.batch(start, size)
            assert (part.inputs == x[start : start + size]).all()
            assert (part.targets == y[start : start + size]).all()
        assert (x.shape, y.shape, x.dtype, y.dtype) == ((100, 3), (100,), np.float32, np.float32)
        assert (self.TASK.batch(10**15, 2).inputs != x[:2]).all()

    def test_inputs_are_uniform_and_train_differs_from_test(self):
        x = self.TASK.batch(0, 20_000).inputs
        assert np.abs(x).max() <= 0.5
        assert np.abs(np.histogram(x, 10, (-0.5, 0.5))[0] / x.size - 0.1).max() < 0.005
        assert not set(self.TASK.test_batch(0, 64).inputs[:, 0].tolist()) & set(x[:100, 0].tolist())
        assert abs(np.corrcoef(uniforms((0, 0), 0, 9999), uniforms((0, 1), 0, 9999))[0, 1]) < 0.05

    def test_unit_variance_by_exact_quadrature(self):
        # A grid finer than twice the highest frequency integrates y and y^2 exactly.
        target = FourierRegression(dimensions=2, exponent=1.5, modes=60).target
        n = 4 * int(np.abs(target.frequencies).max()) + 1
        x = np.stack(np.meshgrid(*[np.arange(n) / n - 0.5] * 2), axis=-1).reshape(-1, 2)
        y = target(x).astype(float)
        assert y.mean() == pytest.approx(0, abs=1e-5)
        assert y.var() == pytest.approx(1, abs=1e-5)

    def test_the_paper_s_target(self):
        task = FourierRegression()
        assert len(task.target.frequencies) == 3258  # and the constant, which the published target keeps
        assert len(FourierRegression(published=True).target.frequencies) == 3259
        y = task.batch(0, 10_000).targets.astype(float)
        assert y.mean() == pytest.approx(0, abs=0.04)
        assert y.var() == pytest.approx(1, abs=0.06)

    def test_the_published_target_is_the_unmerged_sum(self):
        task = FourierTask(dimensions=4, exponent=2.0, modes=500, seed=3, published=True)
        rng = np.random.default_rng(3)
        radius = (1 - rng.random(500)) ** -0.5
        k = rng.standard_normal((500, 4))
        k = np.rint(radius[:, None] * k / np.linalg.norm(k, axis=1)[:, None])
        w, phase = rng.standard_normal(500), rng.integers(0, 2, 500) * np.pi / 2
        x = np.random.default_rng(0).random((200, 4)) - 0.5
        naive = np.cos(2 * np.pi * x @ k.T + phase) @ (w / np.linalg.norm(w)) * np.sqrt(2)
        np.testing.assert_allclose(task(x), naive, atol=3e-5)

    def test_targets_are_the_target_s_whatever_the_block(self):
        t = FourierRegression().target
        x, y = FourierRegression().batch(10, 1100)
        turns = x.astype(float) @ t.frequencies.T + t.phases
        np.testing.assert_allclose(y, np.cos(2 * np.pi * turns) @ t.amplitudes, atol=1e-5)
        np.testing.assert_allclose(y, t(x), atol=2e-5)

    def test_describe(self):
        told = self.TASK.describe()
        assert json.loads(json.dumps(told)) == told
        assert (told["task"], told["merged_modes"]) == ("fourier", len(self.TASK.target.frequencies))

    def test_bad_options_and_ranges(self):
        with pytest.raises(InputError, match="FourierRegression needs `data_seed` >= 0; got -1"):
            FourierRegression(data_seed=-1)
        with pytest.raises(InputError, match="needs `dimensions` >= 1; got 0"):
            FourierRegression(dimensions=0)
        with pytest.raises(InputError, match="needs a `start` >= 0 and a `size` >= 1; got -1 and 2"):
            self.TASK.batch(-1, 2)
        with pytest.raises(InputError, match="up to example 65 of 64 in the test split"):
            self.TASK.test_batch(1, 64)
