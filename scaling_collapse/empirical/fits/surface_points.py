"""`SurfacePoints`: the final losses of runs at several sizes and horizons, one point for each pair of them.

Where the rate decays only the end of a run is a point of L(N, D): on the way there the rate is still high, and the loss
is not what a run of that length would reach. At a constant rate every point of a run is the end of a shorter one, so
that several tokens of one run count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common import Array, local_regression
from ...theory import Ladder, LossCurve

__all__ = ["SurfacePoints", "constant_rate", "surface_points"]

SAME_HORIZON = 0.05
"""Runs of a size are repeats where their horizons differ by less, in the logarithm."""
ON_THE_WAY = 2.0 ** -np.arange(4)
"""Shares of a run's length that count where its rate is constant."""
SMOOTHING = 0.1
"""Width in ln D over which the loss is averaged there."""
SAME_RATE = 1e-6
"""Rates are one where they differ by less, relative to the highest."""


@dataclass(frozen=True, kw_only=True)
class SurfacePoints:
    """Points of the surface, each field of shape (n,) unless said otherwise.

    Parameters
    ----------
    N, D, loss
        Parameters, tokens and mean final loss over the runs of a point.
    runs
        Runs of each point.
    seed_scatter, seed_dof
        Pooled standard deviation of repeats in ln L, and its degrees of freedom; 0 without repeats.
    """

    N: Array
    D: Array
    loss: Array
    runs: NDArray[np.intp]
    seed_scatter: float
    seed_dof: int

    @property
    def sizes(self) -> Array:
        """The distinct N, increasing."""
        return np.unique(self.N)

    @property
    def size_index(self) -> NDArray[np.intp]:
        """For each point the index of its N in `sizes`."""
        return np.searchsorted(self.sizes, self.N)

    def where(self, keep: NDArray[np.bool_]) -> SurfacePoints:
        """Some of the points."""
        return SurfacePoints(
            N=self.N[keep],
            D=self.D[keep],
            loss=self.loss[keep],
            runs=self.runs[keep],
            seed_scatter=self.seed_scatter,
            seed_dof=self.seed_dof,
        )


def surface_points(ladder: Ladder) -> SurfacePoints:
    """The ladder's points: runs of one size and nearly one horizon are repeats, and count once.

    >>> def run(name, tokens, loss):
    ...     return LossCurve(run=name, params=10, tokens=[1, tokens], loss=[4, loss], schedule="linear")
    >>> points = surface_points(Ladder([run("a", 100, 2.0), run("b", 101, 2.2), run("c", 200, 1.5)]))
    >>> points.D.tolist(), points.loss.tolist(), points.runs.tolist()
    ([100.5, 200.0], [2.1, 1.5], [2, 1])
    """
    cells: list[tuple[float, float, Array]] = []
    for params, curves in ladder.by_size.items():
        ends = sorted((point for c in curves for point in _ends(c)), key=lambda point: point[0])
        tokens, losses = np.array(ends).T
        cuts = np.flatnonzero(np.diff(np.log(tokens)) > SAME_HORIZON) + 1
        pieces = zip(np.split(tokens, cuts), np.split(losses, cuts), strict=True)
        cells += [(params, float(t.mean()), loss) for t, loss in pieces]
    repeats = [np.log(loss) - np.log(loss).mean() for _, _, loss in cells if loss.size > 1 and loss.min() > 0]
    dof = sum(r.size - 1 for r in repeats)
    return SurfacePoints(
        N=np.array([c[0] for c in cells], dtype=np.float64),
        D=np.array([c[1] for c in cells]),
        loss=np.array([c[2].mean() for c in cells]),
        runs=np.array([c[2].size for c in cells]),
        seed_scatter=float(np.sqrt(sum((r**2).sum() for r in repeats) / dof)) if dof else 0.0,
        seed_dof=dof,
    )


def constant_rate(curve: LossCurve) -> bool:
    """Whether the rate stays where it is after its warm-up: by the rates, without them by the schedule's name."""
    if curve.lr is None or not np.isfinite(curve.lr).any():
        return curve.schedule == "constant"
    rates = curve.lr[np.isfinite(curve.lr)]
    after = rates[int(rates.argmax()) :]
    return bool(np.ptp(after) <= SAME_RATE * rates.max() and after.size > rates.size / 2)


def _ends(curve: LossCurve) -> Iterator[tuple[float, float]]:
    """Tokens and loss of each point that a run gives."""
    if not constant_rate(curve):
        yield curve.horizon_tokens, curve.horizon_loss
        return
    logged = curve.tokens > 0
    ln_t, loss = np.log(curve.tokens[logged]), curve.loss[logged]
    at = np.log(curve.horizon_tokens * ON_THE_WAY)
    at = at[at >= ln_t[0] + 2 * SMOOTHING]
    values = local_regression(ln_t, loss, at, width=SMOOTHING, degree=1, least=1, reach=8.0)
    yield from zip(np.exp(at).tolist(), values.tolist(), strict=True)
