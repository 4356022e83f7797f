"""Power-law random features: the teacher-student problem whose loss curves are sums of power laws.

Features `x = D^(1/2) z`, `D = diag(j^-2alpha)`, j = 1..v, z standard normal; target `<x, b>`, `b_j = j^-beta`; student
`<W^T x, theta>` with theta = 0 at the start and W v-by-d with N(0, 1/d) entries. In the residual
`r = D^(1/2) (W theta - b)` the Hessian is `H = D^(1/2) W W^T D^(1/2)`.

Source: Paquette, Paquette, Xiao, Pennington 2024, arXiv 2405.15074, sections 1.1 (problem) and 1.3 (phases).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from ...common import InputError
from .equivalent import equivalent_measures
from .problem import Problem

__all__ = ["Features", "power_law"]

Features = Literal["draw", "equivalent"]
"""One draw of W, or the limit that draws scatter about."""


def power_law(
    d: int,
    *,
    alpha: float,
    beta: float,
    v: int | None = None,
    label_noise: float = 0.0,
    features: Features = "draw",
    seed: int = 0,
) -> Problem:
    """Power-law random features with d parameters.

    Parameters
    ----------
    d
        Parameters, >= 1.
    alpha, beta
        Exponents of spectrum and target; `alpha + beta > 1/2` so that the loss at the start is finite as v grows.
    v
        Dimensions of the data, >= d; default 4 d. Where `alpha < 1/2` it should be in proportion to d.
    label_noise
        Variance of the labels' noise, >= 0.
    features
        `"draw"`: one draw of W from `seed`, exact, cost `v d^2`. `"equivalent"`: the deterministic equivalent of W, the
        limit that draws scatter about, as a few hundred weighted rows at any d (see `equivalent_measures`).
    seed
        Of the draw.

    Raises
    ------
    InputError
        If a value lies outside its domain.

    Examples
    --------
    >>> problem = power_law(64, alpha=1.0, beta=0.3)
    >>> problem
    Problem('power_law(d=64, v=256, alpha=1, beta=0.3)', 64 rows, params=64)
    >>> 2 * problem.initial_loss  # sum of j^-2(alpha + beta)
    1.305
    """
    v = 4 * d if v is None else v
    _check(d, v, alpha, beta, features)
    if features == "draw":
        lam, rho, counts, frozen = _draw(d, v, alpha, beta, seed)
    else:
        lam, rho, counts, frozen = equivalent_measures(d, v, alpha, beta)
    facts = {"d": d, "v": v, "alpha": alpha, "beta": beta, "features": features}
    return Problem(
        eigenvalues=lam,
        initial=rho,
        counts=counts,
        frozen=frozen,
        label_noise=label_noise,
        params=float(d),
        name=f"power_law(d={d}, v={v}, alpha={alpha:g}, beta={beta:g})",
        facts=facts | ({"seed": seed} if features == "draw" else {}),
    )


def _check(d: int, v: int, alpha: float, beta: float, features: str) -> None:
    if not (d >= 1 and d == int(d)):
        raise InputError(f"power_law needs `d` a whole number >= 1; got {d}.")
    if v < d:
        raise InputError(f"power_law needs `v` >= d ({d}); got {v}.")
    if not (alpha > 0 and alpha + beta > 0.5):
        raise InputError(f"power_law needs alpha > 0 and alpha + beta > 1/2; got alpha={alpha}, beta={beta}.")
    if features not in get_args(Features):
        raise InputError(f"power_law needs `features` 'draw' or 'equivalent'; got {features!r}.")


def _draw(d: int, v: int, alpha: float, beta: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Eigenvalues and squared residuals of one draw, from the singular vectors of `D^(1/2) W`."""
    j = np.arange(1.0, v + 1.0)
    w = np.random.default_rng(seed).standard_normal((v, d)) / np.sqrt(d)
    a = j[:, None] ** -alpha * w
    target = j ** -(alpha + beta)
    lam, vectors = np.linalg.eigh(a.T @ a)
    keep = lam > 1e-13 * lam[-1]
    lam, vectors = lam[keep], vectors[:, keep]
    # u_j = A v_j / sqrt(lambda_j) are the eigenvectors of H = A A^T with non-zero eigenvalue
    rho = (vectors.T @ (a.T @ target)) ** 2 / lam
    return lam, rho, np.ones(lam.size), max(float(target @ target - rho.sum()), 0.0)
