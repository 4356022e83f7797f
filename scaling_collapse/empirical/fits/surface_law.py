r"""`SurfaceLaw`: loss over parameters N and tokens D, with or without a coupling of the two.

    L(N, D) = L0 + (U^(1/k) + V^(1/k))^k,   U = A N^-a,  V = B D^-b.

`k = 1` is the sum of Hoffmann et al. 2022 (arXiv 2203.15556). With `k` free the two terms couple as those of Kaplan et
al. 2020 (arXiv 2001.08361, eq. 1.5) do, whose law is `L0 = 0`, `k = b`. Whatever `k` is, one term alone is left where
the other's resource is without limit, so that `a` and `b` mean the same in both forms. Below 1 the larger term counts
for more (`k -> 0` is the larger of the two: the bottleneck), above 1 the two hinder each other.

Loss falls with N and with D for every `k`. At compute `C = 6 N D` the best division is where `a U^(1/k) = b V^(1/k)`:

    N* = ((a / b)^k A / B)^(1 / (a + b)) (C / 6)^(b / (a + b)),   D* = C / (6 N*).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from ...common import Array

__all__ = ["FORMS", "Centre", "Form", "SurfaceLaw", "log_surface"]

Form = Literal["sum", "coupled"]
FORMS: tuple[Form, ...] = get_args(Form)
"""`"sum"`: k = 1; `"coupled"`: k is fitted."""
LARGEST = 250.0
"""Logarithm beyond which an optimum is no longer a number of anything."""


class Centre(NamedTuple):
    """Means of ln N and ln D over the points: a fit's numbers are those at the centre, where they are known best."""

    n: float
    d: float


class SurfaceLaw(NamedTuple):
    """One law, or many of them (fields of one shape).

    Parameters
    ----------
    L0
        Irreducible loss, >= 0.
    A, a
        Coefficient (N in parameters) and exponent of the term of parameters.
    B, b
        The same of tokens.
    k
        Coupling; 1 is the sum.
    """

    L0: Array
    A: Array
    a: Array
    B: Array
    b: Array
    k: Array

    def loss(self, N: ArrayLike, D: ArrayLike) -> Array:
        """`L(N, D)`, all of it broadcast.

        >>> law = SurfaceLaw(*np.array([1.0, 4.0, 0.5, 9.0, 0.5, 2.0]))
        >>> round(float(law.loss(4.0, 9.0)), 6)  # 1 + (sqrt 2 + sqrt 3)^2
        10.898979
        """
        u = np.log(self.A) - self.a * np.log(np.asarray(N, dtype=np.float64))
        v = np.log(self.B) - self.b * np.log(np.asarray(D, dtype=np.float64))
        return self.L0 + np.exp(self.k * np.logaddexp(u / self.k, v / self.k))

    def against_points(self) -> SurfaceLaw:
        """The same laws with an axis for points behind."""
        return SurfaceLaw(*(np.asarray(value)[..., None] for value in self))

    def optimal_params(self, C: ArrayLike) -> Array:
        """`N*` at compute C in FLOPs."""
        ln = self.k * np.log(self.a / self.b) + np.log(self.A / self.B) + self.b * np.log(np.asarray(C) / 6.0)
        return np.exp(np.clip(ln / (self.a + self.b), -LARGEST, LARGEST))

    def optimal_tokens(self, N: ArrayLike) -> Array:
        """`D*`, the tokens after which N parameters are the best size for their compute.

        >>> law = SurfaceLaw(*np.array([1.0, 4.0, 0.5, 9.0, 0.5, 2.0]))
        >>> N = law.optimal_params(1e9)
        >>> bool(np.isclose(law.optimal_tokens(N) * N * 6, 1e9))
        True
        """
        ln = self.k * np.log(self.b / self.a) + np.log(self.B / self.A)
        ln_D = (ln + self.a * np.log(np.asarray(N, dtype=np.float64))) / self.b
        return np.exp(np.clip(ln_D, -LARGEST, LARGEST))

    @property
    def gamma(self) -> Array:
        """`a / b`: compute-optimal tokens grow as parameters to this power, `D* = kappa N*^gamma`."""
        return self.a / self.b


def log_surface(q: Array, n: Array, d: Array) -> tuple[Array, Array]:
    """`ln L` and its derivatives in the coordinates of the search, for centred `ln N` and `ln D`.

    Parameters
    ----------
    q
        `(L0, ln U, ln a, ln V, ln b, ln k)` at the centre, shape (batch, 6).
    n, d
        Shape (points,).

    Returns
    -------
    value, slopes
        Shapes (batch, points) and (batch, points, 6). With `p` the share of the term of parameters, the slope of
        `ln (L - L0)` is `p` in ln U, `1 - p` in ln V, and in k the entropy of `(p, 1 - p)`.
    """
    L0, U, ln_a, V, ln_b, ln_k = (column[:, None] for column in q.T)
    an, bd, k = np.exp(ln_a) * n, np.exp(ln_b) * d, np.exp(ln_k)
    u, v = (U - an) / k, (V - bd) / k
    together = np.logaddexp(u, v)
    p, rest = np.exp(u - together), np.exp(v - together)
    R = np.exp(k * together)
    L = L0 + R
    entropy = together - p * u - rest * v
    slopes = np.stack([1.0 / R, p, -p * an, rest, -rest * bd, k * entropy], axis=-1) * (R / L)[..., None]
    return np.log(L), slopes
