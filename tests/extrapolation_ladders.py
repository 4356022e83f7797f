"""Ladders as extrapolations take them: without their largest size, with other losses, as arrays."""

import numpy as np

from scaling_collapse.empirical.extrapolation.cell_grid import cell_grid
from scaling_collapse.empirical.extrapolation.ladder_curves import LadderCurves
from scaling_collapse.empirical.extrapolation.shape_models import Shapes
from scaling_collapse.theory import Ladder, LossCurve, default_grid, losses_on_grid


def without_largest(ladder):
    """The ladder without its largest size, and that size's curves."""
    top = max(ladder.sizes)
    return ladder.select(lambda c: c.params < top), ladder.by_size[top]


def changed(ladder, loss):
    """The ladder with the losses `loss(curve)`."""
    return Ladder(LossCurve(run=c.run, params=c.params, tokens=c.tokens, loss=loss(c), seed=c.seed) for c in ladder)


def arrays(ladder):
    """The ladder's curves on the project's grid."""
    L, index = losses_on_grid(ladder, default_grid()), ladder.size_index
    C = np.array([curves[0].horizon_compute for curves in ladder.by_size.values()]) / 1e15
    runs = [L[index == i] for i in range(len(ladder.sizes))]
    return LadderCurves(params=np.array(ladder.sizes), C=C, runs=runs, grid=cell_grid(default_grid()))


def one_hypothesis(**values):
    """Plausible values of the nonlinear unknowns; some may be given."""
    default = {"offset": 1.9, "misfit": 2e-3, "drift": 3e-3, "zeta": 2.0, "noise": 1.3} | values
    return Shapes(**{k: np.array([v]) for k, v in default.items()}, ln_prior=np.zeros(1))
