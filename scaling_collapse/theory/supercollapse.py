r"""When curves under a schedule collapse, and when they collapse more tightly than seeds of one size scatter.

| symbol | meaning |
|---|---|
| `sigma(x)` | relative standard deviation over seeds of the reducible loss at x; `sigma(1)` at the horizon |
| `rho` | correlation over seeds between the two |
| `delta` | at matched x, the reducible loss without noise falls as `p^-delta` |
| `delta_noise` | at matched x, `eta Tr Sigma` falls as `p^-delta_noise` |
| `phi(x)` | share of the noise term in the reducible loss at x |

Source of the quantities: Qiu et al. 2025 (arXiv 2507.02119), sections 3.2 and 3.3; derivations are this project's.
"""

from __future__ import annotations

import numpy as np
import sympy
from numpy.typing import ArrayLike

from ..common import Array, InputError

__all__ = [
    "covariance_condition",
    "normalized_variance",
    "schedule_spread",
    "split_noise",
    "supercollapse_condition",
    "supercollapse_ratio",
]


def covariance_condition() -> tuple[sympy.Expr, sympy.Expr]:
    r"""The slope `d ln l / d ln p` of a normalized curve under a schedule, derived; and what must vanish for collapse.

    Write the reducible loss at normalized time x as `r(x) p^-delta + c_n s(x) h(x) p^-delta_noise`: the part
    without noise, which collapses by itself because one schedule s(x) maps normalized tokens to normalized
    gradient-flow time equally at all sizes, and the balance of the noise, `h p^-delta_noise` being eta Tr Sigma at
    matched x. Then `d ln l / d ln p = (delta - delta_noise) (phi(x) - phi(1))` with phi the share of the noise.

    Returns
    -------
    tuple of sympy.Expr
        The slope as derived from the curve, and `(delta - delta_noise) (phi(x) - phi(1))`, in the symbols `p, r_x, r_1`
        (without noise, at x and at 1), `n_x, n_1` (`c_n s h` there), `delta, delta_noise`. The collapse survives the
        schedule iff `delta_noise = delta`, that is iff Tr Sigma scales with p as the reducible loss does, or
        `phi(x) = phi(1)` at all x, that is the noise is a constant multiple of the rest.

    Examples
    --------
    >>> slope, shares = covariance_condition()
    >>> sympy.simplify(slope - shares)
    0
    """
    p, r_x, r_1, n_x, n_1 = sympy.symbols("p r_x r_1 n_x n_1", positive=True)
    delta, delta_noise = sympy.symbols("delta delta_noise", real=True)

    def loss(r: sympy.Symbol, n: sympy.Symbol) -> sympy.Expr:
        return r * p**-delta + n * p**-delta_noise

    def share(r: sympy.Symbol, n: sympy.Symbol) -> sympy.Expr:
        return n * p**-delta_noise / loss(r, n)

    slope = p * sympy.diff(sympy.log(loss(r_x, n_x)) - sympy.log(loss(r_1, n_1)), p)
    return slope, (delta - delta_noise) * (share(r_x, n_x) - share(r_1, n_1))


def schedule_spread(
    share: ArrayLike, share_end: float, *, delta: float, delta_noise: float, log_size: ArrayLike
) -> Array:
    r"""First-order Delta(x) of a ladder whose noise scales otherwise than its reducible loss.

    `Delta = |delta - delta_noise| |phi(x) - phi(1)| sd(ln p)`, from the slope of `covariance_condition`. Decay to
    zero makes `phi(1) = 0`.

    Parameters
    ----------
    share
        `phi(x)` at the middle size, shape (n,), in [0, 1).
    share_end
        `phi(1)`.
    delta, delta_noise
        Exponents in p of the reducible loss and of eta Tr Sigma at matched x.
    log_size
        `ln p`, shape (sizes,), at least 2; sample standard deviation.

    Raises
    ------
    InputError
        If a share is not in [0, 1), or there are fewer than 2 sizes.

    Examples
    --------
    >>> schedule_spread([0.2, 0.0], 0.0, delta=0.5, delta_noise=0.6, log_size=[0.0, 2.0])
    array([0.0282843, 0. ])
    """
    phi, log_size = np.asarray(share, dtype=np.float64), np.asarray(log_size, dtype=np.float64)
    if not ((phi >= 0).all() and (phi < 1).all() and 0 <= share_end < 1):
        raise InputError(
            f"schedule_spread needs shares in [0, 1); got {phi.min():g} to {phi.max():g}, {share_end:g} at the end."
            " Divide the noise by the whole reducible loss."
        )
    if log_size.size < 2:
        raise InputError(f"schedule_spread needs at least 2 sizes; got {log_size.size}. Add sizes.")
    return np.abs(delta - delta_noise) * np.abs(phi - share_end) * log_size.std(ddof=1)


def normalized_variance(sigma: ArrayLike, sigma_end: ArrayLike, rho: ArrayLike) -> Array:
    r"""`var[ln l(x)] = sigma(x)^2 + sigma(1)^2 - 2 rho sigma(x) sigma(1)`, to first order in sigma.

    `ln l = ln R(x) - ln R(1)`, and to first order `ln R` has the relative deviation of R; the variance of a difference.

    Parameters
    ----------
    sigma, sigma_end
        `sigma(x)` and `sigma(1)`, dimensionless, >= 0 and up to about 0.1.
    rho
        Correlation over seeds of the reducible losses at x and at 1, in [-1, 1].

    Examples
    --------
    >>> normalized_variance(0.03, 0.03, [0.0, 0.5, 1.0]) / 0.03**2
    array([2., 1., 0.])
    """
    sigma, sigma_end = np.asarray(sigma, dtype=np.float64), np.asarray(sigma_end, dtype=np.float64)
    return sigma**2 + sigma_end**2 - 2 * np.asarray(rho, dtype=np.float64) * sigma * sigma_end


def split_noise(sigma: ArrayLike, sigma_end: ArrayLike, rho: ArrayLike) -> tuple[Array, Array, Array]:
    r"""Persistent and fast parts of the noise: `pi^2 = rho sigma(x) sigma(1)` and what remains of each variance.

    Seed differences that persist multiply the reducible loss alike at x and at 1 and cancel in the ratio; fast ones
    are independent. Then `var[ln l] = fast(x)^2 + fast(1)^2`.

    Returns
    -------
    tuple of ndarray
        Variances: persistent, fast at x, fast at 1. One that comes out negative says that the two-part picture fails.

    Examples
    --------
    >>> [float(round(v, 6)) for v in split_noise(0.05, 0.04, 0.8)]
    [0.0016, 0.0009, 0.0]
    """
    sigma, sigma_end = np.asarray(sigma, dtype=np.float64), np.asarray(sigma_end, dtype=np.float64)
    persistent = np.asarray(rho, dtype=np.float64) * sigma * sigma_end
    return persistent, sigma**2 - persistent, sigma_end**2 - persistent


def supercollapse_ratio(sigma: ArrayLike, sigma_end: ArrayLike, rho: ArrayLike, spread: ArrayLike = 0.0) -> Array:
    r"""`Delta / sigma` at x, to first order; supercollapse is a ratio below 1.

    `Delta^2 = spread^2 + var[ln l]`, spread the relative standard deviation between sizes of the seed-averaged curves.
    With fast noise alone (rho = 0) the ratio is sqrt 2 at constant learning rate, and 1 with decay to zero.

    Examples
    --------
    >>> supercollapse_ratio(0.03, [0.03, 0.0], 0.0)
    array([1.4142136, 1. ])
    """
    variance = normalized_variance(sigma, sigma_end, rho) + np.asarray(spread, dtype=np.float64) ** 2
    return np.sqrt(np.maximum(variance, 0.0)) / np.asarray(sigma, dtype=np.float64)


def supercollapse_condition() -> tuple[sympy.Expr, sympy.Expr]:
    r"""`(Delta^2 - sigma(x)^2)` in the correlation and in the two-part picture; supercollapse where it is negative.

    Returns
    -------
    tuple of sympy.Expr
        `spread^2 + sigma_1^2 - 2 rho sigma_x sigma_1` and `spread^2 + fast_1^2 - persistent^2`. So supercollapse needs
        `rho > (sigma_1^2 + spread^2) / (2 sigma_x sigma_1)`: the fast noise left at the horizon and the spread between
        sizes together below the noise that persists. Fast noise at x itself plays no part.

    Examples
    --------
    >>> supercollapse_condition()[1]
    fast_1**2 - persistent**2 + spread**2
    """
    sigma_x, sigma_1, rho, spread, fast_x, fast_1, persistent = sympy.symbols(
        "sigma_x sigma_1 rho spread fast_x fast_1 persistent", positive=True
    )
    excess = spread**2 + sigma_1**2 - 2 * rho * sigma_x * sigma_1
    parts = {sigma_x: sympy.sqrt(persistent**2 + fast_x**2), sigma_1: sympy.sqrt(persistent**2 + fast_1**2)}
    two_part = excess.subs(rho, persistent**2 / (sigma_x * sigma_1)).subs(parts)
    return excess, sympy.expand(sympy.simplify(two_part))
