"""The kernel of the fast solver: every row over every macro step of a given grid (derivation in fast.py).

Within a macro step of n steps the rate is the quadratic through its values at l = 0, (n - 1) / 2 and n - 1, all of
them within the step, so that a jump of the schedule at its end is never seen. Sums over l of quadratics are exact for
any n.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from ...common import Array

__all__ = ["SAMPLES", "GridRun", "run_grid"]


SAMPLES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
"""Where the rate is sampled in a macro step; the quarters only judge the quadratic through the others."""


SLOW = 1e-5
"""A row whose clock advances less than this in a macro step is taken as not decaying within it."""


class GridRun(NamedTuple):
    """Totals at the grid's points, shape (n,), and the splitting indicator of its steps, shape (n - 1,)."""

    total: Array
    weighted: Array
    tau: Array
    indicator: Array


@numba.njit(cache=True, error_model="numpy", inline="always")
def _half_and_whole(f0, fm, f1, n, m):
    """Sums over l < m and over l < n of the quadratic through f(0), f((n - 1) / 2), f(n - 1)."""
    if n == 1:
        return 0.0, fm
    h = 0.5 * (n - 1.0)
    b = (f1 - f0) / (2.0 * h)
    c = (f0 - 2.0 * fm + f1) / (2.0 * h * h)
    first = 0.5 * m * (m - 1.0) - m * h
    second = (m - 1.0) * m * (2.0 * m - 1.0) / 6.0 - h * m * (m - 1.0) + m * h * h
    return m * fm + b * first + c * second, n * fm + c * n * (n * n - 1.0) / 12.0


@numba.njit(cache=True, error_model="numpy", inline="always")
def _decay_rate(x, c):
    """`-ln(1 - 2 x + c x^2)`, x = eta lambda."""
    w = x * (2.0 - c * x)
    if abs(w) < 2e-3:
        return w * (1.0 + w * (0.5 + w * (1.0 / 3.0 + w * (0.25 + w * (0.2 + w / 6.0)))))
    return -np.log(1.0 - w)


@numba.njit(cache=True, error_model="numpy", inline="always")
def _moments(p, phi, s, squares, s_m):
    """`sum dQ`, `sum S dQ` and `sum S (S - S_m) dQ` over a stretch of product p = exp(-phi) and clock s.

    `sum d dQ`, d = 1 - a, is taken from d's mean over the clock (`squares` = sum d^2), so that it is exact in the slow
    limit, where it all but cancels against the rest.
    """
    j0 = 1.0 - p if phi > 1e-2 else -np.expm1(-phi)
    j1 = s - j0
    spread = squares / s * j0
    return j0, j1, s * s - 2.0 * j1 - spread - s_m * j1


@numba.njit(cache=True, error_model="numpy", inline="always")
def _lagrange_sums(n, m, upto):
    """Weights of f(0), f(m), f(n) in the sum over l < upto of the quadratic through them."""
    s0, s1 = upto, 0.5 * upto * (upto - 1.0)
    s2 = (upto - 1.0) * upto * (2.0 * upto - 1.0) / 6.0
    return (
        (s2 - (m + n) * s1 + m * n * s0) / (m * n),
        (n * s1 - s2) / (m * (n - m)),
        (s2 - m * s1) / (n * (n - m)),
    )


@numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
def _kernel(lam, counts, rho, frozen, s2, inverse_batch, grid, eta, total, weighted, tau, indicator):
    rows = lam.size
    c = 1.0 + inverse_batch
    p_n = np.empty(rows)
    b0 = np.zeros(rows)
    bm = np.zeros(rows)
    bn = np.zeros(rows)
    # what the quadratic part of a row's noise is: q0 T_0 + qm T_m + qn T_n
    q0 = np.zeros(rows)
    qm = np.zeros(rows)
    qn = np.zeros(rows)
    t = frozen
    for j in range(rows):
        t += rho[j]
    tau[0] = 0.0
    for i in range(grid.size):
        total[i] = t
        w = 0.0
        for j in range(rows):
            w += lam[j] * rho[j]
        weighted[i] = w
        if i == grid.size - 1:
            break
        n = grid[i + 1] - grid[i]
        m = n // 2
        e0, eq, em, e3, e1 = eta[i, 0], eta[i, 1], eta[i, 2], eta[i, 3], eta[i, 4]
        e_m, e_n = e0, em
        l0 = lm = ln = h0 = hm = hn = 0.0
        if n > 1:
            h = 0.5 * (n - 1.0)
            b_, c_ = (e1 - e0) / (2.0 * h), (e0 - 2.0 * em + e1) / (2.0 * h * h)
            e_m = max(em + b_ * (m - h) + c_ * (m - h) ** 2, 0.0)
            e_n = max(em + b_ * (n - h) + c_ * (n - h) ** 2, 0.0)
            l0, lm, ln = _lagrange_sums(float(n), float(m), float(n))
            h0, hm, hn = _lagrange_sums(float(n), float(m), float(m))
        tau_m, tau_n = _half_and_whole(e0, em, e1, n, m)
        two_m, two_n = _half_and_whole(e0**2, em**2, e1**2, n, m)
        three_m, three_n = _half_and_whole(e0**3, em**3, e1**3, n, m)
        four_m, four_n = _half_and_whole(e0**4, em**4, e1**4, n, m)
        tau[i + 1] = tau[i] + tau_n
        # T_m = fixed_m + k_mm T_m + k_mn T_n, and the same for T_n
        fixed_m, fixed_n, k_mm, k_mn, k_nm, k_nn = frozen, frozen, 0.0, 0.0, 0.0, 0.0
        noise = 0.0
        for j in range(rows):
            x = lam[j]
            phi_m, phi_n = _half_and_whole(_decay_rate(e0 * x, c), _decay_rate(em * x, c), _decay_rate(e1 * x, c), n, m)
            p = np.exp(-phi_n)
            p_m = np.exp(-phi_m) if n > 1 else 1.0
            p_n[j] = p
            fixed_m += p_m * rho[j]
            fixed_n += p * rho[j]
            if counts[j] == 0.0:
                continue
            noise += rho[j]
            scale = counts[j] * x * inverse_batch
            q0[j], qm[j], qn[j] = 0.0, 0.0, 0.0
            if n == 1:
                b0[j], bm[j], bn[j] = scale * x * e0 * e0, 0.0, 0.0
                fixed_n += b0[j] * (t + s2)
                continue
            s_n = x * (2.0 * tau_n - c * x * two_n)
            s_m = x * (2.0 * tau_m - c * x * two_m)
            late = s_n - s_m
            if s_n < SLOW:  # the row hardly decays: a plain sum of what it collects
                f0, fm, fn = scale * x * e0 * e0, scale * x * e_m * e_m, scale * x * e_n * e_n
                a_0, a_m, a_n = h0 * f0, hm * fm, hn * fn
                decay = 1.0 - 0.5 * phi_n
                b0[j], bm[j], bn[j] = l0 * f0 * decay, lm * fm * decay, ln * fn * decay
                q0[j], qm[j], qn[j] = f0 * n / 6.0, -fm * n / 3.0, fn * n / 6.0
            else:
                f0 = scale * e0 / (2.0 - c * x * e0)
                fm = scale * e_m / (2.0 - c * x * e_m)
                fn = scale * e_n / (2.0 - c * x * e_n)
                square_m = x * x * (4.0 * two_m - c * x * (4.0 * three_m - c * x * four_m))
                square_n = x * x * (4.0 * two_n - c * x * (4.0 * three_n - c * x * four_n))
                if s_m < 1e-9 * s_n or late < 1e-9 * s_n:  # the rate all but vanishes in one half: linear will do
                    j0, j1, _ = _moments(p, phi_n, s_n, square_n, 0.0)
                    b0[j], bm[j], bn[j] = f0 * (j0 - j1 / s_n), 0.0, fn * j1 / s_n
                    a_0 = a_m = a_n = 0.0
                else:
                    i0, i1, i2 = _moments(p_m, phi_m, s_m, square_m, s_m)
                    j0, j1, j2 = _moments(p, phi_n, s_n, square_n, s_m)
                    if n == 2:  # the quadratic part vanishes at both steps
                        i2 = j2 = 0.0
                    far, near = 1.0 / (s_n * late), 1.0 / (s_m * late)
                    a_n = fn * i2 * far
                    a_m = fm * (i1 / s_m - i2 * near)
                    a_0 = f0 * (i0 - i1 / s_m - i2 * far + i2 * near)
                    q0[j], qm[j], qn[j] = f0 * j2 * (near - far), -fm * j2 * near, fn * j2 * far
                    bn[j] = qn[j]
                    bm[j] = fm * j1 / s_m + qm[j]
                    b0[j] = f0 * (j0 - j1 / s_m) + q0[j]
            fixed_m += a_0 * (t + s2) + (a_m + a_n) * s2
            fixed_n += b0[j] * (t + s2) + (bm[j] + bn[j]) * s2
            k_mm += a_m
            k_mn += a_n
            k_nm += bm[j]
            k_nn += bn[j]
        det = (1.0 - k_mm) * (1.0 - k_nn) - k_mn * k_nm
        t_m = ((1.0 - k_nn) * fixed_m + k_mn * fixed_n) / det
        t_n = ((1.0 - k_mm) * fixed_n + k_nm * fixed_m) / det
        y0, ym, yn = t + s2, t_m + s2, t_n + s2
        new = frozen
        quadratic = 0.0
        for j in range(rows):
            rho[j] *= p_n[j]
            if counts[j] != 0.0:
                rho[j] += b0[j] * y0 + bm[j] * ym + bn[j] * yn
                quadratic += abs(q0[j] * y0 + qm[j] * ym + qn[j] * yn)
            new += rho[j]
        miss = max(abs(eq - (0.375 * e0 + 0.75 * em - 0.125 * e1)), abs(e3 - (-0.125 * e0 + 0.75 * em + 0.375 * e1)))
        highest = max(e0, em, e1)
        fit = miss / highest * (abs(new - t) + noise) if highest > 0.0 else 0.0
        indicator[i] = max(quadratic, fit) / new if n > 1 and new > 0.0 else 0.0
        t = new


def run_grid(
    lam: Array,
    counts: Array,
    rho: Array,
    frozen: float,
    s2: float,
    inverse_batch: float,
    grid: NDArray[np.int64],
    eta: Array,
) -> GridRun:
    """Totals at the grid's points; `eta` holds the rate at SAMPLES of each macro step, shape (n - 1, 5)."""
    total, weighted, tau = np.empty(grid.size), np.empty(grid.size), np.empty(grid.size)
    indicator = np.zeros(grid.size - 1)
    _kernel(lam, counts, rho, frozen, s2, inverse_batch, grid, eta, total, weighted, tau, indicator)
    return GridRun(total, weighted, tau, indicator)
