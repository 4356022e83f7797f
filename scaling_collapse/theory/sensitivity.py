r"""How far a normalized curve and its collapse move when the horizon or the offset is slightly wrong.

For any sum of power laws, `L = L0 + sum_k a_k t^-mu_k p^-nu_k`, the normalized curve at the horizon
`t* = kappa p^gamma` is the mean of `x^-mu_k` under the shares `w_k(p)` of the terms there. A change of the horizon
multiplies term k by a power of `t*`, which re-weights that mean; so every derivative below is a covariance under
the shares. A change of the offset stretches the curve away from 1. Both are derived in the docstrings.

| symbol | shape | meaning |
|---|---|---|
| `mu`, `nu` | (terms,) | exponents of tokens and of parameters |
| `share` | (terms, sizes) | `w_k(p)`, part of the reducible loss at the horizon that term k makes up; sums to 1 |
| `x` | (n,) | normalized compute `t / t*` |
| `l`, `dl` | (sizes, n) | normalized curves and their derivatives |
| `R` | (sizes,) | reducible loss at the horizon, `L(t*) - L_hat` |

Source of the quantities: Qiu et al. 2025 (arXiv 2507.02119), section 2; the derivatives are this project's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..common import Array, InputError

__all__ = [
    "deviation_sensitivity",
    "gamma_sensitivity",
    "horizon_shares",
    "kappa_sensitivity",
    "offset_sensitivity",
    "sum_curve",
]


def _array(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)


def _checked_share(function: str, mu: ArrayLike, share: ArrayLike) -> tuple[Array, Array]:
    """`mu` (terms,) and `share` (terms, sizes), or an `InputError`."""
    mu, share = np.atleast_1d(_array(mu)), _array(share)
    share = share[:, None] if share.ndim == 1 else share
    if mu.ndim != 1 or share.ndim != 2 or share.shape[0] != mu.size:
        raise InputError(
            f"{function} needs one row of `share` per exponent in `mu`; got {mu.shape} exponents and shares of shape "
            f"{share.shape}. Pass shares of shape (terms, sizes)."
        )
    total = share.sum(axis=0)
    if not ((share >= 0).all() and np.allclose(total, 1.0, rtol=0, atol=1e-9)):
        raise InputError(
            f"{function} needs shares >= 0 that sum to 1 at each size; got sums from {total.min():g} to "
            f"{total.max():g}. Compute them with horizon_shares."
        )
    return mu, share


def horizon_shares(
    a: ArrayLike, mu: ArrayLike, nu: ArrayLike, p: ArrayLike, *, gamma: float, kappa: float = 1.0
) -> Array:
    r"""`w_k(p) = T_k / sum_j T_j` with `T_k = a_k t*^-mu_k p^-nu_k` at the horizon `t* = kappa p^gamma`.

    Parameters
    ----------
    a, mu, nu
        Coefficients (> 0) and exponents of the terms, shape (terms,).
    p
        Sizes, parameters, > 0, shape (sizes,).
    gamma, kappa
        The horizon; kappa in tokens, > 0.

    Returns
    -------
    ndarray
        Shares, shape (terms, sizes), each column summing to 1.

    Raises
    ------
    InputError
        If a coefficient, a size or kappa is not positive.

    Examples
    --------
    >>> horizon_shares([1, 3], [0.5, 0], [0, 0.5], [10.0, 1000.0], gamma=1.0)
    array([[0.25, 0.25],
           [0.75, 0.75]])
    """
    a, p = np.atleast_1d(_array(a)), np.atleast_1d(_array(p))
    for name, values in (("a", a), ("p", p), ("kappa", _array(kappa))):
        if not (values > 0).all():
            raise InputError(f"horizon_shares needs `{name}` > 0; got {np.min(values):g}. Check the law's terms.")
    log_t = np.log(kappa) + gamma * np.log(p)
    log_terms = np.log(a)[:, None] - np.outer(_array(mu), log_t) - np.outer(_array(nu), np.log(p))
    terms = np.exp(log_terms - log_terms.max(axis=0))
    return terms / terms.sum(axis=0)


def sum_curve(x: ArrayLike, mu: ArrayLike, share: ArrayLike) -> Array:
    """Normalized curves `l(x) = sum_k w_k x^-mu_k`, shape (sizes, n).

    >>> sum_curve([0.25, 1.0], [0.5, 0.0], [0.5, 0.5])
    array([[1.5, 1. ]])
    """
    mu, share = _checked_share("sum_curve", mu, share)
    return share.T @ np.power(_array(x)[None, :], -mu[:, None])


def kappa_sensitivity(x: ArrayLike, mu: ArrayLike, share: ArrayLike) -> Array:
    r"""`dl/d ln kappa = -Cov_w(mu, x^-mu)`: the effect of a horizon that is too long by a common factor.

    A longer horizon multiplies term k by `exp(-mu_k d ln kappa)`, so `d w_k / d ln kappa = -w_k (mu_k - mean_w mu)`
    and the curve, the mean of `x^-mu_k`, changes by minus the covariance of the two:
    `-sum_k w_k (mu_k - mean_w mu) x^-mu_k`. For two terms it is `-w_A w_B (mu_A - mu_B)(x^-mu_A - x^-mu_B)`.

    Parameters
    ----------
    x
        Normalized compute, shape (n,), > 0.
    mu
        Exponents of tokens, shape (terms,).
    share
        Shares of the terms at the horizon, shape (terms, sizes) or (terms,).

    Returns
    -------
    ndarray
        Shape (sizes, n), dimensionless; 0 at x = 1, and everywhere if a single mu is present.

    Raises
    ------
    InputError
        If the shares do not match `mu` or do not sum to 1.

    Examples
    --------
    >>> kappa_sensitivity([0.25, 1.0], [0.5, 0.0], [0.5, 0.5])
    array([[-0.125, 0. ]])
    """
    mu, share = _checked_share("kappa_sensitivity", mu, share)
    weight = share * (mu[:, None] - mu @ share)
    return -weight.T @ np.power(_array(x)[None, :], -mu[:, None])


def gamma_sensitivity(x: ArrayLike, mu: ArrayLike, share: ArrayLike, log_size: ArrayLike) -> Array:
    r"""`dl/d gamma = -ln(p / p_ref) Cov_w(mu, x^-mu)`: the effect of a wrong data exponent.

    `gamma` lengthens the horizon of size p by `ln(p / p_ref)` for each unit, so this is `kappa_sensitivity`
    times that. `p_ref` is the size whose horizon is held; with kappa held instead (`p_ref = 1`) the whole
    ladder drifts besides. First order in `|gamma - gamma*| mu ln(p / p_ref)`.

    Parameters
    ----------
    x, mu, share
        As in `kappa_sensitivity`.
    log_size
        `ln(p / p_ref)`, shape (sizes,); p_ref usually the geometric mean of the sizes.

    Examples
    --------
    >>> gamma_sensitivity([0.25, 1.0], [0.5, 0.0], [[0.5, 0.5], [0.5, 0.5]], [-1.0, 1.0])
    array([[ 0.125, 0. ],
           [-0.125, 0. ]])
    """
    return np.atleast_1d(_array(log_size))[:, None] * kappa_sensitivity(x, mu, share)


def offset_sensitivity(l: ArrayLike, reducible: ArrayLike) -> Array:
    r"""`dl/d L_hat = (l - 1) / (L(t*) - L_hat)`: the effect of a wrong offset.

    Differentiate `l = (L - L_hat) / R` with `dR/dL_hat = -1`. The reducible loss R shrinks with size, so a wrong
    offset fans the curves out. Exactly, an offset too high by e gives `l - 1 = (l_true - 1)(1 + e / R)` with the
    R that was measured.

    Parameters
    ----------
    l
        Normalized curves, shape (sizes, n), dimensionless.
    reducible
        `R = L(t*) - L_hat`, shape (sizes,), in units of the loss, > 0.

    Returns
    -------
    ndarray
        Shape (sizes, n), per unit of loss.

    Raises
    ------
    InputError
        If a reducible loss is not positive.

    Examples
    --------
    >>> offset_sensitivity([[1.5, 1.0], [1.5, 1.0]], [0.5, 0.1])
    array([[1., 0.],
           [5., 0.]])
    """
    R = np.atleast_1d(_array(reducible))
    if not (R > 0).all():
        raise InputError(f"offset_sensitivity needs `reducible` > 0; got {R.min():g}. Use a smaller offset.")
    return (_array(l) - 1.0) / R[:, None]


def deviation_sensitivity(l: ArrayLike, dl: ArrayLike) -> Array:
    r"""First-order change of `Delta = sd_p[l] / mean_p[l]` when the curves change by `dl` per unit of an error.

    `dDelta = Cov_p(l, dl) / (sd_p[l] mean_p[l]) - Delta mean_p[dl] / mean_p[l]`. Where the curves coincide
    (`sd_p[l] = 0`) Delta has a kink and grows by `|error| sd_p[dl] / mean_p[l]`, the value given there. For two
    terms and an error of gamma that is `mu w_A w_B (x^-mu - 1) / l * sd(ln p)`.

    Parameters
    ----------
    l, dl
        Curves and their derivative by the error, shape (sizes, n); sample statistics (ddof = 1) over sizes.

    Returns
    -------
    ndarray
        Shape (n,), per unit of the error; 0 at x = 1.

    Raises
    ------
    InputError
        If there are fewer than 2 sizes.

    Examples
    --------
    >>> deviation_sensitivity([[1.5, 1.0], [1.5, 1.0]], [[1.0, 0.0], [5.0, 0.0]])
    array([1.8856181, 0. ])
    """
    l, dl = np.broadcast_arrays(_array(l), _array(dl))
    if l.ndim != 2 or l.shape[0] < 2:
        raise InputError(
            f"deviation_sensitivity needs curves of at least 2 sizes, shape (sizes, n); got shape {l.shape}. "
            "Stack one curve per size."
        )
    mean, spread = l.mean(axis=0), l.std(axis=0, ddof=1)
    coincide = spread <= 1e-12 * np.abs(mean)  # round-off of curves that are equal on paper
    covariance = ((l - mean) * dl).sum(axis=0) / (l.shape[0] - 1)
    smooth = covariance / np.where(coincide, 1.0, spread * mean) - spread * dl.mean(axis=0) / mean**2
    return np.where(coincide, dl.std(axis=0, ddof=1) / mean, smooth)
