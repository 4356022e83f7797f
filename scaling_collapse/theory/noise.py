r"""What minibatch noise does to a loss curve: the balance it settles at and how much of it a decay removes.

Gradient-flow time `tau` is the sum of learning rates over steps. In coordinates where the preconditioner is the
identity, `d theta = -grad L d tau + sqrt(eta) Sigma^(1/2) dW`; with Hessian H the covariance S of theta obeys
`dS/d tau = -(H S + S H) + eta Sigma`.

| symbol | shape | meaning |
|---|---|---|
| `H`, `Sigma` | (n, n) | Hessian and covariance of the minibatch gradient, symmetric |
| `lambda` | (...) | rate of one mode, an eigenvalue of H, > 0 |
| `eta`, `s` | | learning rate and its ratio to the peak, `s = eta / eta_peak` |
| `k` | | `lambda` times the tau that the decay would last at peak rate: fast modes k >> 1, slow ones k << 1 |

Source of the model: Qiu et al. 2025 (arXiv 2507.02119), sections 3.2 and 3.3; derivations below are this project's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from scipy.special import gamma as gamma_function
from scipy.special import gammainc

from ..common import Array, InputError

__all__ = [
    "balance_covariance",
    "excess_loss",
    "mode_loss_variance",
    "noise_after_decay",
    "noise_after_schedule",
]


def _symmetric(function: str, name: str, matrix: ArrayLike) -> Array:
    matrix = np.asarray(matrix, dtype=np.float64)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    if not (square and np.allclose(matrix, matrix.T, rtol=1e-10, atol=1e-12 * np.abs(matrix).max(initial=1e-300))):
        raise InputError(f"{function} needs a symmetric matrix `{name}`; got shape {matrix.shape}. Symmetrize it.")
    return matrix


def balance_covariance(H: ArrayLike, Sigma: ArrayLike, eta: float, *, discrete: bool = False) -> Array:
    r"""The covariance S at which noise and contraction balance, `H S + S H = eta Sigma`.

    In the eigenbasis of H the equation is solved entry by entry, `S_ij = eta Sigma_ij / (lambda_i + lambda_j)`.
    Steps instead of a flow, `S = (1 - eta H) S (1 - eta H) + eta^2 Sigma`, put
    `lambda_i + lambda_j - eta lambda_i lambda_j` in the denominator.

    Parameters
    ----------
    H
        Hessian, shape (n, n), symmetric, positive definite.
    Sigma
        Covariance of the minibatch gradient, shape (n, n), symmetric.
    eta
        Learning rate, > 0; discrete balance needs `eta lambda_max < 2`.
    discrete
        Balance of SGD's steps rather than of the flow.

    Returns
    -------
    ndarray
        S, shape (n, n).

    Raises
    ------
    InputError
        If a matrix is not symmetric, H is not positive definite, or the step is too large to be stable.

    Examples
    --------
    >>> balance_covariance([[2.0]], [[1.0]], 0.1)
    array([[0.025]])
    """
    H, Sigma = _symmetric("balance_covariance", "H", H), _symmetric("balance_covariance", "Sigma", Sigma)
    rate, basis = eigh(H)
    if not rate[0] > 0:
        raise InputError(
            f"balance_covariance needs a positive definite `H`; got an eigenvalue of {rate[0]:g}. Leave out flat "
            "directions: they do not balance."
        )
    if not (eta > 0 and (not discrete or eta * rate[-1] < 2)):
        raise InputError(
            f"balance_covariance needs 0 < eta < 2 / lambda_max; got eta = {eta:g}, lambda_max = {rate[-1]:g}. Lower "
            "the learning rate."
        )
    denominator = rate[:, None] + rate[None, :] - (eta * np.outer(rate, rate) if discrete else 0.0)
    return basis @ (eta * (basis.T @ Sigma @ basis) / denominator) @ basis.T


def excess_loss(H: ArrayLike, Sigma: ArrayLike, eta: float, *, discrete: bool = False) -> float:
    r"""`Tr(H S) / 2` at the balance: `eta Tr(Sigma) / 4` in the flow, whatever H is.

    The diagonal of `balance_covariance` gives `lambda_i S_ii / 2 = eta Sigma_ii / 4`: the rate of a mode cancels,
    off-diagonal entries do not enter. SGD's steps multiply mode i by `1 / (1 - eta lambda_i / 2)`.

    Parameters
    ----------
    H, Sigma, eta, discrete
        As in `balance_covariance`.

    Examples
    --------
    >>> excess_loss([[2.0, 0.0], [0.0, 0.5]], [[1.0, 0.3], [0.3, 3.0]], 0.1)
    0.1
    >>> excess_loss([[2.0]], [[1.0]], 0.1, discrete=True)
    0.0277778
    """
    S = balance_covariance(H, Sigma, eta, discrete=discrete)
    return 0.5 * float(np.sum(np.asarray(H, dtype=np.float64) * S))


def noise_after_decay(k: ArrayLike, power: float = 1.0) -> Array:
    r"""What part of a mode's balanced noise is left after the LR decays to zero as `s = (1 - u)^power`.

    The noise of a mode obeys `dE/d tau = -2 lambda E + lambda eta Sigma / 2`. Integrated by parts from the balance
    at peak rate through a decay that falls steadily to zero,

    .. math:: E / E_0 = \int_0^1 e^{-2 \lambda (\tau_{end} - \tau(s))} ds :

    each part ds of the learning rate leaves noise that has been forgetting since the schedule passed s. With
    `u` the position in the decay, `lambda (tau_end - tau) = k (1 - u)^(power + 1) / (power + 1)`, and

    .. math:: E / E_0 = \frac{1}{q} \kappa^{-1/q}\, \gamma(1/q, \kappa), \qquad
              q = \frac{power + 1}{power}, \quad \kappa = \frac{2 k}{power + 1},

    with the lower incomplete gamma function. For linear decay this is `sqrt(pi / (4 k)) erf(sqrt k)`: 1 - k/3 for
    slow modes, which the decay is too short to quieten, and `0.886 / sqrt k` for fast ones.

    Parameters
    ----------
    k
        `lambda` times learning rate times steps of the decay, all at peak rate; > 0.
    power
        Exponent of the decay, > 0; 1 is linear.

    Returns
    -------
    ndarray
        Shape of `k`, in (0, 1). For a mode that has converged the standard deviation of its loss over seeds
        falls by the same factor; for one still descending, by the square root (see `mode_loss_variance`).

    Raises
    ------
    InputError
        If k or power is not positive.

    Examples
    --------
    >>> noise_after_decay([0.01, 1.0, 100.0])
    array([0.9966766, 0.7468241, 0.0886227])
    """
    k = np.asarray(k, dtype=np.float64)
    if not ((k > 0).all() and power > 0):
        raise InputError(
            f"noise_after_decay needs `k` > 0 and `power` > 0; got k down to {np.min(k):g}, power {power:g}."
            " Give rate x peak learning rate x steps of the decay."
        )
    q, kappa = (power + 1) / power, 2 * k / (power + 1)
    return gammainc(1 / q, kappa) * gamma_function(1 / q) * kappa ** (-1 / q) / q


def noise_after_schedule(rate: ArrayLike, lr: ArrayLike, *, initial: float = 1.0) -> Array:
    r"""Noise of modes at the end of any schedule, in units of the balance `eta_peak Sigma / 4`.

    The flow's solution with the learning rate constant over each step,

    .. math:: E \leftarrow E\, e^{-2 \lambda \eta_k} + \frac{\eta_k}{\eta_{peak}} (1 - e^{-2 \lambda \eta_k}),

    which discretizes `E = (2 lambda / eta_peak) int eta^2 exp(-2 lambda (tau_end - tau)) dk + E_0 exp(-2 lambda tau)`.

    Parameters
    ----------
    rate
        `lambda`, shape (...), > 0.
    lr
        `eta_k`, shape (steps,), >= 0, not all zero.
    initial
        Noise at the start, in the same units; 1 is the balance at peak rate.

    Returns
    -------
    ndarray
        Shape of `rate`.

    Raises
    ------
    InputError
        If a rate is not positive, or the learning rates are negative or all zero.

    Examples
    --------
    >>> noise_after_schedule([1e-3, 1.0], np.full(2000, 0.1), initial=0.0)
    array([0.32968, 1. ])
    """
    rate, lr = np.asarray(rate, dtype=np.float64), np.asarray(lr, dtype=np.float64)
    if not ((rate > 0).all() and lr.ndim == 1 and (lr >= 0).all() and (lr > 0).any()):
        raise InputError(
            "noise_after_schedule needs rates > 0 and one-dimensional learning rates >= 0, not all zero; got rates "
            f"down to {np.min(rate):g} and learning rates of shape {lr.shape}."
        )
    energy = np.full(rate.shape, float(initial))
    for eta, s in zip(lr, lr / lr.max(), strict=True):
        kept = np.exp(-2 * rate * eta)
        energy = energy * kept + s * (1 - kept)
    return energy


def mode_loss_variance(noise: ArrayLike, descent: ArrayLike) -> Array:
    r"""Variance over seeds of the loss of one quadratic mode, `2 E^2 + 4 E b`.

    With `theta = m + d`, d normal of variance S, the loss `lambda theta^2 / 2` has noise `E = lambda S / 2`, descent
    left to do `b = lambda m^2 / 2`, and variance `lambda^2 (m^2 S + S^2 / 2)`. Far from its optimum (b >> E) a mode's
    standard deviation goes as the square root of E; once there, as E itself.

    Parameters
    ----------
    noise, descent
        E and b, in units of the loss, >= 0; broadcast together.

    Examples
    --------
    >>> mode_loss_variance([0.1, 0.1], [0.0, 1.0])
    array([0.02, 0.42])
    """
    E, b = np.asarray(noise, dtype=np.float64), np.asarray(descent, dtype=np.float64)
    return 2 * E**2 + 4 * E * b
