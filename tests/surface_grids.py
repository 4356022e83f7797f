"""Made-up runs over sizes and horizons with a known law."""

import numpy as np

from scaling_collapse.empirical.fits.surface_law import SurfaceLaw
from scaling_collapse.theory import Ladder, LossCurve

SIZES = (1e7, 3e7, 1e8, 3e8, 1e9)
MULTIPLES = (5.0, 20.0, 80.0)


def true_law(k=1.0, L0=1.7):
    return SurfaceLaw(*np.array([L0, 400.0, 0.34, 410.0, 0.28, k]))


def grid_ladder(
    law, *, sizes=SIZES, multiples=MULTIPLES, seeds=1, point=0.0, level=0.0, rng=0, schedule="linear", drift=0.0
):
    """Runs that end on the law; on the way there a decaying schedule lies above it (`drift` changes that with size).

    `point` and `level` are standard deviations in ln L: of a run, and of what all runs of a size share.
    """
    rng = np.random.default_rng(rng)
    x = np.linspace(0.01, 1.0, 60)
    runs = []
    for N in sizes:
        size = level * rng.standard_normal()
        for M in multiples:
            for seed in range(seeds):
                scatter = np.exp(size + point * rng.standard_normal())
                if schedule == "constant":
                    shape = law.loss(N, x * M * N) / law.loss(N, M * N)
                else:
                    shape = x ** -(0.1 + drift * np.log(N / 1e8) + 0.01 * np.log(M / 20.0))
                loss = law.loss(N, M * N) * scatter * shape
                name = f"{N:g}x{M:g}-{seed}"
                runs.append(LossCurve(run=name, params=N, tokens=x * M * N, loss=loss, seed=seed, schedule=schedule))
    return Ladder(runs)
