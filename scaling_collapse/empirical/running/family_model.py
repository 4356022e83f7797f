"""The family's curve as one linear Gaussian model: from references' shapes to the prior of a run of another size.

Shapes are `y_g(x) = ln R(x) - ln R(1)`, R the loss less the offset, of groups g of seeds of one size and multiple:

    y_g = s + u_g (m q + d) + v_g e + v_g^2 e' + h_g + mean over seeds of (f_r + noise)

| term | what it is | covariance over x |
|---|---|---|
| s(x) | shape at the new run's size and multiple | free at every knot |
| u_g, d(x) | `ln(p_g / p)` and drift per e-fold of size; its mean is `-0.015 q(x)` | `drift^2 (0.9 S + 0.1 B)` |
| v_g, e, e' | ln of the multiple over the new run's: slope, curvature | `(S + B) / 6`, `/ 50` |
| h_g(x) | what one group does that its seeds share | `group^2 ((1 - r) S + r B)` |
| f_r(x) | what one seed does | `seed^2 ((1 - r) S + r B)` |

`q(x)` is the mean shape, `S = q q'` (as steep by a factor) and `B = q(x_1) min(q, q')` (what is still to be lost says
how much can still go wrong: independent increments in q). So `drift`, `group` and `seed` are relative changes of the
steepness. They, the roughness r and the wobble of knots form a grid. Each point of it is a hypothesis, weighed by its
restricted likelihood and a half-Cauchy prior.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from .reference_shapes import ReferenceShapes
from .shape_prior import ShapePrior

__all__ = ["family_prior"]

DRIFTS = (0.01, 0.03, 0.1, 0.3)
GROUPS = (0.004, 0.012, 0.036, 0.1, 0.3)
SEEDS = (0.003, 0.01, 0.03, 0.1)
ROUGHNESS = (0.1, 0.5, 1.0)
WOBBLES = (0.3, 1.0, 3.0)
DRIFT_SCALE, GROUP_SCALE, SEED_SCALE = 0.03, 0.02, 0.01
"""Medians of the half-Cauchy priors."""
DRIFT_MEAN = -0.015
"""An irreducible part of the loss flattens `ln(L / L(T))` of larger sizes, by how much is open: half the scale."""
LEAST = 1e-3
"""Hypotheses less likely than this share of the best are left out."""


@dataclass(frozen=True, kw_only=True)
class _Family:
    """References about the new run's place, and the covariances over x that do not change."""

    shapes: ReferenceShapes
    u: Array
    v: Array
    q: Array = field(init=False)
    steep: Array = field(init=False)
    rough: Array = field(init=False)
    fixed: Array = field(init=False)

    def __post_init__(self) -> None:
        near = np.exp(-0.5 * self.u**2 - 50.0 * self.v**2) + 1e-12
        q = np.maximum.accumulate((near / near.sum() @ self.shapes.shape)[::-1])[::-1]
        q = np.maximum(q, 1e-9)
        steep, rough = np.outer(q, q), q[0] * np.minimum.outer(q, q)
        places = np.outer(self.v, self.v) / 6 + np.outer(self.v**2, self.v**2) / 50
        for name, value in {
            "q": q, "steep": steep, "rough": rough, "fixed": np.kron(places, steep + rough),
        }.items():  # fmt: skip
            object.__setattr__(self, name, value)


def family_prior(shapes: ReferenceShapes, *, size: float, multiple: float) -> ShapePrior:
    """The prior of one run of size `ln p` at that multiple.

    Parameters
    ----------
    shapes
        Of at least one group.
    size, multiple
        Place of the new run, as in `shapes`.
    """
    family = _Family(shapes=shapes, u=shapes.size - size, v=shapes.multiple - multiple)
    found = [
        hypothesis
        for wobble, roughness in itertools.product(WOBBLES, ROUGHNESS)
        for hypothesis in _of_one_noise(family, wobble, roughness)
    ]
    ln_weight = np.array([f[0] for f in found])
    kept = np.flatnonzero(ln_weight > ln_weight.max() + np.log(LEAST))
    return ShapePrior(
        grid=shapes.grid,
        ln_weight=ln_weight[kept],
        mean=np.array([found[i][1] for i in kept]),
        factor=np.asarray(np.linalg.cholesky(np.array([found[i][2] for i in kept])), dtype=np.float64),
        noise=shapes.noise,
        last=shapes.last,
        point=shapes.point,
    )


def _of_one_noise(family: _Family, wobble: float, roughness: float) -> list[tuple[float, Array, Array]]:
    """(ln weight, mean, covariance) of the new run's shape for every drift and group effect."""
    shapes, own = family.shapes, (1 - roughness) * family.steep + roughness * family.rough
    shaken = wobble**2 * _between_knots(shapes.noise**2)
    read = shaken + _between_knots(shapes.noise**2 / shapes.knot_cells)
    ln_seed, seed = _seed_effect(shapes, own, read)
    of_run = seed**2 * own + read
    K, n = family.q.size, shapes.runs.size
    drifting = np.kron(np.outer(family.u, family.u), 0.9 * family.steep + 0.1 * family.rough)
    same = np.flatnonzero((np.abs(family.u) < 1e-6) & (np.abs(family.v) < 1e-6))
    undrifted = shapes.shape - DRIFT_MEAN * family.u[:, None] * family.q
    found = []
    for drift, group in itertools.product(DRIFTS, GROUPS):
        blocks = group**2 * own + of_run / shapes.runs[:, None, None]
        total = family.fixed + drift**2 * drifting
        total.reshape(n, K, n, K)[np.arange(n), :, np.arange(n), :] += blocks
        solution = _Solution.of(total, n, K)
        prior = ln_seed + _half_cauchy(drift, DRIFT_SCALE) + _half_cauchy(group, GROUP_SCALE)
        ln_likelihood, mean, covariance = solution.predict(undrifted, group**2 * own, same)
        found.append((prior + ln_likelihood, mean, covariance + seed**2 * own + shaken))
    return found


class _Solution(NamedTuple):
    """Generalized least squares with the free shape s: everything but the data."""

    inverse: Array
    ln_det: float
    of_shape: Array
    """Covariance of s."""

    @classmethod
    def of(cls, covariance: Array, n: int, K: int) -> _Solution:
        inverse: Array = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
        of_shape = np.linalg.inv(inverse.reshape(n, K, n, K).sum(axis=(0, 2)))
        ln_det = np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(of_shape)[1]
        return cls(inverse, float(ln_det), of_shape)

    def predict(self, y: Array, group: Array, same: NDArray[np.intp]) -> tuple[float, Array, Array]:
        """Restricted ln likelihood, and mean and covariance of `s + h`, h the new run's group effect."""
        n, K = y.shape
        mean = self.of_shape @ (self.inverse @ y.ravel()).reshape(n, K).sum(axis=0)
        rest = self.inverse @ (y - mean).ravel()
        ln_likelihood = -0.5 * float((y - mean).ravel() @ rest) - 0.5 * self.ln_det
        if not same.size:
            return ln_likelihood, mean, self.of_shape + group
        i = int(same[0])  # other seeds of the new run's own group: it shares their effect
        rows = self.inverse.reshape(n, K, n, K)
        gain = group @ rows[i].reshape(K, n * K)
        known = gain.reshape(K, n, K).sum(axis=1)
        left = np.eye(K) - known
        covariance = group - gain[:, i * K : (i + 1) * K] @ group + left @ self.of_shape @ left.T
        return ln_likelihood, mean + group @ rest.reshape(n, K)[i], covariance


def _between_knots(variance: Array) -> Array:
    """Covariance of the values at all knots but the last, less the last, from independent variances."""
    return np.diag(variance[:-1]) + variance[-1]


def _seed_effect(shapes: ReferenceShapes, own: Array, read: Array) -> tuple[float, float]:
    """Best ln likelihood with prior, and value, of the seeds' effect; none where no group has two seeds."""
    if not shapes.seed_freedom:
        return 0.0, 0.0
    tried = []
    for seed in SEEDS:
        factor = np.linalg.cholesky(seed**2 * own + read)
        white = np.linalg.solve(factor, shapes.between_seeds.T)
        ln_det = 2 * shapes.seed_freedom * float(np.log(np.diag(factor)).sum())
        tried.append((-0.5 * float((white**2).sum()) - 0.5 * ln_det + _half_cauchy(seed, SEED_SCALE), seed))
    return max(tried)


def _half_cauchy(value: float, scale: float) -> float:
    """Its ln density in ln(value)."""
    return float(np.log(value / scale / (1 + (value / scale) ** 2)))
