"""Which sizes disagree: the simplest pattern that explains slopes and bends of the curves, by their chi-square.

Candidates: all sizes agree; they drift with ln p; one size is off; the largest few are off together, or the smallest.
Each pays `ln(numbers)` for every number it needs (BIC), and has to be 20 times as likely as that all agree. Real
ladders scatter by about 1 % beyond their seeds even where nothing is wrong (the published ones do), so `USUAL` is added
to each error: a pattern is looked for in what exceeds it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ...common import Array
from .steepness import SizeMeans, Steepness

__all__ = ["SizePattern", "size_pattern"]

USUAL = 0.01
ODDS = 6.0


PatternKind = Literal["agree", "trend", "size", "several"]


@dataclass(frozen=True, kw_only=True)
class SizePattern:
    """The pattern that explains how sizes differ.

    Parameters
    ----------
    kind
        `"agree"`, `"trend"`, `"size"` or `"several"` (neighbouring sizes at an end).
    sizes
        Indices of the sizes that are off.
    shift
        By how much their `ln S` differs from the others'; the slope on ln p of a trend.
    bend, bend_error
        By how much their bend differs from the others', with its standard error.
    confidence
        Weight of this pattern among the candidates, in [0, 1].
    share
        Of the chi-square that it takes away.
    """

    kind: PatternKind
    sizes: tuple[int, ...] = ()
    shift: float = 0.0
    bend: float = 0.0
    bend_error: float = 0.0
    confidence: float
    share: float = 0.0


class _Candidate(NamedTuple):
    """A pattern to try: its kind, the sizes that are off, and the columns that describe it, shape (sizes, 1 or 2)."""

    kind: PatternKind
    sizes: tuple[int, ...]
    basis: Array


def size_pattern(log_p: Array, found: Steepness) -> SizePattern:
    """The best of the patterns for sizes at `log_p`, shape (sizes,)."""
    N = log_p.size
    z = (log_p - log_p.mean())[:, None]
    one = np.ones((N, 1))
    candidates = [_Candidate("agree", (), one), _Candidate("trend", (), np.hstack([one, z]))]
    if N >= 3:
        candidates += [_Candidate("size", (k,), np.hstack([one, np.eye(N)[:, [k]]])) for k in range(N)]
    if N >= 5:
        for count in range(2, N // 2 + 1):
            for sizes in (tuple(range(N - count, N)), tuple(range(count))):
                member = np.isin(np.arange(N), sizes).astype(float)[:, None]
                candidates.append(_Candidate("several", sizes, np.hstack([one, member])))
    fits = [_fit(log_p, candidate.basis, found) for candidate in candidates]
    chi = np.array([fit[0] for fit in fits])
    # 'several' has to choose where to cut as well.
    extra = np.array([c.basis.shape[1] - 1 + (c.kind == "several") for c in candidates])
    # Errors from few seeds: the deviance of Student's t instead of a normal's chi-square.
    dof = found.slope.dof or max(N - 2, 1)
    score = (dof + 2 * N) * np.log1p(chi / dof) + 2 * extra * math.log(2 * N)
    score[0] -= ODDS  # that all sizes agree is believed until something is much more likely
    weight = np.exp(-0.5 * (score - score.min()))
    best = int(score.argmin())
    _, (shift, _), (bend, bend_error) = fits[best]
    return SizePattern(
        kind=candidates[best].kind,
        sizes=candidates[best].sizes,
        shift=shift,
        bend=bend,
        bend_error=bend_error,
        confidence=float(weight[best] / weight.sum()),
        share=float(1.0 - chi[best] / max(chi[0], 1e-300)),
    )


def _fit(log_p: Array, basis: Array, found: Steepness) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """Chi-square of a pattern, and its coefficients with errors for slope and bend."""
    chi, shifts = 0.0, []
    for values in (found.slope, found.bend):
        error = _errors(log_p, values)
        weighted = basis / error[:, None]
        q = np.linalg.lstsq(weighted, values.mean / error, rcond=None)[0]
        chi += float((((values.mean - basis @ q) / error) ** 2).sum())
        variance = np.diag(np.linalg.pinv(weighted.T @ weighted))
        shifts.append((float(q[1]), math.sqrt(float(variance[1]))) if basis.shape[1] > 1 else (0.0, 0.0))
    return chi, shifts[0], shifts[1]


def _errors(log_p: Array, values: SizeMeans) -> Array:
    """Errors of the sizes' numbers: from seeds, else from the median distance from the median line through them."""
    if values.dof:
        return np.sqrt(values.error**2 + USUAL**2)
    i, j = np.triu_indices(log_p.size, 1)
    slope = np.median((values.mean[j] - values.mean[i]) / (log_p[j] - log_p[i]))
    level = values.mean - slope * log_p
    away = np.abs(level - np.median(level))
    free = max(log_p.size - 2, 1) / log_p.size
    return np.full(log_p.size, math.hypot(1.4826 * float(np.median(away)) / free, USUAL))
