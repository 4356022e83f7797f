r"""The two-term law `L = L0 + a t^-mu + b p^-nu`, fitted to whole curves at a constant learning rate.

From it follow the horizon exponent `nu / mu`, the frontier's exponent `mu nu / (mu + nu)` and, at the compute-optimal
horizon, the normalized curve `(nu x^-mu + mu) / (mu + nu)` (Qiu et al. 2025, section 3.1).

Points of a curve share their errors, so that intervals come from leaving out whole sizes, not from the points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...common import Array, InputError, Result, value_in_words
from ...theory import Ladder
from .intervals import LEVEL, Interval, from_left_out

__all__ = ["TwoTermLaw", "TwoTerms", "fit_two_term"]

BINS = 40
"""Cells, even in ln t, over which a curve is averaged: every size then weighs the same."""
LOWEST, HIGHEST = 0.01, 3.0
"""The search for mu and nu."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TwoTerms(Result):
    """The numbers of `L0 + a t^-mu + b p^-nu`, and what follows from them.

    Parameters
    ----------
    L0, a, mu, b, nu
        Irreducible loss (>= 0), coefficients (>= 0), exponents.
    """

    L0: float
    a: float
    mu: float
    b: float
    nu: float

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


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TwoTermLaw(TwoTerms):
    """A fitted law `L0 + a t^-mu + b p^-nu`.

    Parameters
    ----------
    left_out
        The law with each size left out in turn.
    misfit
        Root mean square of the relative residuals.
    status
        `"ok"`; `"one term"`: a coefficient came out 0 or an exponent ran to the end of the search, so that there is no
        balance to speak of.
    """

    left_out: tuple[TwoTerms, ...]
    misfit: float
    status: Literal["ok", "one term"]

    def headline(self) -> str:
        """The form of the law, and whether it may be trusted."""
        return f"TwoTermLaw: L = L0 + a t^-mu + b p^-nu ({self.status})"

    def lines(self) -> list[tuple[str, str]]:
        """Exponents with their intervals, the other numbers, and how well the curves obey."""
        quantities: dict[str, Callable[[TwoTerms], float]] = {
            "mu, of tokens": lambda law: law.mu,
            "nu, of parameters": lambda law: law.nu,
            "gamma of the horizon": lambda law: law.gamma,
            "exponent of the frontier": lambda law: law.exponent,
        }
        words = [(name, value_in_words(of(self), self.interval(of), LEVEL)) for name, of in quantities.items()]
        rest = f"{self.L0:.5g}, {self.a:.4g}, {self.b:.4g}"
        return [*words, ("L0, a, b", rest), ("misfit", f"{self.misfit:.2%} of the loss, root mean square")]

    def interval(self, quantity: Callable[[TwoTerms], float]) -> Interval:
        """The jackknife's 90 % interval of a positive function of the law."""
        return from_left_out(quantity(self), np.array([quantity(terms) for terms in self.left_out]))


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
    sizes = np.array(ladder.sizes)
    if sizes.size < 4:
        raise InputError(f"fit_two_term needs at least 4 sizes; got {sizes.size}. Add sizes.")
    if min(c.loss.min() for c in ladder) <= 0:
        raise InputError("fit_two_term needs losses > 0: its residuals are relative. Leave out other runs.")
    problem = _problem(ladder, start, L0)
    everything = np.ones(problem.size.size, dtype=bool)
    starts = [np.log([mu, nu]) for mu in (0.1, 0.3, 0.8) for nu in (0.1, 0.3, 0.8)]
    whole = problem.fit(everything, min(starts, key=lambda e: (problem.project(e, everything)[1] ** 2).sum()))
    exponents = np.log([whole.mu, whole.nu])
    left_out = tuple(problem.fit(problem.size != i, exponents) for i in range(sizes.size))
    misfit = float(np.sqrt((problem.project(exponents, everything)[1] ** 2).mean()))
    inside = all(LOWEST * 1.01 < e < HIGHEST * 0.99 for e in (whole.mu, whole.nu))
    status = "ok" if inside and whole.a > 0 and whole.b > 0 else "one term"
    return TwoTermLaw(**vars(whole), left_out=left_out, misfit=misfit, status=status)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Problem:
    """Cells to fit, each of shape (cells,): `u`, `v` are ln t and ln p of a cell of a size (its number), less means."""

    size: NDArray[np.intp]
    u: Array
    v: Array
    loss: Array
    ln_t_mean: float
    ln_p_mean: float
    L0: float | None

    def project(self, ln_exponents: Array, keep: NDArray[np.bool_]) -> tuple[Array, Array]:
        """For given mu and nu the coefficients of the three parts, which are linear, and the relative residuals."""
        from scipy.optimize import nnls

        mu, nu = np.exp(ln_exponents)
        loss = self.loss[keep]
        parts = np.stack([np.ones(loss.size), np.exp(-mu * self.u[keep]), np.exp(-nu * self.v[keep])], axis=1)
        parts /= loss[:, None]
        if self.L0 is None:
            found, _ = nnls(parts, np.ones(loss.size))
            return found, parts @ found - 1.0
        target = 1.0 - self.L0 / loss
        found, _ = nnls(parts[:, 1:], target)
        return np.concatenate([[self.L0], found]), parts[:, 1:] @ found - target

    def fit(self, keep: NDArray[np.bool_], begin: Array) -> TwoTerms:
        """The law of the cells to keep, the search starting from these logarithms of mu and nu."""
        from scipy.optimize import least_squares

        best = least_squares(
            lambda e: self.project(e, keep)[1],
            begin,
            bounds=np.log([[LOWEST, LOWEST], [HIGHEST, HIGHEST]]),
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        ).x
        (level, a, b), _ = self.project(best, keep)
        mu, nu = np.exp(best)
        return TwoTerms(
            L0=float(level),
            a=float(a * np.exp(mu * self.ln_t_mean)),
            mu=float(mu),
            b=float(b * np.exp(nu * self.ln_p_mean)),
            nu=float(nu),
        )


def _problem(ladder: Ladder, start: Array, L0: float | None) -> _Problem:
    """The cells of all sizes, each size's from its start on."""
    ln_p = np.log(np.array(ladder.sizes))
    cells = [_cells(ladder, p, low) for p, low in zip(ladder.sizes, start, strict=True)]
    size = np.concatenate([np.full(c.shape[1], i) for i, c in enumerate(cells)])
    ln_t, loss = np.concatenate(cells, axis=1)
    ln_t_mean, ln_p_mean = float(ln_t.mean()), float(ln_p.mean())
    return _Problem(
        size=size,
        u=ln_t - ln_t_mean,
        v=ln_p[size] - ln_p_mean,
        loss=loss,
        ln_t_mean=ln_t_mean,
        ln_p_mean=ln_p_mean,
        L0=L0,
    )


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
