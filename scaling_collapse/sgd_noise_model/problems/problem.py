"""What one-pass SGD is run on: a quadratic loss in its eigenbasis, with Gaussian data and label noise.

Symbols: `lambda_j` eigenvalues of the Hessian H, `rho_j = E[(u_j . r)^2]` squared residual along eigenvector u_j, so
that the reducible loss is `R = sum_j rho_j / 2`; `c_j` how many eigenvalues a row stands for; `s2` label-noise
variance; B batch size. The loss itself is `R + s2 / 2`, half the mean square.

The recursion is linear in `rho`, with a source `c_j lambda_j^2` in front of the noise, so rows with equal eigenvalues
add up: a row may stand for many eigenvalues, for none (pure memory of the start, c = 0), or for a fraction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...common import Array, InputError, Rebuilt

__all__ = ["Problem", "from_eigenvalues"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem(Rebuilt):
    """A quadratic problem in its eigenbasis; build one with `from_eigenvalues` or `power_law`.

    Parameters
    ----------
    eigenvalues
        `lambda_j`, shape (n,), > 0.
    initial
        `rho_j` at step 0, shape (n,), >= 0, summed over what the row stands for.
    counts
        `c_j`, shape (n,), >= 0: eigenvalues the row stands for.
    frozen
        Sum of `rho` along directions that cannot be learned (zero eigenvalues), >= 0. It never changes, but feeds
        the gradient noise.
    label_noise
        `s2`, variance of the labels' noise, >= 0.
    params
        Number of parameters of the model, > 0.
    name
        Shown in run names.
    facts
        What the problem was made from (exponents, seed), for the record.
    """

    eigenvalues: Array
    initial: Array
    counts: Array
    frozen: float = 0.0
    label_noise: float = 0.0
    params: float = 1.0
    name: str = "problem"
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        size = np.size(self.eigenvalues)
        for name in ("eigenvalues", "initial", "counts"):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != (size,):
                raise InputError(f"Problem needs `{name}` of shape ({size},), as eigenvalues; got {array.shape}.")
            bad = ~(np.isfinite(array) & (array > 0 if name == "eigenvalues" else array >= 0))
            if bad.any():
                at = int(np.flatnonzero(bad)[0])
                sign = "> 0" if name == "eigenvalues" else ">= 0"
                raise InputError(f"Problem needs finite `{name}` {sign}; got {array[at]} at index {at}.")
            array.flags.writeable = False
            set_(self, name, array)
        if not size:
            raise InputError("Problem needs at least 1 positive eigenvalue; got none.")
        for name in ("frozen", "label_noise", "params"):
            value = float(getattr(self, name))
            if not (math.isfinite(value) and value >= 0 and (name != "params" or value > 0)):
                raise InputError(f"Problem needs `{name}` {'> 0' if name == 'params' else '>= 0'}; got {value}.")
            set_(self, name, value)
        set_(self, "facts", MappingProxyType(dict(self.facts)))

    def __repr__(self) -> str:
        return f"Problem({self.name!r}, {self.eigenvalues.size} rows, params={self.params:g})"

    @property
    def trace(self) -> float:
        """`Tr H = sum_j c_j lambda_j`."""
        return float(self.counts @ self.eigenvalues)

    @property
    def initial_loss(self) -> float:
        """`R` at step 0, label noise left out."""
        return 0.5 * (float(self.initial.sum()) + self.frozen)


def from_eigenvalues(
    eigenvalues: ArrayLike,
    initial: ArrayLike,
    *,
    label_noise: float = 0.0,
    params: float | None = None,
    name: str = "eigenvalues",
) -> Problem:
    """A problem from any list of eigenvalues and squared initial errors along their eigenvectors.

    Parameters
    ----------
    eigenvalues
        `lambda_j`, shape (n,), >= 0; those that are zero stay frozen.
    initial
        `rho_j` at step 0, shape (n,), >= 0.
    label_noise
        `s2`, >= 0.
    params
        Default: the number of eigenvalues.
    name
        Shown in run names.

    Raises
    ------
    InputError
        If shapes differ, or a value is negative or not finite.

    Examples
    --------
    >>> problem = from_eigenvalues([1.0, 0.5, 0.0], [1.0, 1.0, 0.5])
    >>> problem.initial_loss, problem.frozen
    (1.25, 0.5)
    """
    lam = np.atleast_1d(np.asarray(eigenvalues, dtype=np.float64))
    rho = np.atleast_1d(np.asarray(initial, dtype=np.float64))
    if lam.ndim != 1 or lam.shape != rho.shape:
        raise InputError(
            f"from_eigenvalues needs `initial` of the shape of `eigenvalues` {lam.shape}; got {rho.shape}."
        )
    zero = lam == 0.0
    return Problem(
        eigenvalues=lam[~zero],
        initial=rho[~zero],
        counts=np.ones(int((~zero).sum())),
        frozen=float(rho[zero].sum()),
        label_noise=label_noise,
        params=float(lam.size if params is None else params),
        name=name,
    )
