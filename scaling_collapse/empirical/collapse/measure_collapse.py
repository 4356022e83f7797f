"""`measure_collapse`: from a ladder to scaling law, Delta(x), sigma(x) and a verdict with its reasons."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ...common import Array, InputError, Source
from ...theory import Ladder, collapse_deviation, noise_floor, normalize
from ..fits.final_loss_solution import solve
from ..fits.intervals import UNKNOWN, Interval
from ..fits.law_fit import LawFit, fit_scaling_law
from ..fits.seed_bootstrap import resampled_runs
from .collapse_at_offset import CollapseAtOffset, collapse_at_offset, delta_range, supercollapse_from
from .collapse_report import CollapseReport, SizeSummary, Supercollapse
from .curves_on_grid import CurvesOnGrid, curves_on_grid
from .verdict import judge

__all__ = ["measure_collapse"]


def measure_collapse(
    ladder: Ladder | Source, *, offset: float | None = None, x: ArrayLike | None = None, draws: int = 400, seed: int = 0
) -> CollapseReport:
    r"""Measure whether, and how well, the loss curves of a ladder collapse.

    Each run is normalized by its own reducible loss at the horizon, `l(x) = (L(x t*) - L_hat) / (L(t*) - L_hat)`; the
    spread over sizes and seeds is `Delta(x) = sd[l] / mean[l]`, the noise floor of one size
    `sigma(x) = sd[L] / (mean[L] - L_hat)`, and `Delta < sigma` is supercollapse (MATH of `theory.collapse`).

    Parameters
    ----------
    ladder
        At least 2 sizes, one horizon per size, one schedule, any number of seeds; or the path of a table, or a frame.
    offset
        `L_hat`, loss; default the fitted irreducible loss L0, which needs at least 3 sizes. Below every final loss.
    x
        Grid of normalized compute in (0, 1], increasing, ending at 1; default 181 points from 0.1.
    draws, seed
        Bootstrap resamples, >= 100, and the seed of their random numbers.

    Returns
    -------
    CollapseReport

    Raises
    ------
    InputError
        If the ladder has one size, horizons that differ within a size, several schedules, or final losses at or below
        `offset`.

    References
    ----------
    Qiu et al. 2025, section 2.

    Examples
    --------
    >>> from scaling_collapse.theory import LossCurve
    >>> def run(p, seed):
    ...     t = np.linspace(1, 100, 100) * p / 100
    ...     loss = (t**-0.5 + p**-0.5) * (1 + 1e-3 * seed) + 0.1
    ...     return LossCurve(run=f"{p}-{seed}", params=p, tokens=t, loss=loss, seed=seed)
    >>> report = measure_collapse(Ladder([run(p, s) for p in (1e4, 4e4, 16e4, 64e4) for s in (0, 1, 2)]))
    >>> str(report.verdict), round(report.law.L0, 2), report.supercollapse.fraction
    ('supercollapse', 0.1, 1.0)
    """
    ladder = Ladder.of(ladder)
    curves = curves_on_grid(ladder, x)
    if offset is not None:
        _require_offset_below(ladder, curves.finals, offset)
    law = fit_scaling_law(ladder, seed=seed, draws=max(draws, 1000))
    L_hat = law.L0 if offset is None else float(offset)
    here = collapse_at_offset(curves, L_hat if curves.finals.min() > L_hat else math.nan)
    inside = [collapse_at_offset(curves, end) for end in _offsets_inside(law, here, curves.finals, offset)]
    interval = _fraction_interval(curves, here, law.C, offset, rng=np.random.default_rng(seed), draws=draws)
    return _report(ladder, law, curves, here, inside, interval=interval, offset_known=offset is not None)


def _require_offset_below(ladder: Ladder, finals: Array, offset: float) -> None:
    if not (math.isfinite(offset) and offset < finals.min()):
        worst = ladder.curves[int(finals.argmin())]
        raise InputError(
            f"measure_collapse needs an offset below every final loss; got {offset:g} and a final loss of "
            f"{finals.min():g} (run {worst.run!r}). Use a smaller offset."
        )


def _offsets_inside(law: LawFit, here: CollapseAtOffset, finals: Array, known: float | None) -> list[float]:
    """Offsets over the interval of L0, up to just below the smallest final loss; none where it is known or unusable."""
    if known is not None or math.isnan(here.offset) or math.isnan(law.L0_interval[0]):
        return []
    top = finals.min()
    return np.linspace(law.L0_interval[0], min(law.L0_interval[1], top - 1e-3 * (top - law.L0)), 21).tolist()


def _fraction_interval(
    curves: CurvesOnGrid, here: CollapseAtOffset, C: Array, known: float | None, *, rng: np.random.Generator, draws: int
) -> Interval:
    """90 % interval of the supercollapsed fraction: seeds resampled within sizes, L0 fitted to each resample."""
    if not math.isfinite(here.fraction):
        return UNKNOWN
    x, size_index = curves.x, curves.size_index
    resampled = resampled_runs(curves.L, size_index, draws, rng)
    sizes = range(size_index.max() + 1)
    finals = np.stack([resampled[:, size_index == s, -1].mean(axis=1) for s in sizes], axis=1)
    offsets = np.full(draws, known) if known is not None else solve(C, np.maximum(finals, 1e-300)).L0
    fractions = []
    for runs, L_hat in zip(resampled, offsets, strict=True):
        if L_hat >= runs[:, -1].min():
            continue
        delta = collapse_deviation(normalize(runs, L_hat), size_index)
        fractions.append(supercollapse_from(x, delta, noise_floor(runs, size_index, L_hat))[0])
    low, high = np.quantile(fractions, [0.05, 0.95])
    return float(low), float(high)


def _report(
    ladder: Ladder,
    law: LawFit,
    curves: CurvesOnGrid,
    here: CollapseAtOffset,
    inside: list[CollapseAtOffset],
    *,
    interval: Interval,
    offset_known: bool,
) -> CollapseReport:
    """What was measured, with the verdict."""
    verdict, reasons = judge(law, curves, here, inside, fraction_interval=interval, offset_known=offset_known)
    low, high = delta_range([here, *inside]) if inside else np.full((2, curves.x.size), math.nan)
    return CollapseReport(
        verdict=verdict,
        reasons=reasons,
        law=law,
        offset=here.offset,
        x=curves.x,
        losses=curves.L,
        normalized=here.normalized,
        delta=here.delta,
        sigma=here.sigma,
        delta_low=low,
        delta_high=high,
        spread=here.spread,
        supercollapse=Supercollapse(fraction=here.fraction, x_from=here.x_from, interval=interval),
        sizes=tuple(
            SizeSummary(params=p, seeds=seeds, final_loss=float(final))
            for p, seeds, final in zip(ladder.sizes, law.seeds, law.L, strict=True)
        ),
        ladder=ladder,
    )
