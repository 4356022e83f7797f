"""The drawn Fourier target."""

from dataclasses import replace

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.fourier_task import FourierTask

TASK = FourierTask(dimensions=2, exponent=1.5, modes=40, seed=3)


def naive_modes(task):
    """The draw of RECIPES without merging: k (modes, d), complex amplitudes (modes,), before scaling."""
    rng = np.random.default_rng(task.seed)
    radius = (1 - rng.random(task.modes)) ** (-1 / task.exponent)
    direction = rng.standard_normal((task.modes, task.dimensions))
    k = np.rint(radius[:, None] * direction / np.linalg.norm(direction, axis=1)[:, None])
    return k, rng.standard_normal(task.modes), rng.integers(0, 2, task.modes) * np.pi / 2


class TestFourierTask:
    @pytest.mark.parametrize("task", [TASK, FourierTask(dimensions=8, exponent=2.0, modes=3000)], ids=["2d", "8d"])
    def test_equals_the_unmerged_sum_up_to_scale_and_constant(self, task):
        x = np.random.default_rng(0).random((500, task.dimensions)).astype(np.float32) - np.float32(0.5)
        k, w, phase = naive_modes(task)
        varies = (k != 0).any(axis=1)
        naive = np.cos(2 * np.pi * x.astype(float) @ k[varies].T + phase[varies]) @ w[varies]
        y = task(x).astype(float)
        scale = (y @ naive) / (naive @ naive)
        assert np.abs(y - scale * naive).max() < 2e-5

    @pytest.mark.parametrize("seed", range(3))
    def test_unit_variance(self, seed):
        # A grid finer than twice the highest frequency integrates y and y^2 exactly.
        task = FourierTask(dimensions=2, exponent=1.5, modes=60, seed=seed)
        n = 4 * int(np.abs(task.frequencies).max()) + 1
        x = np.stack(np.meshgrid(*[np.arange(n) / n - 0.5] * 2), axis=-1).reshape(-1, 2)
        y = task(x).astype(float)
        assert y.mean() == pytest.approx(0, abs=1e-5)
        assert y.var() == pytest.approx(1, abs=1e-5)

    def test_modes_are_distinct_up_to_sign_and_not_zero(self):
        k = FourierTask(dimensions=3, exponent=1.5, modes=2000).frequencies
        both = np.concatenate([k, -k])
        assert len(np.unique(both, axis=0)) == 2 * len(k)

    def test_the_draw_is_fixed_by_the_seed(self):
        x = np.random.default_rng(1).random((5, 2)) - 0.5
        assert (replace(TASK)(x) == TASK(x)).all()
        assert (replace(TASK, seed=4)(x) != TASK(x)).any()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dimensions": 0}, "needs `dimensions` >= 1; got 0"),
            ({"modes": 0}, "needs `modes` >= 1; got 0"),
            ({"seed": -1}, "needs `seed` >= 0; got -1"),
            ({"exponent": 0.0}, "needs a positive `exponent`; got 0.0"),
        ],
    )
    def test_bad_parameters(self, change, message):
        with pytest.raises(InputError, match=message):
            replace(TASK, **change)

    def test_all_frequencies_zero(self):
        with pytest.raises(InputError, match="needs a frequency other than zero"):
            FourierTask(dimensions=50, exponent=50.0, modes=1).frequencies  # noqa: B018

    def test_bad_inputs(self):
        with pytest.raises(InputError, match=r"needs inputs of shape \(n, 2\); got \(5, 3\)"):
            TASK(np.zeros((5, 3)))
