r"""The law of a ladder's final losses, with a level that the seeds of a size share: its posterior, nothing plugged in.

With `L_i` the mean final loss of the `n_i` runs of size i,

    ln(L_i - L0) = alpha - b ln(C_i / C_mean) + tau eps_i + nu e_i / sqrt(n_i),

eps and e standard normal. `tau` is by how much sizes miss the law beyond their seeds (tuning, rounding, the data order
that seeds share), `nu` the noise of one run. L0, tau and nu are integrated over grids, alpha and b exactly given them:
with few sizes the band gets the heavy tails that an unknown variance gives. Priors: alpha flat in the loss; b and tau
log-normal; nu by the chi-squared likelihood of the seeds; that of L0 is the caller's, over `u = ln(L_min - L0)`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import Array

__all__ = ["LevelDraws", "LevelPosterior", "level_posterior"]

LEVELS = np.geomspace(2e-4, 0.3, 14)
"""Grid of tau, relative to the reducible loss."""
USUAL, ALONE, FACTOR = 4e-3, 7e-3, 6.0
"""Log-normal prior of tau: its centre, the one where a single seed a size hides the noise in it, and the factor."""
EXPONENT, EXPONENT_FACTOR = 0.13, 2.2
"""Log-normal prior of b: published exponents of loss against compute lie between 0.03 and 0.5."""
STEPS = np.linspace(-3.6, 3.6, 19)
"""Nodes of b about its best value, in standard errors."""
NOISES = np.array([-1.5, 0.0, 1.5])
"""Nodes of ln nu^2 about the seeds' own, in standard errors."""


class LevelDraws(NamedTuple):
    """Draws of a law at one compute, each of shape (draws,): `ln(L - L0)` there, and what sizes and runs scatter by."""

    L0: Array
    b: Array
    ln_reducible: Array
    level: Array
    noise: Array
    more: Array  # the coefficient of the further column, 0 without one


@dataclass(frozen=True, kw_only=True)
class LevelPosterior:
    """The posterior at each point of a grid of `u = ln(L_min - L0)`: hypotheses (tau, nu), and nodes of b.

    Parameters
    ----------
    L0
        Irreducible loss of each, shape (g,).
    ln_evidence
        Log density of the final losses given u, all else integrated, shape (g,).
    level, noise
        tau, shape (s,), and nu, shape (g, s).
    beta, covariance
        Mean and covariance of (alpha, b, ...) of each hypothesis, b's prior aside: shapes (g, s, q), (g, s, q, q).
    node
        Weights of the nodes of b given u, shape (g, s, nodes).
    middle
        `ln C_mean`.
    """

    L0: Array
    ln_evidence: Array
    level: Array
    noise: Array
    beta: Array
    covariance: Array
    node: Array
    middle: float

    def quantiles(self, weights: Array, C: float, at: tuple[float, ...]) -> Array:
        """Quantiles of the law's final loss at C, given weights of the grid of u; without the size's own level."""
        b = self.beta[..., 1, None] + np.sqrt(self.covariance[..., 1, 1, None]) * STEPS
        gain = self.covariance[..., 0, 1, None] / self.covariance[..., 1, 1, None]
        alpha = self.beta[..., 0, None] + gain * (b - self.beta[..., 1, None])
        ln_reducible = alpha - b * (math.log(C) - self.middle)
        end = (self.L0[:, None, None] + np.exp(np.minimum(ln_reducible, 50.0))).ravel()
        order = np.argsort(end)
        cumulative = np.cumsum((weights[:, None, None] * self.node).ravel()[order])
        return np.interp(np.array(at) * cumulative[-1], cumulative, end[order])

    def root_mean_square(self, weights: Array, values: Array) -> float:
        """Posterior root mean square of what each hypothesis says, shape (g, s)."""
        return float(np.sqrt((weights[:, None] * self.node.sum(axis=-1) * values**2).sum()))

    def mean_of_b(self, weights: Array) -> float:
        """Posterior mean of b."""
        b = self.beta[..., 1, None] + np.sqrt(self.covariance[..., 1, 1, None]) * STEPS
        return float((weights[:, None, None] * self.node * b).sum())

    def draw(self, at: NDArray[np.intp], C: float, rng: np.random.Generator) -> LevelDraws:
        """The law at C, given points `at` of the grid of u, shape (draws,)."""
        pick = np.empty(at.size, dtype=np.intp)
        for g in np.unique(at):
            here = np.flatnonzero(at == g)
            pick[here] = rng.choice(self.node[g].size, p=self.node[g].ravel(), size=here.size)
        s, j = np.unravel_index(pick, self.node.shape[1:])
        beta, covariance = self.beta[at, s], self.covariance[at, s]
        step = STEPS[j] + (STEPS[1] - STEPS[0]) * (rng.random(at.size) - 0.5)
        b = np.maximum(beta[:, 1] + np.sqrt(covariance[:, 1, 1]) * step, 1e-9)
        others = [i for i in range(beta.shape[1]) if i != 1]
        gain = covariance[:, others, 1] / covariance[:, 1, 1, None]
        rest = covariance[:, others][:, :, others] - covariance[:, 1, 1, None, None] * gain[:, :, None] * gain[:, None]
        root = np.sqrt(np.maximum(np.linalg.eigh(rest)[0], 0.0))
        normal = root * rng.standard_normal(root.shape)
        free = beta[:, others] + gain * (b - beta[:, 1])[:, None]
        free = free + np.einsum("dij,dj->di", np.linalg.eigh(rest)[1], normal)
        return LevelDraws(
            L0=self.L0[at],
            b=b,
            ln_reducible=free[:, 0] - b * (math.log(C) - self.middle),
            level=self.level[s],
            noise=self.noise[at, s],
            more=free[:, 1] if len(others) > 1 else np.zeros(at.size),
        )


def level_posterior(C: Array, finals: Sequence[Array], u: Array, more: Array | None = None) -> LevelPosterior:
    """The posterior at each u.

    Parameters
    ----------
    C
        Compute of each size, PFLOPs, shape (sizes,).
    finals
        Final losses of each size's seeds.
    u
        Grid of `ln(L_min - L0)`, L_min the smallest mean final loss, shape (g,).
    more
        A further column of the regression, shape (sizes,), with a flat coefficient.
    """
    L, n = np.array([f.mean() for f in finals]), np.array([f.size for f in finals], dtype=np.float64)
    L0, middle = L.min() - np.exp(u), float(np.log(C).mean())
    y = np.log(L - L0[:, None])  # (g, sizes)
    columns = [np.ones(L.size), middle - np.log(C), *([] if more is None else [more])]
    X = np.stack(columns, axis=-1)
    nu2, ln_nu = _noise(finals, L, L0)
    of_tau, of_nu = (i.ravel() for i in np.indices((LEVELS.size, nu2.shape[1])))
    tau, nu2 = LEVELS[of_tau], nu2[:, of_nu]
    weight = 1.0 / (tau[:, None] ** 2 + nu2[..., None] / n)  # (g, s, sizes)
    # A ridge far below any information: three sizes of equal compute leave nothing singular.
    precision = np.einsum("gsk,ka,kb->gsab", weight, X, X, optimize=True) + 1e-9 * np.eye(X.shape[1])
    right = np.einsum("gsk,ka,gk->gsa", weight, X, y, optimize=True)
    covariance = np.linalg.inv(precision)
    beta = np.einsum("gsab,gsb->gsa", covariance, right)
    rest = y[:, None] - beta @ X.T
    usual = ALONE if ln_nu is None else USUAL
    ln_prior = -0.5 * (np.log(tau / usual) / math.log(FACTOR)) ** 2 + (0.0 if ln_nu is None else ln_nu[of_nu])
    ln_like = (
        0.5 * (np.log(weight) - weight * rest**2).sum(axis=-1)
        + 0.5 * np.linalg.slogdet(covariance)[1]
        - (L.size - 1) / L.size * y.sum(axis=-1)[:, None]  # the Jacobian; alpha is flat in the loss
        + ln_prior
    )
    ln_evidence, node = _with_prior_of_b(ln_like, beta[..., 1], np.sqrt(covariance[..., 1, 1]))
    return LevelPosterior(
        L0=L0, ln_evidence=ln_evidence, level=tau, noise=np.sqrt(nu2), beta=beta, covariance=covariance, node=node,
        middle=middle,
    )  # fmt: skip


def _with_prior_of_b(ln_like: Array, best: Array, error: Array) -> tuple[Array, Array]:
    """Log evidence at each u, and the weights of the nodes of b there, which sum to 1."""
    b = best[..., None] + error[..., None] * STEPS
    ln_b = np.log(np.maximum(b, 1e-12))
    prior = -0.5 * ((ln_b - math.log(EXPONENT)) / math.log(EXPONENT_FACTOR)) ** 2 - ln_b
    ln_node = ln_like[..., None] + prior - 0.5 * STEPS**2
    top = ln_node.max(axis=(1, 2), keepdims=True)
    node = np.exp(ln_node - top)
    total = node.sum(axis=(1, 2), keepdims=True)
    return (top + np.log(total))[:, 0, 0], node / total


def _noise(finals: Sequence[Array], L: Array, L0: Array) -> tuple[Array, Array | None]:
    """Variances of one run to try, shape (g, f), and their log likelihood; a single 0 and None without seeds."""
    dof = sum(f.size - 1 for f in finals)
    squares = np.array([((f - f.mean()) ** 2).sum() for f in finals])
    if not squares.any():  # one seed a size, or copies of one
        return np.zeros((L0.size, 1)), None
    variance = (squares / (L - L0[:, None]) ** 2).sum(axis=1) / dof
    factors = np.exp(math.sqrt(2.0 / dof) * NOISES)
    return variance[:, None] * factors, -0.5 * dof * (np.log(factors) + 1.0 / factors)
