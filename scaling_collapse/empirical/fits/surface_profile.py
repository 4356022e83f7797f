"""Profile intervals of a surface's numbers: how far one number can move when the others follow.

Least squares generalized by the scatter's covariance; a number lies inside while the sum of squares, in units of the
scatter, has risen by less than the square of Student's t. A second opinion to the draws, which refit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from .intervals import Interval, t_quantile
from .surface_fit import FormFit
from .surface_solution import HIGHEST, LOWEST, Solution, free_numbers, refine

__all__ = ["profile_intervals"]

CAREFUL = 0.8
"""Levels are taken as large as they are with this probability at most: a covariance that is fixed knows no doubt."""
STEPS = 13
"""Values on each side."""
PROFILED = {"L0": 0, "a": 2, "b": 4, "k": 5}
ROUNDS = 2
"""The second looks again where the first has found the end."""


def profile_intervals(fit: FormFit, size: NDArray[np.intp], level: float) -> dict[str, Interval]:
    """The intervals of L0, a, b and, where it was fitted, k.

    Parameters
    ----------
    fit
        A form's fit.
    size
        The size of each point, shape (points,).
    level
        Coverage.
    """
    spread = fit.scatter.at(CAREFUL)
    V = spread.point**2 * np.eye(size.size) + spread.level**2 * (size[:, None] == size)
    whiten = np.linalg.inv(np.linalg.cholesky(V))
    free = free_numbers(fit.form)
    base = refine(fit.task, fit.q[None], free, whiten=whiten, delta=np.inf)
    rise = t_quantile(fit.scatter.dof, level) ** 2
    found = {}
    for name, column in PROFILED.items():
        if column in free:
            ends = [_end(fit, base, column, side, whiten=whiten, rise=rise) for side in (-1, 1)]
            low, high = ends if column == 0 else np.exp(ends)
            found[name] = (float(low), float(high))
    return found


def _end(fit: FormFit, base: Solution, column: int, side: int, *, whiten: Array, rise: float) -> float:
    """Where the profile has risen by `rise`, on one side; the end of the search where it does not."""
    others, q = np.array([i for i in free_numbers(fit.form) if i != column]), base.q[0]
    limit = float((LOWEST if side < 0 else HIGHEST)[column])
    if column == 0 and side > 0:
        limit = float(np.exp(fit.task.y.min()))
    near, far, share = float(q[column]), limit, 0.0
    for _ in range(ROUNDS):
        values = near + (far - near) * np.linspace(0.0, 1.0, STEPS) ** 2
        starts = np.repeat(q[None], STEPS, axis=0)
        starts[:, column] = values
        found = refine(fit.task, starts, others, whiten=whiten, delta=np.inf, steps=60)
        risen = 2.0 * (found.objective - base.objective[0])
        over = np.flatnonzero(risen > rise)
        if over.size == 0:
            return far
        i = max(int(over[0]), 1)
        near, far = float(values[i - 1]), float(values[i])
        share = (rise - risen[i - 1]) / max(risen[i] - risen[i - 1], 1e-300)
    return near + (far - near) * float(np.clip(share, 0.0, 1.0))
