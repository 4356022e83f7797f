"""Slow, obviously right versions of what the project computes fast."""

import itertools
import math
import statistics

import numpy as np
from scipy.optimize import minimize


def collapse_deviation(l, size_index):
    """Delta by loops, for equally many seeds per size: the plain sample standard deviation over the mean."""
    return np.array([statistics.stdev(column) / statistics.fmean(column) for column in np.asarray(l).T])


def noise_floor(L, size_index, offset):
    """sigma by loops."""
    result = []
    for column in np.asarray(L).T:
        squares = []
        for size in sorted(set(size_index)):
            values = [v for v, s in zip(column, size_index, strict=True) if s == size]
            if len(values) >= 2:
                squares.append((statistics.stdev(values) / (statistics.fmean(values) - offset)) ** 2)
        result.append(math.sqrt(statistics.fmean(squares)))
    return np.array(result)


def huber_objective(parameters, C, L, delta=1e-3):
    """Sum of Huber losses of the log residuals of L0 + a C^-b, parameters (L0, ln a, b)."""
    L0, ln_a, b = parameters
    total = 0.0
    for c, l in zip(C, L, strict=True):
        prediction = L0 + math.exp(min(ln_a - b * math.log(c), 700.0))
        r = abs(math.log(max(prediction, 1e-300)) - math.log(l))
        total += 0.5 * r * r if r <= delta else delta * (r - 0.5 * delta)
    return total


def fit_law(C, L, starts=10):
    """The law by L-BFGS-B with numerical gradients from starts^3 starting points: (objective, (L0, ln a, b))."""
    best = (math.inf, None)
    grid = itertools.product(
        np.linspace(0.0, 0.99 * min(L), starts),
        np.log(np.geomspace(0.01, 10.0, starts) * min(L)),
        np.linspace(0.02, 1.0, starts),
    )
    for start in grid:
        found = minimize(
            huber_objective,
            start,
            args=(C, L),
            method="L-BFGS-B",
            bounds=[(0.0, max(L)), (-50.0, 50.0), (1e-3, 5.0)],
        )
        if found.fun < best[0]:
            best = (found.fun, found.x)
    return best
