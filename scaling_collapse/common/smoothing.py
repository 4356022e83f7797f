"""The project's smoothers: local regression for curves that are read off, an exponential average for pictures."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array
from .compiled import njit

__all__ = ["exponential_average", "local_regression"]


def local_regression(
    x: Array, y: Array, at: Array, *, width: float, degree: int = 2, least: int = 12, reach: float = 4.0
) -> Array:
    """Local polynomial regression of y on x with a Gaussian kernel, at the points `at`.

    Parameters
    ----------
    x, y
        Data, shape (n,), in any order.
    at
        Where to evaluate, shape (m,).
    width
        Standard deviation of the kernel, in units of x; widened where fewer than `least` points lie near.
    degree
        Of the polynomial: 1 (a straight line between points where fewer than 2 lie within the kernel) or 2.
    least
        Points for which the kernel is widened, >= 1; more than 2 for degree 2.
    reach
        Standard deviations of the kernel beyond which points count nothing.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 50)
    >>> local_regression(x, x**2, np.array([0.5]), width=0.1).round(6)
    array([0.25])
    """
    order = np.argsort(x, kind="stable")
    regress = _quadratic if degree == 2 else _line
    return regress(x[order], y[order], at, width, min(least, x.size) - 1, reach)


@njit()
def _kernel(x: Array, at: float, width: float, others: int, reach: float) -> tuple[float, int, int]:
    """Width of the kernel at a point, and the first and last point within its reach."""
    j = min(max(np.searchsorted(x, at) - others // 2, 0), x.size - 1 - others)
    h = max(width, (x[j + others] - x[j]) / 2, 1e-12)
    return h, int(np.searchsorted(x, at - reach * h)), int(np.searchsorted(x, at + reach * h))


@njit()
def _line(x: Array, y: Array, at: Array, width: float, others: int, reach: float) -> Array:
    result = np.empty(at.size)
    for i in range(at.size):
        h, a, b = _kernel(x, at[i], width, others, reach)
        m0 = m1 = m2 = r0 = r1 = 0.0
        for k in range(a, b):
            u = (x[k] - at[i]) / h
            w = math.exp(-0.5 * u * u)
            m0, m1, m2 = m0 + w, m1 + w * u, m2 + w * u**2
            r0, r1 = r0 + w * y[k], r1 + w * u * y[k]
        determinant = m0 * m2 - m1 * m1
        if determinant > 1e-8 * m0 * m0:
            result[i] = (r0 * m2 - r1 * m1) / determinant
        else:  # fewer than two points within the kernel: there is nothing to average
            result[i] = np.interp(at[i], x, y)
    return result


@njit()
def _quadratic(x: Array, y: Array, at: Array, width: float, others: int, reach: float) -> Array:
    result = np.empty(at.size)
    for i in range(at.size):
        h, a, b = _kernel(x, at[i], width, others, reach)
        m0 = m1 = m2 = m3 = m4 = r0 = r1 = r2 = 0.0
        for k in range(a, b):
            u = (x[k] - at[i]) / h
            w = math.exp(-0.5 * u * u)
            m0, m1, m2, m3, m4 = m0 + w, m1 + w * u, m2 + w * u**2, m3 + w * u**3, m4 + w * u**4
            r0, r1, r2 = r0 + w * y[k], r1 + w * u * y[k], r2 + w * u**2 * y[k]
        ridge = 1e-10 * m0
        m0, m2, m4 = m0 + ridge, m2 + ridge, m4 + ridge
        # Cramer's rule for the constant term of the quadratic.
        determinant = m0 * (m2 * m4 - m3 * m3) - m1 * (m1 * m4 - m2 * m3) + m2 * (m1 * m3 - m2 * m2)
        result[i] = (r0 * (m2 * m4 - m3 * m3) - m1 * (r1 * m4 - m3 * r2) + m2 * (r1 * m3 - m2 * r2)) / determinant
    return result


def exponential_average(t: Array, y: Array, *, half_life: float) -> Array:
    """The average of y that forgets with a half-life in t, shape (n,), begun at the first point.

    >>> exponential_average(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0]), half_life=1.0)
    array([0.  , 0.5 , 0.75])
    """
    keep = 0.5 ** (np.diff(t) / half_life)
    result = y.astype(np.float64, copy=True)
    for i in range(1, y.size):
        result[i] = keep[i - 1] * result[i - 1] + (1 - keep[i - 1]) * y[i]
    return result
