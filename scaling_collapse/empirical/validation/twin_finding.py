"""Ablations that nobody named: ladders whose curves differ from those of a healthy twin beside them.

Twins share a schedule and at least three sizes, and are of one task: by their manifests where both have one, else where
some shared size ends at nearly the same loss (what is scaled wrongly is right at one size at least). Where some have
the same horizons, only these are compared: others may follow another recipe. Of twins that are told apart the healthy
one is, in this order: not the one whose manifest gives every width the rates of one; the one with the lower losses at
the same compute, where that is sure; the one whose sizes differ less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..collapse.steepness import of_sizes
from .case import Case, Twin
from .twin_comparison import TIMES, compare_twins

__all__ = ["cost_of", "with_ablations"]

SAME_TASK = 0.1
"""Twins without manifests end within this share of each other's loss at one size at least."""
SAME_HORIZONS = 0.01
"""Horizons that are the same but for rounding to whole steps."""


def with_ablations(cases: Sequence[Case]) -> list[Case]:
    """The ladders, those marked as ablations that differ from a healthy twin among them; in the same order."""
    return [replace(case, ablation=True, twin=twin) if (twin := _twin_of(case, cases)) else case for case in cases]


def _twin_of(case: Case, cases: Sequence[Case]) -> Twin | None:
    """The healthy twin that a ladder differs from; None for the healthy one itself and for what has no twin."""
    if case.ablation or not case.usable:
        return None
    kin = [c for c in cases if c is not case and not c.ablation and c.usable and _twins(case, c)]
    kin = [c for c in kin if c.horizons_apart(case) <= SAME_HORIZONS] or kin
    if not kin:
        return None
    healthy = _healthiest([case, *kin])
    if healthy is case:
        return None
    found = compare_twins(case, healthy)
    if found is None or not found.detected:
        return None
    return Twin(healthy=healthy.name, reason=_reason(case, healthy))


def _twins(case: Case, other: Case) -> bool:
    return case.schedule == other.schedule and case.akin(other) and _same_task(case, other)


def _same_task(case: Case, other: Case) -> bool:
    if case.settings and other.settings:
        return case.settings.get("task") == other.settings.get("task")
    common = sorted(case.shared_sizes(other))
    ends = [np.array([np.mean([r.horizon_loss for r in c.ladder.by_size[p]]) for p in common]) for c in (case, other)]
    return bool((np.abs(ends[0] - ends[1]) <= SAME_TASK * np.abs(ends[1])).any())


def _healthiest(twins: Sequence[Case]) -> Case:
    """The one to compare the others with."""
    left = [c for c in twins if not _one_rate(c)] or list(twins)
    cheap = [c for c in left if not any(_costs_more(c, other) for other in left if other is not c)] or left
    return min(cheap, key=_deviation)


def _one_rate(case: Case) -> bool:
    """Whether its manifest says that every width had the learning rates of one width."""
    parametrization = (case.settings or {}).get("parametrization") or {}
    return parametrization.get("kind") == "constant"


def _costs_more(case: Case, other: Case) -> bool:
    cost, error = cost_of(case, other)
    return cost > TIMES * error


def _deviation(case: Case) -> float:
    assert case.report is not None
    value = case.report.deviation.value
    return value if math.isfinite(value) else math.inf


def _reason(case: Case, healthy: Case) -> str:
    """Why the twin was taken for the healthy one."""
    if _one_rate(case) and not _one_rate(healthy):
        return "by the manifest, which gives every width of the other the rates of one width"
    if _costs_more(case, healthy):
        cost, error = cost_of(case, healthy)
        lower = -math.expm1(-cost)
        return f"its losses at the same compute are lower by {lower:.1%} ({cost / error:.0f} standard errors)"
    assert case.report is not None
    assert healthy.report is not None
    apart = healthy.report.deviation.interval[1] < case.report.deviation.interval[0]
    return (
        f"its sizes differ by {_deviation(healthy):.1%} of the curve's fall, the other's by {_deviation(case):.1%}"
        f"{'' if apart else ', which is not sure: name the ablation if you know it'}"
    )


def cost_of(case: Case, other: Case) -> tuple[float, float]:
    """By how much the final losses of a ladder are above another's at the same compute, in logarithms, and its error.

    NaN where losses are not positive, the ladders have no compute in common, or no size has two seeds.
    """
    ends = [_ends(c) for c in (case, other)]
    if any(end is None for end in ends):
        return math.nan, math.nan
    (log_c, log_l, error), (other_c, other_l, other_error) = (end for end in ends if end is not None)
    low, high = max(log_c.min(), other_c.min()), min(log_c.max(), other_c.max())
    if not low < high:
        return math.nan, math.nan
    at = np.linspace(low, high, 50)
    cost = np.interp(at, log_c, log_l) - np.interp(at, other_c, other_l)
    return float(cost.mean()), math.hypot(error, other_error)


def _ends(case: Case) -> tuple[np.ndarray, np.ndarray, float] | None:
    """`ln(p t*)` and `ln L` at the horizon of the sizes, and the error of the mean of `ln L` over sizes."""
    finals = np.array([c.horizon_loss for c in case.ladder])
    if not (finals > 0).all():
        return None
    means = of_sizes(np.log(finals), case.ladder.size_index)
    log_c = np.log([p * runs[0].horizon_tokens for p, runs in case.ladder.by_size.items()])
    order = np.argsort(log_c)
    return log_c[order], means.mean[order], float(np.sqrt((means.error**2).mean() / means.mean.size))
