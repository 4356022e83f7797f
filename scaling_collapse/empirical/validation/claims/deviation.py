r"""Delta(x): the first-order variance formula against the collapse deviation that was measured.

With `V_i = sigma_i(x)^2 + sigma_i(1)^2 - 2 rho_i sigma_i(x) sigma_i(1)` of size i and `m_i` the ratio of its mean
reducible losses at x and at 1, the estimator of Delta over S sizes with n_i seeds is, to first order in the noise,

    Delta^2 = [ mean_i((n_i - 1) / n_i V_i) + (S - 1) / S var(m_i) / mean(m_i)^2 ] / (1 - sum_i 1 / (S^2 n_i)).

So Delta can be told from raw losses alone: how large noise is, how much of it persists to the end, how sizes differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ....common import Array
from ....theory import collapse_deviation, noise_floor, normalize, normalized_variance
from ...fits.intervals import LEVEL, UNKNOWN, Interval
from ...fits.seed_bootstrap import resampled_runs
from ..case import Case
from ..row import Row, Verdict, agreement, not_applicable
from .claim import Evidence, Subject

__all__ = ["LATE", "NAME", "SUBJECT", "first_order_deviation", "late_ratio", "resampled", "rows"]

NAME = "Delta(x), root mean square"
SUBJECT = Subject.LADDER
LATE = 0.8
"""From which x on the end of training counts as late."""
CLOSE = 0.05
"""Mean relative error over x up to which the formula counts as right."""

Runs = Callable[[Array], float]


def first_order_deviation(L: Array, size_index: NDArray[np.intp], offset: float) -> tuple[Array, Array]:
    """Delta(x) by the first-order formula, and the same from noise alone, as if the sizes' mean curves were equal.

    Parameters
    ----------
    L
        Losses on the grid, shape (runs, n), the last point x = 1.
    size_index
        Size of each run, shape (runs,), at least 2 sizes.
    offset
        `L_hat`, below every final loss.

    Returns
    -------
    tuple of ndarray
        Shape (n,) each; 0 at x = 1. The second holds all sizes' means apart by no more than their noise.

    Examples
    --------
    >>> L = np.array([[3.0, 2.0], [3.03, 2.0], [6.0, 4.0], [6.0, 4.02]])
    >>> delta, noise = first_order_deviation(L, np.array([0, 0, 1, 1]), 0.0)
    >>> exact = collapse_deviation(normalize(L, 0.0), [0, 0, 1, 1])
    >>> round(float(delta[0]), 4), round(float(exact[0]), 4)
    (0.0063, 0.0063)
    """
    sizes = np.unique(size_index)
    within, ratios, noise_of_means, loss_of_weight = [], [], [], 0.0
    for size in sizes:
        R = L[size_index == size] - offset
        n, mean = R.shape[0], R.mean(axis=0)
        loss_of_weight += 1.0 / (sizes.size**2 * n)
        ratios.append(mean / mean[-1])
        if n < 2:
            within.append(np.zeros(L.shape[1]))
            continue
        relative = R / mean - 1.0
        sigma = np.sqrt((relative**2).sum(axis=0) / (n - 1))
        covariance = (relative * relative[:, -1:]).sum(axis=0) / (n - 1)
        product = np.where(sigma * sigma[-1] > 0, sigma * sigma[-1], 1.0)
        variance = normalized_variance(sigma, sigma[-1], covariance / product)
        within.append((n - 1) / n * variance)
        noise_of_means.append(variance / n)
    m = np.stack(ratios)
    freedom = (sizes.size - 1) / sizes.size
    seeds = np.mean(within, axis=0)
    total = seeds + freedom * m.var(axis=0, ddof=1) / m.mean(axis=0) ** 2
    alone = seeds + freedom * (np.mean(noise_of_means, axis=0) if noise_of_means else 0.0)
    weight = 1.0 - loss_of_weight
    return np.sqrt(np.maximum(total, 0.0) / weight), np.sqrt(np.maximum(alone, 0.0) / weight)


def late_ratio(L: Array, size_index: NDArray[np.intp], offset: float, x: Array) -> float:
    """Mean of `Delta / sigma` over x in [0.8, 1); NaN where sigma vanishes: a resample may repeat one seed."""
    late = (x >= LATE - 1e-9) & (x < 1)
    sigma = noise_floor(L, size_index, offset)[late]
    if not (sigma > 0).all():
        return math.nan
    return float((collapse_deviation(normalize(L, offset), size_index)[late] / sigma).mean())


def resampled(statistic: Runs, L: Array, size_index: NDArray[np.intp], draws: int, seed: int) -> tuple[Interval, Array]:
    """90 % interval of a positive statistic of the runs from seeds resampled within sizes, and its draws.

    Resampling adds noise of its own to the sizes' means, which raises any spread between them: the draws are scaled so
    that their median is the estimate.
    """
    values = np.array([statistic(runs) for runs in resampled_runs(L, size_index, draws, np.random.default_rng(seed))])
    known = values[np.isfinite(values)]
    if not known.size or not np.median(known) > 0:
        return UNKNOWN, values
    values *= statistic(L) / np.median(known)
    low, high = np.nanquantile(values, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return (float(low), float(high)), values


def rms(delta: Array) -> float:
    """Root mean square of Delta over the grid without x = 1."""
    return float(np.sqrt((delta[:-1] ** 2).mean()))


def rows(case: Case, evidence: Evidence) -> list[Row]:
    """Qiu et al. 2025, section 3.3: the spread of normalized curves from noise, its persistence, and the sizes."""
    report = case.report
    if report is None or not case.usable:
        return [not_applicable(NAME, case.name, case.refusal)]
    if case.seeds < 2:
        return [not_applicable(NAME, case.name, "one seed a size, so that the noise is unknown")]
    L, sizes, offset = report.losses, case.ladder.size_index, report.offset
    predicted, noise = first_order_deviation(L, sizes, offset)
    measured = rms(report.delta)
    room = L[:, -1].min() - offset

    def resample(runs: Array) -> float:
        if runs[:, -1].min() - offset < 1e-3 * room:  # a draw that cannot be normalized says nothing
            return float("nan")
        return rms(collapse_deviation(normalize(runs, offset), sizes))

    interval, _ = resampled(resample, L, sizes, evidence.draws, evidence.seed)
    off = np.abs(predicted[:-1] / report.delta[:-1] - 1.0)
    middle = int(np.argmin(np.abs(report.x - 0.5)))
    note = (
        f"Over x the formula is off by {off.mean():.1%} on average, {off.max():.1%} at most; seed noise alone would "
        f"give {rms(noise):.3g}, the rest is between sizes. At x = {report.x[middle]:.2f} Delta = "
        f"{report.delta[middle]:.3g}"
    )
    if np.isfinite(report.delta_low).all():
        note += (
            f"; it moves from {report.delta_low[middle]:.2g} to {report.delta_high[middle]:.2g} as L_hat moves in its "
            "interval"
        )
    verdict = agreement(rms(predicted), UNKNOWN, measured, interval)
    if verdict is not Verdict.DOES_NOT_HOLD:
        verdict = Verdict.HOLDS if off.mean() <= CLOSE else Verdict.DOES_NOT_HOLD
    return [
        Row(
            claim=NAME, table=case.name, prediction=rms(predicted), measurement=measured,
            measurement_interval=interval, verdict=verdict, note=note + ".",
        )
    ]  # fmt: skip
