"""`measure_collapse`: from a ladder to law, Delta(x), sigma(x), a verdict, who deviates and what to try next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...common import Array, InputError, Source
from ...theory import Ladder
from ..fits.intervals import MANY, UNKNOWN, t_quantile
from ..fits.law_fit import LawFit, fit_scaling_law
from .chosen_offset import ChosenOffset, choose_offset, ends_below
from .collapse_at_offset import CollapseAtOffset, collapse_at_offset, delta_range
from .collapse_report import CollapseReport, Deviation, SizeSummary, Supercollapse
from .culprits import find_culprits
from .curve_offset import CurveOffset, curve_offset
from .curves_on_grid import CurvesOnGrid, curves_on_grid
from .diagnosis import Diagnosis, diagnose
from .evidence import evidence_at
from .law_misses import LawMiss, law_errors, law_misses
from .next_steps import next_steps
from .power import power_of
from .reasons import reasons_of
from .steepness import of_sizes
from .supercollapse_interval import fraction_interval
from .suspect_runs import SuspectRun, suspect_runs
from .verdict import Verdict, deviation_interval, tolerance_of
from .without_offset import measure_without_offset

__all__ = ["measure_collapse"]

BY_STEPS = (
    "Runs were logged by steps, without tokens: curves are compared as they are, but nothing of compute (a, b, gamma) "
    "is given, and an error of horizons is one in steps. Add tokens, or a batch_size."
)


def measure_collapse(
    ladder: Ladder | Source, *, offset: float | None = None, x: ArrayLike | None = None, draws: int = 400, seed: int = 0
) -> CollapseReport:
    r"""Measure whether, and how well, the loss curves of a ladder collapse, and what is wrong where they do not.

    Each run is normalized by its own reducible loss at the horizon, `l(x) = (L(x t*) - L_hat) / (L(t*) - L_hat)`; the
    spread over sizes and seeds is `Delta(x) = sd[l] / mean[l]`, the noise floor of one size
    `sigma(x) = sd[L] / (mean[L] - L_hat)`. Sizes agree where the variance between their mean curves, beyond noise, is
    small against the curve's fall (`scale_deviation`); `Delta` below the floor of the seeds makes it a supercollapse.
    Runs that left their siblings are set aside and named; where they matter, the verdict is undecided.

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
    suspects = suspect_runs(curves.x, curves.L, curves.size_index)
    rows = {suspect.index for suspect in suspects}
    kept, kept_ladder = curves.without(rows), Ladder(c for i, c in enumerate(ladder) if i not in rows)
    if offset is not None:
        _require_offset_below(kept_ladder, kept.finals, offset)
    law = fit_scaling_law(kept_ladder, seed=seed, draws=max(draws, 1000))
    fitted = _with_law(law, kept, kept_ladder, offset, seed)
    return _report(ladder, curves, suspects, fitted, draws=draws, rng=np.random.default_rng(seed))


class _Fitted(NamedTuple):
    """The runs without the suspect ones, their law and how it is missed, the offsets, and what the curves say."""

    kept: CurvesOnGrid
    law: LawFit
    miss: LawMiss | None
    best: CurveOffset
    chosen: ChosenOffset
    found: Diagnosis

    @property
    def known(self) -> bool:
        """Whether the caller gave the offset."""
        return self.chosen.source == "given"


def _with_law(law: LawFit, kept: CurvesOnGrid, ladder: Ladder, offset: float | None, seed: int) -> _Fitted:
    """The offset to use, and what the curves say at it."""
    start = law.L0 if offset is None else offset
    finals = of_sizes(kept.finals, kept.size_index)
    miss = law_misses(law.C, finals, start if math.isfinite(start) else 0.0, known=offset is not None)
    best = curve_offset(kept.L, kept.size_index)
    chosen = choose_offset(offset, law, miss, best, ladder, seed=seed)
    found = diagnose(kept, chosen.value, chosen.interval)
    return _Fitted(kept=kept, law=law, miss=miss, best=best, chosen=chosen, found=found)


def _report(
    ladder: Ladder,
    curves: CurvesOnGrid,
    suspects: Sequence[SuspectRun],
    fitted: _Fitted,
    *,
    draws: int,
    rng: np.random.Generator,
) -> CollapseReport:
    """The verdict with its reasons, culprits, next steps and intervals."""
    kept, law, miss, best, chosen, found = fitted
    verdict = _with_suspects(found, curves, chosen, suspects)
    elsewhere = fitted.known and kept.finals.min() > law.L0
    at_law = evidence_at(kept, law.L0) if elsewhere else None
    culprits = find_culprits(ladder, suspects, found, miss, law, at_law=at_law)
    here = found.evidence.collapse if found.evidence else collapse_at_offset(kept, math.nan)
    inside = [collapse_at_offset(kept, end) for end in _offsets_inside(chosen, here, kept.finals)]
    low, high = delta_range([here, *inside]) if inside else np.full((2, curves.x.size), math.nan)
    power = power_of(
        found.evidence, found.elsewhere, law_errors(law.C, found.finals, chosen.value, known=fitted.known)
    )  # fmt: skip
    ends = fraction_interval(kept, here, _drawn_offsets(chosen, draws, rng), rng)
    reasons = reasons_of(
        verdict, found, curves, chosen=chosen, law=law, suspects=suspects, names=[c.run for c in ladder], power=power,
        fraction_interval=ends, delta_range=(low, high),
    )  # fmt: skip
    reasons = (*reasons, BY_STEPS) if law.by_steps else reasons
    return CollapseReport(
        verdict=verdict, reasons=reasons, law=law, offset=here.offset, offset_source=chosen.source,
        offset_interval=chosen.interval, x=curves.x, losses=curves.L,
        normalized=_normalized(curves.L, here.offset), delta=here.delta, sigma=here.sigma, floor=here.floor,
        sigma_by_size=here.sigma_by_size, delta_low=low, delta_high=high,
        deviation=_deviation(found), trend=found.trend,
        supercollapse=Supercollapse(fraction=here.fraction, x_from=here.x_from, interval=ends), culprits=culprits,
        next=next_steps(verdict, culprits, found.evidence, kept.log_horizon, power), power=power, curve_offset=best,
        without_offset=measure_without_offset(kept, best, chosen), sizes=_sizes(ladder, curves, kept, here),
        ladder=ladder,
        suspects=tuple(suspects), kept=kept, evidence=found.evidence,
    )  # fmt: skip


def _require_offset_below(ladder: Ladder, finals: Array, offset: float) -> None:
    if not (math.isfinite(offset) and offset < finals.min()):
        worst = ladder.curves[int(finals.argmin())]
        raise InputError(
            f"measure_collapse needs an offset below every final loss; got {offset:g} and a final loss of "
            f"{finals.min():g} (run {worst.run!r}). Use a smaller offset."
        )


def _with_suspects(
    found: Diagnosis, curves: CurvesOnGrid, chosen: ChosenOffset, suspects: Sequence[SuspectRun]
) -> Verdict:
    """The verdict without the suspect runs where it is the same with them, or where sizes differ even so."""
    if not suspects or found.verdict is Verdict.NO_COLLAPSE:
        return found.verdict
    everyone = diagnose(curves, chosen.value, chosen.interval).verdict
    return found.verdict if everyone is found.verdict else Verdict.UNDECIDED


def _offsets_inside(chosen: ChosenOffset, here: CollapseAtOffset, finals: Array) -> list[float]:
    """Offsets over the interval of the one in use, up to just below the smallest final loss; none where it is known."""
    ends = ends_below(chosen.interval, here.offset, float(finals.min()))
    return np.linspace(ends[0], ends[-1], 21).tolist() if ends and math.isfinite(here.offset) else []


def _drawn_offsets(chosen: ChosenOffset, draws: int, rng: np.random.Generator) -> Array:
    """Offsets as uncertain as the one in use: normal on either side, with its interval for their 90 %."""
    if chosen.interval is None or math.isnan(chosen.interval[0]):
        return np.full(draws, chosen.value)
    z = rng.standard_normal(draws) / t_quantile(MANY)
    down, up = chosen.value - chosen.interval[0], chosen.interval[1] - chosen.value
    return chosen.value + z * np.where(z < 0, down, up)


def _normalized(L: Array, offset: float) -> Array:
    """Normalized curves of all runs; NaN for a run that ends at or below the offset, as a suspect one may."""
    reducible = L[:, -1:] - offset
    return np.where(reducible > 0, (L - offset) / np.where(reducible > 0, reducible, 1.0), math.nan)


def _deviation(found: Diagnosis) -> Deviation:
    """How much sizes differ, with its interval and tolerance."""
    if found.evidence is None:
        return Deviation(value=math.nan, interval=UNKNOWN, tolerance=math.nan)
    return Deviation(
        value=found.evidence.deviation.value,
        interval=deviation_interval(found.evidence, found.elsewhere),
        tolerance=tolerance_of(found.evidence),
    )


def _sizes(ladder: Ladder, curves: CurvesOnGrid, kept: CurvesOnGrid, here: CollapseAtOffset) -> tuple[SizeSummary, ...]:
    """The sizes, with what their seeds scatter by in the middle of training; suspect runs are counted."""
    middle = curves.x.size // 2
    sigma = dict(zip(kept.log_p.tolist(), here.sigma_by_size[:, middle].tolist(), strict=True))
    return tuple(
        SizeSummary(
            params=p,
            seeds=len(runs),
            final_loss=float(np.mean([c.horizon_loss for c in runs])),
            sigma=sigma.get(float(curves.log_p[i]), math.nan),
        )
        for i, (p, runs) in enumerate(ladder.by_size.items())
    )
