r"""How well a pair of errors explains measured slopes: the misfit, profiled over the one free level.

With `t* = kappa p^gamma`, `gamma = gamma* + eps` and `L_hat = L0 + e`, a law `L = L0 + a f(t / t*) t*^-mu + b p^-nu`
has the slope

    S = A / R = (A + B) / R * A / (A + B) = (1 + e / R) / (1 + B / A),
    ln(B / A) = ln c + mu (ln t* - gamma ln p) + mu eps ln p,

with no approximation: `R + e` is the true reducible loss `A + B`, and `nu = mu (gamma - eps)`. The residual of a run
is `ln S - ln(1 + e / R) + ln(1 + B / A) - ln K`. Seed differences that multiply the whole reducible loss leave it
alone, so what it varies by between seeds is the noise that matters here.

- `shape="power"`: K = 1 by the scale of `x^-mu - 1`; c is free.
- `shape="common"`: the scale of g is arbitrary, so K is free; c is what it is where the horizon of the middle size is
  k times the compute-optimal one, `B / A = k^mu / gamma*` there with `gamma* = gamma - eps`. And a part of every curve
  may be LR noise that decay removes. It multiplies the reducible loss, so it adds the same to the slope of every size,
  and the part of S that training makes is not `A / R` but a mixture, with `w_A = A / (A + B)`,

      (1 - n) w_A / mean(w_A) + n,   n the noise's part of the mean slope.

  k and n are fitted, at the price of being far from what is expected (`share_prior`).

Coordinates: `z = (eps / gamma, e / R_min)`, R_min the smallest mean reducible loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ...common import Array, Result
from .batched_squares import batched_least_squares
from .curve_slopes import CurveSlopes, tight_least_squares
from .share_prior import AS_EXPECTED, SharePrior

__all__ = ["GAMMA", "LOWER", "OFFSET", "ROUND_OFF", "UPPER", "ErrorProfile"]

GAMMA, OFFSET = 0, 1
"""The two errors, as axes of z."""

# gamma* = gamma - eps and every true reducible loss R + e must stay positive; beyond the other ends an
# "error" is no error any more.
LOWER = np.array([-2.0, -1.0 + 1e-6])
UPPER = np.array([1.0 - 1e-6, 10.0])
# Variance of ln S that float64 losses leave in noise-free curves, at the least.
ROUND_OFF = 1e-24


class _Coordinates(NamedTuple):
    """What a misfit is minimized over, each of shape (batch,).

    `gamma` is eps / gamma, `offset` ln(1 + e / R_min); `kappa` and `noise` are how far ln kappa and the share of LR
    noise are from what is expected, in standard deviations of the prior.
    """

    gamma: Array
    offset: Array
    kappa: Array
    noise: Array


KAPPA, NOISE = 2, 3
SHARES = (KAPPA, NOISE)
"""The coordinates that are fitted whatever the errors are."""


@dataclass(frozen=True, eq=False, repr=False)
class ErrorProfile(Result):
    """The misfit `Q(z)` of a pair of errors, in squared residuals of `ln S`, summed over runs via size means."""

    slopes: CurveSlopes
    prior: SharePrior = AS_EXPECTED

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
    def _ends(self) -> tuple[Array, Array]:
        """The ends of the search for coordinates; there is no negative noise, and no more than the curves can hold."""
        part = self.prior.noise * self.slopes.noise_slope
        most = self.slopes.noise_most / part if part > 0 else 1.0
        low, high = np.log1p([LOWER[OFFSET], UPPER[OFFSET]])
        return np.array([LOWER[GAMMA], low, -30.0, 0.0]), np.array([UPPER[GAMMA], high, 30.0, most])

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

    def _shares(self, q: _Coordinates) -> tuple[Array, Array]:
        """The part of `ln S` due to shares, (batch, sizes), and derivatives by eps / gamma and both, (batch, 3, sizes).

        With `shape="power"`, `q.kappa` is `ln c` itself, at no price.
        """
        mu, gamma, free = self.slopes.mu, self.scale[GAMMA], self.slopes.shape == "power"
        sd = 1.0 if free else mu * self.prior.log_kappa
        true_gamma = np.maximum(gamma * (1.0 - q.gamma), 1e-12)
        log_c = sd * q.kappa - (0.0 if free else np.log(true_gamma))
        log_ratio = log_c[:, None] + mu * (self._log_t + gamma * q.gamma[:, None] * self._log_p)
        by_gamma = gamma * (mu * self._log_p + (0.0 if free else 1.0 / true_gamma[:, None])) + np.zeros_like(log_ratio)
        b = 1.0 / (1.0 + np.exp(-log_ratio))
        if free:
            return -np.logaddexp(0.0, log_ratio), np.stack([-b * by_gamma, -b, np.zeros_like(b)], axis=1)
        a = 1.0 - b
        mean = a.mean(axis=-1, keepdims=True)
        part = self.prior.noise * self.slopes.noise_slope
        noise = (part * q.noise)[:, None]
        trained = (1.0 - noise) * a / mean
        mixed = trained + noise

        def by(change: Array | float) -> Array:
            """The derivative where `log_ratio` has this one."""
            return trained / mixed * ((a * b * change).mean(axis=-1, keepdims=True) / mean - b * change)

        by_noise = part * (1.0 - a / mean) / mixed
        return np.log(mixed), np.stack([by(by_gamma), by(sd), by_noise], axis=1)

    def _evaluate(self, coordinates: Array) -> tuple[Array, Array]:
        """Residuals, shape (batch, sizes + 2), and derivatives by the coordinates, shape (batch, 4, sizes + 2).

        Each size's is that of its mean times sqrt(runs), with the level projected out where it is arbitrary; the last
        two are what the shares cost.
        """
        q = _Coordinates(*coordinates.T)
        r_min, root = self.scale[OFFSET], np.sqrt(self.counts)
        e = np.expm1(q.offset) * r_min
        model, by_shares = self._shares(q)
        residual = self.slopes.size_means(self.run_terms(e)) - model
        true = np.maximum(self.slopes.reducible + e[:, None], 1e-300)
        by_offset = self.slopes.size_means((e + r_min)[:, None] / true)
        rows = np.stack([residual, -by_shares[:, 0], -by_offset, -by_shares[:, 1], -by_shares[:, 2]], axis=1)
        price = np.zeros((len(coordinates), 5, 2))
        if self.slopes.shape == "common":
            rows = rows - (rows @ self.counts / self.counts.sum())[..., None]
            price[:, 0] = np.sqrt(self.prior.price) * coordinates[:, 2:]
            price[:, 3:] = np.sqrt(self.prior.price) * np.eye(2)
        rows = np.concatenate([rows * root, price], axis=-1)
        return rows[:, 0], rows[:, 1:]

    def _fit(self, start: Array, free: tuple[int, ...], steps: int = 60) -> Array:
        """The coordinates of least misfit, shape (batch, 4), only those at `free` moving from the start."""
        free_at = np.array(free)

        def evaluate(values: Array, todo: NDArray[np.intp]) -> tuple[Array, Array]:
            coordinates = start[todo]
            coordinates[:, free_at] = values
            residual, slope = self._evaluate(coordinates)
            return residual, slope[:, free_at]

        best, (low, high) = start.copy(), self._ends
        best[:, free_at] = batched_least_squares(evaluate, start[:, free_at], low[free_at], high[free_at], steps)
        return best

    def _at(self, z: ArrayLike, steps: int = 60) -> Array:
        """The coordinates of least misfit at each z, shape (batch, 4)."""
        flat = np.asarray(z, dtype=np.float64).reshape(-1, 2)
        start = np.stack([flat[:, GAMMA], np.log1p(flat[:, OFFSET]), *np.zeros((2, len(flat)))], axis=1)
        return self._fit(start, SHARES, steps)

    def residuals(self, z: ArrayLike) -> Array:
        """Residuals of the size means at the best free level and shares, each times sqrt(runs), shape (..., sizes)."""
        return self._evaluate(self._at(z))[0][:, :-2].reshape(*np.shape(z)[:-1], -1)

    def misfit(self, z: ArrayLike, steps: int = 60) -> Array:
        """`Q(z)`, the sum of squared residuals and what the shares cost, shape (...)."""
        return (self._evaluate(self._at(z, steps))[0] ** 2).sum(axis=-1).reshape(np.shape(z)[:-1])

    def scatter(self, z: ArrayLike) -> float:
        """The sum of squared residuals alone."""
        return float((self.residuals(z) ** 2).sum())

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
        axes = [np.linspace(-0.6, 0.6, 13), np.linspace(-0.6, 0.9, 13)]
        starts = np.zeros((13 ** len(free), 2))
        starts[:, list(free)] = np.stack(np.meshgrid(*[axes[k] for k in free]), axis=-1).reshape(-1, len(free))
        starts = np.vstack([np.zeros(2), starts])
        best = self._at(starts[np.argmin(self.misfit(starts))])
        if self.slopes.shape == "power":
            return _z(self._polished(best, (*free, KAPPA)))
        best[:, SHARES] = 0.0  # as expected, unless the curves say otherwise
        return _z(self._polished(self._polished(best, free), (*free, *SHARES)))

    def _polished(self, start: Array, free: tuple[int, ...]) -> Array:
        """The coordinates of least misfit near a start, shape (1, 4), to round-off."""
        free_at, best, (low, high) = np.array(free), start.copy(), self._ends

        def residuals(values: Array) -> Array:
            coordinates = start.copy()
            coordinates[:, free_at] = values
            return self._evaluate(coordinates)[0][0]

        best[0, free_at] = tight_least_squares(residuals, start[0, free_at], low[free_at], high[free_at])
        return best

    def profile_gamma(self, z_gamma: ArrayLike) -> tuple[Array, Array]:
        """For each error of gamma the best error of the offset, and the misfit there, both shape (n,).

        A coarse search, then least squares in the offset and the shares together.
        """
        z_gamma = np.asarray(z_gamma, dtype=np.float64)
        coarse = np.expm1(np.linspace(-1.0, np.log1p(UPPER[OFFSET]), 16))[:, None]
        tried = np.stack(np.broadcast_arrays(z_gamma, coarse), axis=-1)
        best = coarse[np.argmin(self.misfit(tried, steps=4), axis=0), 0]
        rough = self._fit(self._at(np.stack([z_gamma, best], axis=1)), (OFFSET, *SHARES))
        again = self._fit(self._at(np.stack([z_gamma, np.expm1(rough[:, OFFSET])], axis=1)), (OFFSET, *SHARES))
        misfits = [(self._evaluate(fitted)[0] ** 2).sum(axis=-1) for fitted in (rough, again)]
        offset = np.where(misfits[0] < misfits[1], rough[:, OFFSET], again[:, OFFSET])
        return np.expm1(offset), np.minimum(*misfits)


def _z(coordinates: Array) -> Array:
    """The pair of errors in one row of coordinates."""
    return np.array([coordinates[0, GAMMA], np.expm1(coordinates[0, OFFSET])])
