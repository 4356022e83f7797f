r"""How well a pair of errors explains measured slopes: the misfit, profiled over the one free level.

With `t* = kappa p^gamma`, `gamma = gamma* + eps` and `L_hat = L0 + e`, a law `L = L0 + a f(t / t*) t*^-mu + b p^-nu`
has the slope

    S = A / R = (A + B) / R * A / (A + B) = (1 + e / R) / (1 + B / A),
    ln(B / A) = ln c + mu (ln t* - gamma ln p) + mu eps ln p,

with no approximation: `R + e` is the true reducible loss `A + B`, and `nu = mu (gamma - eps)`. The residual of a run
is `ln S - ln(1 + e / R) + ln(1 + B / A) - ln K`. Seed differences that multiply the whole reducible loss leave it
alone, so what it varies by between seeds is the noise that matters here.

- `shape="power"`: K = 1 by the scale of `x^-mu - 1`; c is free.
- `shape="common"`: the scale of g is arbitrary, so K is free; c is set by the horizon of the middle size being
  compute-optimal, `mu A = nu B` there, that is `B / A = 1 / gamma*` with `gamma* = gamma - eps`.

Coordinates: `z = (eps / gamma, e / R_min)`, R_min the smallest mean reducible loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ...common import Array, Result
from .curve_slopes import CurveSlopes, tight_least_squares

__all__ = ["GAMMA", "LOWER", "OFFSET", "ROUND_OFF", "UPPER", "ErrorProfile"]

GAMMA, OFFSET = 0, 1
"""The two errors, as axes of z."""

# gamma* = gamma - eps and every true reducible loss R + e must stay positive; beyond the other ends an
# "error" is no error any more.
LOWER = np.array([-2.0, -1.0 + 1e-6])
UPPER = np.array([1.0 - 1e-6, 10.0])
# Variance of ln S that float64 losses leave in noise-free curves, at the least.
ROUND_OFF = 1e-24


@dataclass(frozen=True, eq=False, repr=False)
class ErrorProfile(Result):
    """The misfit `Q(z)` of a pair of errors, in squared residuals of `ln S`, summed over runs via size means."""

    slopes: CurveSlopes

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """Runs of each size, shape (sizes,)."""
        return np.bincount(self.slopes.size_index)

    @cached_property
    def scale(self) -> Array:
        """`(gamma, R_min)`: what the coordinates are divided by."""
        s = self.slopes
        log_p = np.log(s.sizes)
        gamma = np.polyfit(log_p, s.size_means(np.log(s.horizon_tokens)), 1)[0]
        return np.array([gamma, s.size_means(s.reducible).min()])

    @cached_property
    def _log_p(self) -> Array:
        """`ln(p / p_ref)`, p_ref the geometric mean of the sizes."""
        log_p = np.log(self.slopes.sizes)
        return log_p - log_p.mean()

    @cached_property
    def _log_t(self) -> Array:
        """`ln t* - gamma ln p`, less its mean: how far the horizons are from a power law."""
        log_t = self.slopes.size_means(np.log(self.slopes.horizon_tokens))
        return log_t - log_t.mean() - self.scale[GAMMA] * self._log_p

    def run_terms(self, offset_error: ArrayLike) -> Array:
        """`ln S - ln(1 + e / R)` of every run, shape (..., runs): the part of a residual that varies with the seed."""
        e = np.asarray(offset_error, dtype=np.float64)[..., None]
        return np.log(self.slopes.slope) - np.log1p(np.maximum(e / self.slopes.reducible, -1 + 1e-9))

    def _solve(self, z: ArrayLike) -> tuple[Array, Array]:
        """Residuals of the size means at the best free level, and their derivative by it; both times sqrt(runs)."""
        z = np.asarray(z, dtype=np.float64)
        gamma, r_min = self.scale
        eps = z[..., GAMMA] * gamma
        data = self.slopes.size_means(self.run_terms(z[..., OFFSET] * r_min))
        log_h = self.slopes.mu * (self._log_t + eps[..., None] * self._log_p)
        n = self.counts
        if self.slopes.shape == "common":
            residual = data + np.log1p(np.exp(log_h) / np.maximum(gamma - eps, 1e-12)[..., None])
            level = (n * residual).sum(axis=-1, keepdims=True) / n.sum()
            return (residual - level) * np.sqrt(n), np.broadcast_to(np.sqrt(n), residual.shape)
        log_c, slope = np.zeros((*eps.shape, 1)), np.ones_like(data)
        for _ in range(100):  # Newton on ln c, for all z at once; Gauss-Newton where the curvature is no guide
            residual = data + np.logaddexp(0.0, log_c + log_h)
            slope = 1.0 / (1.0 + np.exp(-log_c - log_h))
            squares = n * slope**2
            curvature = squares + n * residual * slope * (1.0 - slope)
            down = np.maximum(curvature.sum(-1, keepdims=True), 0.3 * squares.sum(-1, keepdims=True))
            step = np.clip((n * residual * slope).sum(-1, keepdims=True) / down, -2.0, 2.0)
            log_c = np.clip(log_c - step, -30.0, 30.0)
            if np.abs(step).max() < 1e-13:
                break
        return (data + np.logaddexp(0.0, log_c + log_h)) * np.sqrt(n), slope * np.sqrt(n)

    def residuals(self, z: ArrayLike) -> Array:
        """Residuals of the size means at the best free level, each times sqrt(runs), shape (..., sizes)."""
        return self._solve(z)[0]

    def misfit(self, z: ArrayLike) -> Array:
        """`Q(z)`, the sum of squared residuals, shape (...)."""
        return (self.residuals(z) ** 2).sum(axis=-1)

    def seed_variance(self, z: ArrayLike) -> tuple[float, int]:
        """Variance of a run's residual between seeds, pooled over sizes, and its degrees of freedom."""
        terms = self.run_terms(np.asarray(z)[OFFSET] * self.scale[OFFSET])
        within = terms - self.slopes.size_means(terms)[self.slopes.size_index]
        dof = terms.size - self.slopes.sizes.size
        return (float((within**2).sum() / dof) if dof else np.nan), dof

    def shape_variance(self) -> tuple[float, float]:
        """What differing shapes add to the variance of a run's `ln S`, and the p-value of shapes being equal.

        The bend, `ln(S_early / S_late)`, varies between runs of one size by `within` and between sizes, per run, by
        `between`; the excess is blamed on independent errors of `ln S_early` and `ln S_late`, of which the
        weighted mean `ln S` inherits `(w^2 + (1 - w)^2) / 2`. (0, NaN) without seeds.
        """
        bend, n = self.slopes.bend, self.counts
        dof, sizes = bend.size - n.size, n.size
        if not (dof and np.isfinite(bend).all()):
            return 0.0, np.nan
        mean = self.slopes.size_means(bend)
        within = ((bend - mean[self.slopes.size_index]) ** 2).sum() / dof
        between = (n * (mean - (n * mean).sum() / n.sum()) ** 2).sum() / (sizes - 1)
        p_value = float(stats.f.sf(between / max(within, ROUND_OFF), sizes - 1, dof))
        w = self.slopes.early_weight
        return float(max(between - within, 0.0) * (w**2 + (1 - w) ** 2) / 2), p_value

    def minimize(self, free: tuple[int, ...]) -> Array:
        """The z of least misfit with only the coordinates `free` allowed to differ from 0."""
        free_at = np.array(free)
        axes = [np.linspace(lo, hi, 13) for lo, hi in zip([-0.6, -0.6], [0.6, 0.9], strict=True)]
        starts = np.zeros((13 ** len(free), 2))
        starts[:, free_at] = np.stack(np.meshgrid(*[axes[k] for k in free]), axis=-1).reshape(-1, len(free))
        starts = np.vstack([np.zeros(2), starts])
        start = starts[np.argmin(self.misfit(starts))]

        def residuals(values: Array) -> Array:
            z = np.zeros(2)
            z[free_at] = values
            return self.residuals(z)

        best = np.zeros(2)
        best[free_at] = tight_least_squares(residuals, start[free_at], LOWER[free_at], UPPER[free_at])
        return best

    def profile_gamma(self, z_gamma: ArrayLike) -> tuple[Array, Array]:
        """For each error of gamma the best error of the offset, and the misfit there, both shape (n,).

        A coarse search, then Gauss-Newton in `ln(1 + e / R_min)` with the level projected out.
        """
        z_gamma = np.asarray(z_gamma, dtype=np.float64)

        def points(zeta: Array) -> Array:
            return np.stack(np.broadcast_arrays(z_gamma, np.expm1(zeta)), axis=-1)

        low, high = np.log1p(LOWER[OFFSET]), np.log1p(UPPER[OFFSET])
        coarse = np.linspace(-1.0, high, 16)
        zeta = coarse[np.argmin(self.misfit(points(coarse[:, None])), axis=0)]
        for _ in range(60):
            residual, level = self._solve(points(zeta))
            e = np.expm1(zeta) * self.scale[OFFSET]
            slope = -self.slopes.size_means(
                (e + self.scale[OFFSET])[:, None] / np.maximum(self.slopes.reducible + e[:, None], 1e-300)
            ) * np.sqrt(self.counts)
            slope = slope - level * (slope * level).sum(-1, keepdims=True) / (level**2).sum(-1, keepdims=True)
            step = np.clip((slope * residual).sum(-1) / np.maximum((slope**2).sum(-1), 1e-300), -0.3, 0.3)
            zeta = np.clip(zeta - step, low, high)
            if np.abs(step).max() < 1e-13:
                break
        return np.expm1(zeta), self.misfit(points(zeta))
