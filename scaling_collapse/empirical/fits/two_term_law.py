r"""The two-term law `L = L0 + a t^-mu + b p^-nu`, fitted to whole curves at a constant learning rate.

From it follow the horizon exponent `nu / mu`, the frontier's exponent `mu nu / (mu + nu)` and, at the compute-optimal
horizon, the normalized curve `(nu x^-mu + mu) / (mu + nu)` (Qiu et al. 2025, section 3.1).

Points of a curve share their errors, so that intervals come from leaving out whole sizes, not from the points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common import Array, InputError
from ...theory import Ladder
from ..validation.row import Interval, from_left_out

__all__ = ["TwoTermLaw", "fit_two_term"]

BINS = 40
"""Cells, even in ln t, over which a curve is averaged: every size then weighs the same."""
LOWEST, HIGHEST = 0.01, 3.0
"""The search for mu and nu."""


@dataclass(frozen=True, eq=False)
class TwoTermLaw:
    """A fitted law `L0 + a t^-mu + b p^-nu`.

    Parameters
    ----------
    L0, a, mu, b, nu
        Irreducible loss (>= 0), coefficients (>= 0), exponents.
    left_out
        The same five numbers with each size left out, shape (sizes, 5).
    misfit
        Root mean square of the relative residuals.
    status
        `"ok"`; `"one term"`: a coefficient came out 0 or an exponent ran to the end of the search, so that there is no
        balance to speak of.
    """

    L0: float
    a: float
    mu: float
    b: float
    nu: float
    left_out: Array
    misfit: float
    status: str

    def interval(self, quantity: Callable[[Array], Array | float]) -> Interval:
        """The jackknife's 90 % interval of a positive function of `(L0, a, mu, b, nu)`."""
        whole = float(quantity(np.array([self.L0, self.a, self.mu, self.b, self.nu])))
        return from_left_out(whole, np.array([float(quantity(row)) for row in self.left_out]))

    @property
    def gamma(self) -> float:
        """`nu / mu`, the compute-optimal horizon's exponent."""
        return self.nu / self.mu

    @property
    def kappa(self) -> float:
        """`(mu a / (nu b))^(1 / mu)`, tokens."""
        return (self.mu * self.a / (self.nu * self.b)) ** (1.0 / self.mu)

    @property
    def exponent(self) -> float:
        """`mu nu / (mu + nu)`, the frontier's."""
        return self.mu * self.nu / (self.mu + self.nu)


def fit_two_term(ladder: Ladder, start: Array, *, L0: float | None = None) -> TwoTermLaw:
    r"""Fit the two-term law to curves at a constant learning rate.

    Least squares of relative residuals: for given mu and nu the coefficients are linear and not negative (variable
    projection on `scipy.optimize`).

    Parameters
    ----------
    ladder
        At least 4 sizes, uncut.
    start
        Tokens from which on a size's curves are used, shape (sizes,): a tenth of its horizon, say.
    L0
        The irreducible loss where it is known; fitted otherwise.

    Raises
    ------
    InputError
        With fewer than 4 sizes or losses that are not positive.

    Examples
    --------
    >>> from scaling_collapse.theory import LossCurve
    >>> t = np.geomspace(1e3, 1e6, 200)
    >>> runs = [LossCurve(run=f"{p}", params=p, tokens=t, loss=1 + 3 * t**-0.4 + 2 * p**-0.3)
    ...         for p in (1e3, 2e3, 4e3, 8e3)]
    >>> law = fit_two_term(Ladder(runs), np.full(4, 1e3))
    >>> law.status, round(law.gamma, 2), round(law.exponent, 3), round(law.L0, 2)
    ('ok', 0.75, 0.171, 1.0)
    """
    from scipy.optimize import least_squares, nnls

    sizes = np.array(ladder.sizes)
    if sizes.size < 4:
        raise InputError(f"fit_two_term needs at least 4 sizes; got {sizes.size}. Add sizes.")
    if min(c.loss.min() for c in ladder) <= 0:
        raise InputError("fit_two_term needs losses > 0: its residuals are relative. Leave out other runs.")
    cells = [_cells(ladder, p, low) for p, low in zip(sizes, start, strict=True)]
    rows = np.concatenate([np.full(c.shape[1], i) for i, c in enumerate(cells)])
    ln_t, loss = np.concatenate(cells, axis=1)
    ln_t0, ln_p0 = float(ln_t.mean()), float(np.log(sizes).mean())
    u, v = ln_t - ln_t0, np.log(sizes)[rows] - ln_p0

    def coefficients(exponents: Array, keep: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Coefficients of the three parts, and the relative residuals."""
        mu, nu = np.exp(exponents)
        parts = np.stack([np.ones(keep.sum()), np.exp(-mu * u[keep]), np.exp(-nu * v[keep])], axis=1)
        parts /= loss[keep][:, None]
        known = 0.0 if L0 is None else L0
        target = 1.0 - known / loss[keep]
        first = 0 if L0 is None else 1
        found, _ = nnls(parts[:, first:], target)
        return np.concatenate([[known] * first, found]), parts[:, first:] @ found - target

    bounds = np.log([[LOWEST, LOWEST], [HIGHEST, HIGHEST]])

    def fit(keep: NDArray[np.bool_], begin: Array) -> Array:
        best = least_squares(
            lambda e: coefficients(e, keep)[1], begin, bounds=bounds, xtol=1e-12, ftol=1e-12, gtol=1e-12
        ).x
        (level, a, b), _ = coefficients(best, keep)
        mu, nu = np.exp(best)
        return np.array([level, a * np.exp(mu * ln_t0), mu, b * np.exp(nu * ln_p0), nu])

    everything = np.ones(rows.size, dtype=bool)
    starts = [np.log([mu, nu]) for mu in (0.1, 0.3, 0.8) for nu in (0.1, 0.3, 0.8)]
    begin = min(starts, key=lambda e: (coefficients(e, everything)[1] ** 2).sum())
    whole = fit(everything, begin)
    exponents = np.log(whole[[2, 4]])
    left_out = np.stack([fit(rows != i, exponents) for i in range(sizes.size)])
    misfit = float(np.sqrt((coefficients(exponents, everything)[1] ** 2).mean()))
    inside = all(LOWEST * 1.01 < e < HIGHEST * 0.99 for e in whole[[2, 4]])
    status = "ok" if inside and whole[1] > 0 and whole[3] > 0 else "one term"
    level, a, mu, b, nu = map(float, whole)
    return TwoTermLaw(level, a, mu, b, nu, left_out, misfit, status)


def _cells(ladder: Ladder, params: float, start: float) -> Array:
    """`ln t` and mean loss of one size in cells even in ln t, shape (2, cells); empty cells are left out."""
    curves = ladder.by_size[float(params)]
    ln_t = np.concatenate([np.log(c.tokens[(c.tokens >= start) & (c.tokens > 0)]) for c in curves])
    loss = np.concatenate([c.loss[(c.tokens >= start) & (c.tokens > 0)] for c in curves])
    if ln_t.size < 4:
        raise InputError(
            f"fit_two_term needs at least 4 points of each size after a tenth of its horizon; got {ln_t.size} "
            f"(params={params:.0f}). Log more often."
        )
    edges = np.linspace(ln_t.min(), ln_t.max(), BINS + 1)
    cell = np.clip(np.searchsorted(edges, ln_t, side="right") - 1, 0, BINS - 1)
    count = np.bincount(cell, minlength=BINS)
    filled = count > 0
    means = [np.bincount(cell, weights=w, minlength=BINS)[filled] / count[filled] for w in (ln_t, loss)]
    return np.stack(means)
