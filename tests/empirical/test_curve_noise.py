import math

import numpy as np
import pytest

from scaling_collapse.empirical.extrapolation.cell_grid import cell_grid
from scaling_collapse.empirical.extrapolation.curve_noise import relative_level, seed_noise
from scaling_collapse.theory import default_grid


def test_seed_noise_finds_a_persistent_and_a_fast_part():
    rng = np.random.default_rng(0)
    x = default_grid()
    mean = 1 + (x**-0.5 + 1) / 2
    runs = [
        1 + (mean - 1) * (1 + 0.02 * rng.standard_normal((40, 1)) + 0.03 * rng.standard_normal((40, x.size)))
        for _ in range(5)
    ]
    grid = cell_grid(x)
    noise = seed_noise(runs, 1.0, grid)
    assert noise.dof == 195
    assert math.sqrt(noise.fast) == pytest.approx(0.03, rel=0.1)
    assert math.sqrt(noise.Q[0, -1]) == pytest.approx(0.02, rel=0.15)  # what the ends of a run share
    assert noise.level == pytest.approx(0.02**2 + 0.03**2, rel=0.1)
    assert relative_level(runs, 0.0) < noise.level / 2  # relative to more loss there is less of it
    alone = seed_noise([r[:1] for r in runs], 1.0, grid)
    assert alone.dof == 0
    assert math.sqrt(alone.fast) == pytest.approx(0.03, rel=0.15)
    assert math.isnan(alone.level)
