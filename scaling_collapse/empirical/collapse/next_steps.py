"""What to try next, in one or two lines: from the verdict and the culprits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...common import count
from .culprits import Culprit
from .evidence import Evidence
from .power import Power
from .size_trend import slope_on
from .verdict import Verdict

__all__ = ["next_steps"]


def next_steps(
    verdict: Verdict, culprits: Sequence[Culprit], found: Evidence | None, log_horizon: np.ndarray, power: Power
) -> tuple[str, ...]:
    """Sentences that say what to do, the most useful first, at most three.

    Parameters
    ----------
    verdict, culprits, power
        What was found.
    found
        The evidence; None where nothing can be normalized.
    log_horizon
        `ln t*` of the sizes, shape (sizes,).
    """
    hot = [c for c in culprits if c.cause == "rate" and isinstance(c.subject, float)]
    steps = [_for(c, found, log_horizon) for c in culprits if len(hot) < 2 or c not in hot]
    if len(hot) > 1:
        names = ", ".join(count(c.subject) for c in hot if isinstance(c.subject, float))
        steps.insert(0, f"Lower the learning rate (or raise the batch size) of sizes {names} and train them again.")
    if verdict in (Verdict.SUPERCOLLAPSE, Verdict.COLLAPSE) and not culprits:
        steps.append("Predict a larger size: scaling-collapse extrapolate RUNS --params N.")
    if found is None and not steps:
        steps.append("Pass the irreducible loss of your task with --offset if you know it, or add sizes.")
    if verdict is Verdict.UNDECIDED and found is not None and not culprits:
        steps.append(
            "Add seeds, and a size well above or below the others: both narrow the interval."
            if found.seeded
            else "Train two more seeds of each size: without seeds, noise and differences of size look the same."
        )
    if math.isnan(power.gamma_error) and found is not None and not found.seeded and len(steps) < 2:
        steps.append("Two seeds of each size would tell noise from scaling.")
    return tuple(dict.fromkeys(steps))[:3]


def _for(culprit: Culprit, found: Evidence | None, log_horizon: np.ndarray) -> str:
    """What to do about one culprit."""
    subject = culprit.subject if isinstance(culprit.subject, str) else ""
    size = count(culprit.subject) if isinstance(culprit.subject, float) else ""
    if culprit.kind == "run":
        if culprit.cause == "endpoint":
            return f"Look at the end of run {subject!r}: was its last point logged otherwise, or on other data?"
        return f"Look at run {subject!r} (data, restarts, loss spikes) and train it again with another seed."
    if culprit.kind == "trend" and culprit.cause == "horizon" and found is not None:
        return _horizons(found, log_horizon)
    if culprit.kind == "size" and culprit.cause == "horizon" and found is not None:
        longer = found.pattern.shift > 0
        gamma = float(slope_on(found.log_p, log_horizon))
        factor = math.exp(abs(found.pattern.shift) / max(found.trend.exponent, 1e-6) * gamma)
        way = "longer" if longer else "shorter"
        by = f", up to {factor:.1f} times" if factor < 20 else ""
        return f"Train size {size} again: it looks as if its horizon should be {way}{by}."
    if culprit.cause == "rate":
        where = f"size {size}" if size else "the largest sizes"
        return f"Lower the learning rate (or raise the batch size) of {where} and train again."
    if culprit.kind == "offset":
        return "Leave out --offset, or pass one inside the interval of the fitted L0."
    if culprit.cause == "break":
        return f"Do not extrapolate across the break: fit the sizes from {size} on by themselves."
    return f"Train size {size} again, or leave it out: its final loss alone is off, its curve is not."


def _horizons(found: Evidence, log_horizon: np.ndarray) -> str:
    """What the exponent should be if the horizons make the drift, and what that means for the largest sizes."""
    gamma, error = float(slope_on(found.log_p, log_horizon)), found.trend.gamma_error
    if not (math.isfinite(error) and error > -0.9 and abs(error) <= 0.5 and gamma > 0):
        return (
            "The curves' shape changes with size by more than a wrong horizon explains: leave out the smallest sizes, "
            "or check rate and batch of the largest."
        )
    right = gamma / (1.0 + error)
    top = np.sort(found.log_p)[-2:].mean() - found.log_p.mean()
    factor = math.exp((right - gamma) * top)
    way = "slowly" if error < 0 else "fast"
    return (
        f"If horizons are the cause, they grow too {way}: exponent {gamma:.2f} instead of {right:.2f}. Train the two "
        f"largest sizes again at {factor:.2g} times their tokens."
    )
