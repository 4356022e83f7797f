"""The kernel of the fast solver: every row over every macro step of a given grid (derivation in fast.py).

Within a macro step of n steps the rate is the quadratic through its values at l = 0, (n - 1) / 2 and n - 1, all of
them within the step, so that a jump of the schedule at its end is never seen. Sums over l of quadratics are exact for
any n.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import Array, njit
from .recursion import Recursion

__all__ = ["SAMPLES", "GridRun", "run_grid"]


SAMPLES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
"""Where the rate is sampled in a macro step; the quarters only judge the quadratic through the others."""


SLOW = 1e-5
"""A row whose time advances less than this in a macro step is taken as not decaying within it."""


class GridRun(NamedTuple):
    """Totals at the grid's points, shape (n,), and the splitting indicator of its steps, shape (n - 1,)."""

    total: Array
    weighted: Array
    tau: Array
    indicator: Array


@njit(error_model="numpy", inline="always")
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


@njit(error_model="numpy", inline="always")
def _decay_rate(x, c):
    """`-ln(1 - 2 x + c x^2)`, x = eta lambda."""
    w = x * (2.0 - c * x)
    if abs(w) < 2e-3:
        return w * (1.0 + w * (0.5 + w * (1.0 / 3.0 + w * (0.25 + w * (0.2 + w / 6.0)))))
    return -np.log(1.0 - w)


@njit(error_model="numpy", inline="always")
def _moments(p, phi, s, squares, s_m):
    """`sum dQ`, `sum S dQ` and `sum S (S - S_m) dQ` over a stretch of product p = exp(-phi) and time s.

    `sum d dQ`, d = 1 - a, is taken from d's mean over that time (`squares` = sum d^2), so that it is exact in the slow
    limit, where it all but cancels against the rest.
    """
    j0 = 1.0 - p if phi > 1e-2 else -np.expm1(-phi)
    j1 = s - j0
    spread = squares / s * j0
    return j0, j1, s * s - 2.0 * j1 - spread - s_m * j1


@njit(error_model="numpy", inline="always")
def _lagrange_sums(n, m, upto):
    """Weights of f(0), f(m), f(n) in the sum over l < upto of the quadratic through them."""
    s0, s1 = upto, 0.5 * upto * (upto - 1.0)
    s2 = (upto - 1.0) * upto * (2.0 * upto - 1.0) / 6.0
    return (
        (s2 - (m + n) * s1 + m * n * s0) / (m * n),
        (n * s1 - s2) / (m * (n - m)),
        (s2 - m * s1) / (n * (n - m)),
    )


class _Step(NamedTuple):
    """What the rows share in a macro step: its n steps, their middle m, rates, and sums up to m and up to n."""

    n: int
    m: int
    e0: float  # rates at l = 0, (n - 1) / 2 and n - 1, and what the quadratic through them says at m and n
    em: float
    e1: float
    e_m: float
    e_n: float
    tau_m: float  # sums of eta and of its powers
    tau_n: float
    two_m: float
    two_n: float
    three_m: float
    three_n: float
    four_m: float
    four_n: float
    l0: float  # weights of f(0), f(m), f(n) in a sum up to n, and up to m
    lm: float
    ln: float
    h0: float
    hm: float
    hn: float


@njit(error_model="numpy", inline="always")
def _step_of(eta, n):
    """The macro step of n steps whose rate is sampled in `eta`, shape (5,)."""
    e0, em, e1 = eta[0], eta[2], eta[4]
    m = n // 2
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
    return _Step(
        n=n, m=m, e0=e0, em=em, e1=e1, e_m=e_m, e_n=e_n, tau_m=tau_m, tau_n=tau_n, two_m=two_m, two_n=two_n,
        three_m=three_m, three_n=three_n, four_m=four_m, four_n=four_n, l0=l0, lm=lm, ln=ln, h0=h0, hm=hm, hn=hn,
    )  # fmt: skip


class _Row(NamedTuple):
    """A row in a macro step: its decay `p = exp(-phi)` and its own time `s`, up to m and up to n."""

    x: float
    scale: float
    phi_m: float
    phi_n: float
    p_m: float
    p_n: float
    s_m: float
    s_n: float


@njit(error_model="numpy", inline="always")
def _hardly_decaying(row, step):
    """A plain sum of what the row collects: weights of T(0), T(m), T(n) up to m and up to n, the latter's curvature."""
    x, scale = row.x, row.scale
    f0, fm, fn = scale * x * step.e0 * step.e0, scale * x * step.e_m * step.e_m, scale * x * step.e_n * step.e_n
    decay = 1.0 - 0.5 * row.phi_n
    return (
        (step.h0 * f0, step.hm * fm, step.hn * fn),
        (step.l0 * f0 * decay, step.lm * fm * decay, step.ln * fn * decay),
        (f0 * step.n / 6.0, -fm * step.n / 3.0, fn * step.n / 6.0),
    )


@njit(error_model="numpy", inline="always")
def _decaying(row, step, c):
    """The same from the quasi-stationary value, quadratic in the row's own time."""
    x, s_m, s_n = row.x, row.s_m, row.s_n
    late = s_n - s_m
    f0 = row.scale * step.e0 / (2.0 - c * x * step.e0)
    fm = row.scale * step.e_m / (2.0 - c * x * step.e_m)
    fn = row.scale * step.e_n / (2.0 - c * x * step.e_n)
    square_m = x * x * (4.0 * step.two_m - c * x * (4.0 * step.three_m - c * x * step.four_m))
    square_n = x * x * (4.0 * step.two_n - c * x * (4.0 * step.three_n - c * x * step.four_n))
    if s_m < 1e-9 * s_n or late < 1e-9 * s_n:  # the rate all but vanishes in one half: linear will do
        j0, j1, _ = _moments(row.p_n, row.phi_n, s_n, square_n, 0.0)
        return (0.0, 0.0, 0.0), (f0 * (j0 - j1 / s_n), 0.0, fn * j1 / s_n), (0.0, 0.0, 0.0)
    i0, i1, i2 = _moments(row.p_m, row.phi_m, s_m, square_m, s_m)
    j0, j1, j2 = _moments(row.p_n, row.phi_n, s_n, square_n, s_m)
    if step.n == 2:  # the quadratic part vanishes at both steps
        i2 = j2 = 0.0
    far, near = 1.0 / (s_n * late), 1.0 / (s_m * late)
    q0, qm, qn = f0 * j2 * (near - far), -fm * j2 * near, fn * j2 * far
    return (
        (f0 * (i0 - i1 / s_m - i2 * far + i2 * near), fm * (i1 / s_m - i2 * near), fn * i2 * far),
        (f0 * (j0 - j1 / s_m) + q0, fm * j1 / s_m + qm, qn),
        (q0, qm, qn),
    )


class _Work(NamedTuple):
    """By row, shape (n,): decay over the step, weights of T(0), T(m), T(n) in what it collects, and their curvature."""

    p_n: Array
    b0: Array
    bm: Array
    bn: Array
    q0: Array
    qm: Array
    qn: Array


@njit(error_model="numpy", inline="always")
def _middle_and_end(recursion, step, t, work):
    """`T` in the middle and at the end of the step, from `T` at its start, and the `rho` that feels noise.

    Every row's decay and collected noise are left in `work`.
    """
    lam, counts, rho, frozen, s2, batch = recursion
    inverse_batch = 1.0 / batch
    c = 1.0 + inverse_batch
    n, m, e0, em, e1 = step.n, step.m, step.e0, step.em, step.e1
    p_n, b0, bm, bn, q0, qm, qn = work
    # T_m = fixed_m + k_mm T_m + k_mn T_n, and the same for T_n
    fixed_m, fixed_n, k_mm, k_mn, k_nm, k_nn = frozen, frozen, 0.0, 0.0, 0.0, 0.0
    noise = 0.0
    for j in range(lam.size):
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
        if n == 1:
            b0[j], bm[j], bn[j] = scale * x * e0 * e0, 0.0, 0.0
            q0[j], qm[j], qn[j] = 0.0, 0.0, 0.0
            fixed_n += b0[j] * (t + s2)
            continue
        s_m, s_n = x * (2.0 * step.tau_m - c * x * step.two_m), x * (2.0 * step.tau_n - c * x * step.two_n)
        row = _Row(x=x, scale=scale, phi_m=phi_m, phi_n=phi_n, p_m=p_m, p_n=p, s_m=s_m, s_n=s_n)
        (a_0, a_m, a_n), b, q = _hardly_decaying(row, step) if s_n < SLOW else _decaying(row, step, c)
        b0[j], bm[j], bn[j] = b
        q0[j], qm[j], qn[j] = q
        fixed_m += a_0 * (t + s2) + (a_m + a_n) * s2
        fixed_n += b0[j] * (t + s2) + (bm[j] + bn[j]) * s2
        k_mm += a_m
        k_mn += a_n
        k_nm += bm[j]
        k_nn += bn[j]
    det = (1.0 - k_mm) * (1.0 - k_nn) - k_mn * k_nm
    t_m = ((1.0 - k_nn) * fixed_m + k_mn * fixed_n) / det
    t_n = ((1.0 - k_mm) * fixed_n + k_nm * fixed_m) / det
    return t_m, t_n, noise


@njit(error_model="numpy", inline="always")
def _advance(recursion, y0, ym, yn, work):
    """Take every row over the step; the new `T`, and how much of it is the quadratic part of the noise."""
    p_n, b0, bm, bn, q0, qm, qn = work
    rho = recursion.rho
    new = recursion.frozen
    quadratic = 0.0
    for j in range(rho.size):
        rho[j] *= p_n[j]
        if recursion.counts[j] != 0.0:
            rho[j] += b0[j] * y0 + bm[j] * ym + bn[j] * yn
            quadratic += abs(q0[j] * y0 + qm[j] * ym + qn[j] * yn)
        new += rho[j]
    return new, quadratic


@njit(error_model="numpy", inline="always")
def _miss(eta):
    """How far the quadratic misses the rates at the quarters, as a share of the highest."""
    e0, eq, em, e3, e1 = eta[0], eta[1], eta[2], eta[3], eta[4]
    miss = max(abs(eq - (0.375 * e0 + 0.75 * em - 0.125 * e1)), abs(e3 - (-0.125 * e0 + 0.75 * em + 0.375 * e1)))
    highest = max(e0, em, e1)
    return miss / highest if highest > 0.0 else 0.0


@njit(error_model="numpy", fastmath={"contract"})
def _kernel(recursion, grid, eta, run):
    """Take `recursion.rho` over the grid and fill in `run`."""
    lam, rho, s2 = recursion.lam, recursion.rho, recursion.s2
    rows = lam.size
    work = _Work(
        np.empty(rows), b0=np.zeros(rows), bm=np.zeros(rows), bn=np.zeros(rows), q0=np.zeros(rows), qm=np.zeros(rows),
        qn=np.zeros(rows),
    )  # fmt: skip
    t = recursion.frozen
    for j in range(rows):
        t += rho[j]
    run.tau[0] = 0.0
    for i in range(grid.size):
        # record where the rows stand
        run.total[i] = t
        w = 0.0
        for j in range(rows):
            w += lam[j] * rho[j]
        run.weighted[i] = w
        if i == grid.size - 1:
            break
        # sum the rate and its powers over the macro step
        step = _step_of(eta[i], grid[i + 1] - grid[i])
        run.tau[i + 1] = run.tau[i] + step.tau_n
        # what every row keeps and collects, and from that the two unknown totals
        t_m, t_n, noise = _middle_and_end(recursion, step, t, work)
        # take the rows there
        new, quadratic = _advance(recursion, t + s2, t_m + s2, t_n + s2, work)
        # judge the step: curvature of the noise, and rates that are no quadratic
        fit = _miss(eta[i]) * (abs(new - t) + noise)
        run.indicator[i] = max(quadratic, fit) / new if step.n > 1 and new > 0.0 else 0.0
        t = new


def run_grid(recursion: Recursion, grid: NDArray[np.int64], eta: Array) -> GridRun:
    """Totals at the grid's points; `eta` holds the rate at SAMPLES of each macro step, shape (n - 1, 5)."""
    points = grid.size
    run = GridRun(
        total=np.empty(points), weighted=np.empty(points), tau=np.empty(points), indicator=np.zeros(points - 1)
    )
    _kernel(recursion._replace(rho=recursion.rho.copy()), grid, eta, run)
    return run
