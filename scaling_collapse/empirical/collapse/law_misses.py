r"""Where final losses leave their law: one size off it, an exponent that changes, losses that do not fall.

Each size in turn is predicted from the law fitted to the others, `L = L0 + a C^-b` with L0 free or known, and the miss
is compared with the error of that prediction. A break is the same law with a second exponent from some size on. Both
are claimed only where they explain most of the misfit (`EXPLAINS`), where chance gives them once in a thousand ladders
(`SURE`), by at least `LEAST`, and
a break by `BENDS` of the exponent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from ...common import Array
from .steepness import SizeMeans

__all__ = ["LawMiss", "law_errors", "law_misses", "rising_sizes"]

SURE = 1e-3
LEAST = 0.02
BENDS = 0.1
KNOTS, FREE_KNOT = 14, 4.0
EXPLAINS = 0.8


@dataclass(frozen=True, kw_only=True)
class LawMiss:
    """How final losses leave their law.

    Parameters
    ----------
    kind
        `"level"`: one size is off; `"break"`: the exponent changes.
    size
        Index of the size that is off, or from which on the exponent is another.
    amount
        Relative miss of the reducible loss; of a break, exponent after over exponent before.
    errors
        The same in standard errors.
    """

    kind: Literal["level", "break"]
    size: int
    amount: float
    errors: float


def rising_sizes(finals: SizeMeans) -> tuple[int, ...]:
    """Sizes whose mean final loss is above that of a smaller size by more than three standard errors.

    Parameters
    ----------
    finals
        Mean final losses with their errors, sizes increasing.

    Examples
    --------
    >>> rising_sizes(SizeMeans(mean=np.array([3.0, 2.0, 2.5]), error=np.full(3, 0.01), dof=3))
    (2,)
    """
    L, error = finals.mean, finals.error if finals.dof else np.full(finals.mean.size, _scatter(finals.mean))
    above = [any(L[i] - L[j] > 3 * math.hypot(error[i], error[j]) for j in range(i)) for i in range(L.size)]
    return tuple(int(i) for i in np.flatnonzero(above))


def law_misses(C: Array, finals: SizeMeans, offset: float, *, known: bool) -> LawMiss | None:
    """The miss that explains why final losses leave their law, or None.

    Parameters
    ----------
    C
        Compute of each size, shape (sizes,).
    finals
        Mean final losses with their errors.
    offset
        L0 to start from; `known`: it is not fitted.
    """
    from scipy.special import stdtrit

    L, error = finals.mean, finals.error
    free = 2 if known else 3
    if C.size < free + 3 or not (np.isfinite(error).all() and offset < L.min()):
        return None
    ln_c = np.log(C) - np.log(C).mean()
    sure = float(stdtrit(finals.dof, 1.0 - SURE / (4 * C.size)))
    whole = _fit(ln_c, L, error, offset, known=known).chi_square
    best: LawMiss | None = None
    left = math.inf
    for k in range(C.size):
        fit = _fit(ln_c, L, error, offset, known=known, column=np.eye(C.size)[k])
        if fit.chi_square < left and abs(fit.extra) > max(sure * fit.error, LEAST):
            left = fit.chi_square
            best = LawMiss(kind="level", size=k, amount=math.expm1(fit.extra), errors=abs(fit.extra) / fit.error)
    for knot in np.linspace(ln_c[1], ln_c[-2], KNOTS)[1:-1]:
        fit = _fit(ln_c, L, error, offset, known=known, column=-np.maximum(ln_c - knot, 0.0))
        least = max(LEAST / float(ln_c[-1] - knot), BENDS * fit.exponent)
        # The place of the knot is chosen, too.
        if fit.chi_square + FREE_KNOT < left and abs(fit.extra) > max(sure * fit.error, least):
            left = fit.chi_square + FREE_KNOT
            size = int(np.searchsorted(ln_c, knot))
            best = LawMiss(kind="break", size=size, amount=fit.extra, errors=abs(fit.extra) / fit.error)
    return best if left < (1 - EXPLAINS) * whole else None


def law_errors(C: Array, finals: SizeMeans, offset: float, *, known: bool) -> Array:
    """Error with which each size's reducible loss is compared with the law of the others, relative, shape (sizes,).

    Empty where that is unknown: no seeds, or too few sizes.
    """
    if not finals.dof or C.size < (3 if known else 4) or not offset < finals.mean.min():
        return np.empty(0)
    ln_c = np.log(C) - np.log(C).mean()
    fits = [_fit(ln_c, finals.mean, finals.error, offset, known=known, column=column) for column in np.eye(C.size)]
    return np.array([fit.error for fit in fits])


def _scatter(L: Array) -> float:
    """What final losses scatter by about a smooth fall, from second differences in order of size."""
    return 1.4826 * float(np.median(np.abs(np.diff(L, 2)))) / math.sqrt(6.0) if L.size > 4 else math.inf


class _Fit(NamedTuple):
    """Misfit, exponent b, the coefficient of the extra column and its standard error."""

    chi_square: float
    exponent: float
    extra: float
    error: float


def _fit(ln_c: Array, L: Array, error: Array, offset: float, *, known: bool, column: Array | None = None) -> _Fit:
    """`L0 + exp(ln a - b ln C + q column)`: linear in the logarithm for a given L0, which is known or searched for."""
    from scipy.optimize import minimize_scalar

    error = np.maximum(error, 1e-9 * np.abs(L - offset))  # seeds that are equal to the last bit
    basis = np.column_stack([np.ones(ln_c.size), -ln_c] + ([] if column is None else [column]))

    def linear(gap: float) -> tuple[float, Array, Array]:
        R = L - L.min() + gap
        weight = R / error
        q = np.linalg.lstsq(basis * weight[:, None], np.log(R) * weight, rcond=None)[0]
        return float((((np.log(R) - basis @ q) * weight) ** 2).sum()), q, weight

    gap = float(L.min() - offset)
    if not known:
        gaps = np.geomspace(1e-3, 1e2, 41) * float(np.ptp(L))
        if L.min() > 0:  # the law's L0 is not negative
            gaps = np.append(gaps[gaps < L.min()], L.min())
        at = int(np.argmin([linear(g)[0] for g in gaps]))
        low, high = gaps[max(at - 1, 0)], gaps[min(at + 1, gaps.size - 1)]
        tight = {"xatol": 1e-6 * high}
        found: Any = minimize_scalar(lambda g: linear(g)[0], bounds=(low, high), method="bounded", options=tight)
        gap = float(found.x) if found.fun < linear(gaps[at])[0] else float(gaps[at])
    chi, q, weight = linear(gap)
    if column is None:
        return _Fit(chi, float(q[1]), 0.0, 1.0)
    # How ln R answers each number; the gap changes R itself.
    jacobian = basis if known else np.column_stack([basis, -1.0 / (L - L.min() + gap)])
    variance = np.linalg.pinv((jacobian * weight[:, None]).T @ (jacobian * weight[:, None]))
    return _Fit(chi, float(q[1]), float(q[2]), math.sqrt(max(float(variance[2, 2]), 1e-300)))
