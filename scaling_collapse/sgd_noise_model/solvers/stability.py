r"""How large a constant learning rate may be before one-pass SGD diverges in mean square.

.. math:: \eta \lambda_{\max} (1 + 1/B) < 2 \quad\text{and}\quad
    \sum_j c_j \frac{\eta \lambda_j}{2 - \eta \lambda_j (1 + 1/B)} < B

The first keeps each mode, the second the feedback of the loss into its own gradient noise, from growing. Derived from
the fixed point `rho_j (2 eta lambda_j - eta^2 lambda_j^2 (1 + 1/B)) = eta^2 lambda_j^2 c_j sum_i rho_i / B`, summed
over j (arXiv 2405.15074, Proposition 2.1, for B = 1).
"""

from __future__ import annotations

import numpy as np

from ..problems import Problem

__all__ = ["stability_limit"]


def stability_limit(problem: Problem, batch: int) -> float:
    """The largest stable constant learning rate.

    Parameters
    ----------
    problem
        Eigenvalues and counts.
    batch
        B, >= 1.

    Examples
    --------
    >>> from scaling_collapse.sgd_noise_model import from_eigenvalues, stability_limit
    >>> stability_limit(from_eigenvalues([1.0], [1.0]), batch=1)  # eta < 2 / (1 + 2 / B)
    0.667
    """
    lam, counts, c = problem.eigenvalues, problem.counts, 1.0 + 1.0 / batch
    high = 2.0 / (float(lam.max()) * c)

    def feedback(eta: float) -> float:
        with np.errstate(divide="ignore"):
            return float((counts * eta * lam / np.maximum(2.0 - eta * lam * c, 0.0)).sum())

    low = 0.0
    if feedback(high * (1 - 1e-12)) < batch:
        return high
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if feedback(middle) < batch else (low, middle)
        if high - low <= 1e-15 * high:
            break
    return low
