r"""How far a forecast may be off: a standard deviation of `ln L` at every point of a target.

Five independent parts, added in squares:

1. point noise: what one logged loss scatters about its own curve, from second differences of the calibration runs;
2. run-to-run misfit: the residuals of the fit averaged over half octaves of time, with the fit's degrees of freedom;
3. parameters: `g V g'` with the sandwich covariance `V = H^-1 S H^-1`, scores clustered by half octaves of each run;
4. the law's own error: the share `law` of what the schedule changes in the loss, and `trunk` of what the trunk is
   extrapolated beyond the longest calibration run;
5. another peak rate: `peak` of the loss per factor of 2 beyond the calibrated ones; another size than any with a
   constant-rate run: `size` of the way from the nearest one's trunk.

The shares (`shares.py`) are not fitted to a user's runs: few runs cannot tell them. They are estimated from the errors
seen when runs of published tables were left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ...common import HUBER_DELTA, Array
from .calibration import Calibration
from .rates import Rates
from .response import OPTIMIZERS
from .schedule_law import Prior
from .shares import Shares, shares_for

__all__ = ["Parts", "Spread", "log_spread", "octaves_beyond", "parts_of", "reach", "shares_of", "spread_of"]

EARLY_SHARE = 0.02
"""Before the first fitted point the forecast is another run's measured loss: right to about this share."""
UNLOGGED_SHARE = 0.2
"""Before the first logged point of all, for each factor of e in time: the loss may have been far higher."""
POINTS_INSIDE, QUANTILE = 0.9, 1.6449
"""Point noise has heavy tails, and is larger early: its scale is the one that holds for this share of the points."""
BLOCKS_PER_OCTAVE = 2


@dataclass(frozen=True, eq=False, kw_only=True)
class Spread:
    """What the calibration runs say of errors: `point`, `run` (and `early` in a run) standard deviations
    of `ln L`, covariance `V`.
    """

    point: float
    run: float
    early: float
    covariance: Array

    def misfit(self, z: Array) -> Array:
        """Part 2 at these times of a run, shape of z: where points count little, the misfit may be larger."""
        share = np.clip(z / max(float(z[-1]), 1e-12), 0.0, 1.0) ** 2
        return np.sqrt(share * self.run**2 + (1.0 - share) * max(self.early, self.run) ** 2)


def spread_of(fit: Calibration) -> Spread:
    """Parts 1 to 3, from the residuals of the fit."""
    scores, means, counts, points = [], [], [], []
    runs = zip(fit.residuals(), fit.rates, fit.prepared, fit.masks, fit.weights, strict=True)
    for residual, rates, prepared, mask, weight in runs:
        e = residual[mask]
        if e.size < 5:
            continue
        loss, gradient = fit.model.losses(fit.solution.theta, prepared)
        g = (gradient / loss[:, None])[mask]
        second = np.diff(e, 2) / math.sqrt(6.0)
        points.append(float(np.quantile(np.abs(second - np.median(second)), POINTS_INSIDE)) / QUANTILE)
        block = np.floor(np.log2(np.maximum(rates.z[rates.first :][mask], 1e-9)) * BLOCKS_PER_OCTAVE)
        w = weight[mask]
        capped = w * np.clip(e, -HUBER_DELTA, HUBER_DELTA)
        for b in np.unique(block):
            inside = block == b
            scores.append((capped[inside, None] * g[inside]).sum(axis=0))
            means.append(float(e[inside].mean()))
            counts.append(float(w[inside].mean()))
    k = fit.solution.theta.size
    if not scores:
        return Spread(point=math.nan, run=math.nan, early=math.nan, covariance=np.full((k, k), np.nan))
    free = max(len(scores) - k, 1)
    B = np.array(scores)
    priors = np.diag([0.0 if p.prior is None else 1.0 / p.prior.sd**2 for p in fit.model.parameters])
    H = np.linalg.pinv(fit.solution.curvature * HUBER_DELTA**2, hermitian=True)
    S = B.T @ B * (len(scores) / free) + priors * HUBER_DELTA**4
    square, late = np.square(means), np.array(counts)
    inflated = len(scores) / free
    run = math.sqrt(inflated * float((late * square).sum() / late.sum()))
    early = math.sqrt(inflated * float(square.mean()))
    return Spread(point=float(np.median(points)), run=run, early=early, covariance=H @ S @ H)


class Parts(NamedTuple):
    """What a band is made of: the variance of parts 1 to 3, shape (n,), and what each share is a share of."""

    known: Array
    law: Array
    trunk: Array
    peak: float
    size: Array | float


def log_spread(
    fit: Calibration, spread: Spread, rates: Rates, loss: Array, gradient: Array, shares: Shares | None = None
) -> Array:
    """Standard deviation of `ln L` at the logged points of a target, shape (n,); shares by default those of the fit."""
    parts = parts_of(fit, spread, rates, loss, gradient)
    s = shares or shares_of(fit, spread)
    law = s.donor if fit.donor is not None else s.law
    own = (
        (law * parts.law) ** 2 + (s.trunk * parts.trunk) ** 2 + (s.peak * parts.peak) ** 2 + (s.size * parts.size) ** 2
    )
    return np.sqrt(parts.known + own)


def shares_of(fit: Calibration, spread: Spread) -> Shares:
    """The shares of the runs' kind of optimizer; where no run names it, what the sign of `b` says of it counts.

    `b` is positive under Adam and negative under plain SGD: two Gaussians (`response.OPTIMIZERS`), widened by what the
    runs leave open of it, are as probable before.
    """
    names = [p.name for p in fit.model.parameters]
    if fit.optimizer is not None or "b" not in names:
        return shares_for(fit.optimizer, 0.5)
    at = names.index("b")
    b, kinds = float(fit.solution.theta[at]), OPTIMIZERS["b"]
    open_ = max(float(spread.covariance[at, at]), 0.0)

    def density(prior: Prior) -> float:
        variance = prior.sd**2 + open_
        return math.exp(-((b - prior.mean) ** 2) / (2 * variance)) / math.sqrt(variance)

    adaptive, plain = density(kinds.adaptive) + 1e-12, density(kinds.plain) + 1e-12
    return shares_for(None, plain / (adaptive + plain))


def parts_of(fit: Calibration, spread: Spread, rates: Rates, loss: Array, gradient: Array) -> Parts:
    """The parts of the band of a target with this loss and its gradient in the fitted coordinates."""
    g = gradient / loss[:, None]
    parameters = np.einsum("ij,jk,ik->i", g, spread.covariance, g)
    flat, reached = _flat(fit, rates, rates.z), _flat(fit, rates, np.minimum(rates.z, reach(fit, rates)))
    known = spread.point**2 + spread.misfit(rates.z[rates.first :]) ** 2 + np.maximum(parameters, 0.0)
    return Parts(
        known=known,
        law=(flat - loss) / loss,
        trunk=(reached - flat) / loss,
        peak=0.0 if fit.model.peaks else abs(octaves_beyond(fit, rates)),  # else part 3 has it
        size=_between_sizes(fit, rates),
    )


def _between_sizes(fit: Calibration, rates: Rates) -> Array | float:
    """How far, in `ln L`, the trunk of a size without constant-rate run lies from that of the nearest size with one."""
    if fit.trunk is None or rates.params in fit.trunk.sizes:
        return 0.0
    nearest = min(fit.trunk.sizes, key=lambda p: abs(math.log(p / rates.params)))
    z = rates.z[rates.first :]
    return np.abs(np.log(fit.trunk.loss(rates.params, z) / fit.trunk.loss(nearest, z)))


def _flat(fit: Calibration, rates: Rates, z: Array) -> Array:
    """The loss at the same gradient-flow time, had the rate never left the reference."""
    one, none = np.ones_like(z), np.zeros_like(z)
    constant = replace(
        rates, z=z, tau=z * fit.units.tau, before=one, after=one, deficit_before=none, deficit_after=none
    )
    return fit.model.losses(fit.solution.theta, fit.model.prepare(constant))[0]


def reach(fit: Calibration, rates: Rates) -> float:
    """The gradient-flow time up to which the trunk is known, in units of the longest calibration run."""
    if fit.trunk is None:
        return 1.0
    return fit.trunk.reach.get(rates.params, min(fit.trunk.reach.values()))


def octaves_beyond(fit: Calibration, rates: Rates) -> float:
    """Factors of 2 by which the target's peak rate lies outside the calibrated peaks (signed)."""
    peaks = [r.peak for r in fit.rates] + ([1.0] if fit.trunk is not None else [])
    peak = rates.peak
    if peak <= 0:
        return 0.0
    if peak > max(peaks):
        return math.log2(peak / max(peaks))
    return -math.log2(min(peaks) / peak) if peak < min(peaks) else 0.0
