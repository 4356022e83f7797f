"""`measure_collapse`: from a ladder to scaling law, Delta(x), sigma(x) and a verdict with its reasons."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError
from ...theory import Ladder, collapse_deviation, default_grid, losses_on_grid, noise_floor, normalize
from ..fits.final_loss_solution import solve
from ..fits.law_fit import LawFit, fit_scaling_law
from ..fits.seed_bootstrap import resampled_runs
from .collapse_report import CollapseReport, SizeSummary, Supercollapse
from .verdict import SUPER_FROM, TOLERANCE, classify, excess_spread, supercollapse_from

__all__ = ["measure_collapse"]


def measure_collapse(
    ladder: Ladder,
    *,
    offset: float | None = None,
    x: ArrayLike | None = None,
    draws: int = 400,
    seed: int = 0,
) -> CollapseReport:
    r"""Measure whether, and how well, the loss curves of a ladder collapse.

    Each run is normalized by its own reducible loss at the horizon, `l(x) = (L(x t*) - L_hat) / (L(t*) - L_hat)`; the
    spread over sizes and seeds is `Delta(x) = sd[l] / mean[l]`, the noise floor of one size
    `sigma(x) = sd[L] / (mean[L] - L_hat)`, and `Delta < sigma` is supercollapse (MATH of `theory.collapse`).

    Parameters
    ----------
    ladder
        At least 2 sizes, one horizon per size, one learning-rate schedule. Seeds per size may differ.
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
    >>> report.verdict, round(report.law.L0, 2), report.supercollapse.fraction
    ('supercollapse', 0.1, 1.0)
    """
    _check(ladder)
    size_index = ladder.size_index
    grid = _covered_grid(ladder, x)
    L = losses_on_grid(ladder, grid)
    finals = L[:, -1]
    if offset is not None and not (math.isfinite(offset) and offset < finals.min()):
        worst = ladder.curves[int(finals.argmin())]
        raise InputError(
            f"measure_collapse needs an offset below every final loss; got {offset:g} and a final loss of "
            f"{finals.min():g} (run {worst.run!r}). Use a smaller offset."
        )
    law = fit_scaling_law(ladder, seed=seed, draws=max(draws, 1000))
    L_hat = law.L0 if offset is None else float(offset)
    usable = math.isfinite(L_hat) and L_hat < finals.min()

    nan = np.full(grid.size, math.nan)
    l = normalize(L, L_hat) if usable else np.full(L.shape, math.nan)
    delta = collapse_deviation(l, size_index) if usable else nan
    sigma = noise_floor(L, size_index, L_hat) if usable else nan
    spread = excess_spread(l, size_index) if usable else math.nan
    fraction, x_from = supercollapse_from(grid, delta, sigma)
    verdict = classify(spread, x_from) if usable else "undecided"

    reasons: list[str] = []
    low = high = nan
    interval = (math.nan, math.nan)
    if not usable:
        reasons.append(_why_no_offset(law, L_hat, float(finals.min())))
    else:
        if math.isfinite(fraction):
            interval = _fraction_interval(law.C, L, size_index, grid, offset, draws, seed)
        reasons += _describe(spread, fraction, x_from, interval, verdict)
        if offset is None:
            low, high, verdict, reason = _within_interval(law, L, size_index, grid, delta, verdict)
            reasons += reason
    if law.misfit > 2 and math.isfinite(law.misfit):
        reasons.append(
            f"The sizes' mean final losses miss the law by {law.misfit:.1f} times what seeds explain; its intervals "
            "are widened by that."
        )
    if grid[0] > 0.1001 and x is None:
        reasons.append(f"The logs cover only x from {grid[0]:.3f} on.")
    sizes = tuple(
        SizeSummary(p, seeds, float(final)) for p, seeds, final in zip(ladder.sizes, law.seeds, law.L, strict=True)
    )
    return CollapseReport(
        verdict, tuple(reasons), law, L_hat, grid, L, l, delta, sigma, low, high, spread,
        Supercollapse(fraction, x_from, interval), sizes, ladder,
    )  # fmt: skip


def _check(ladder: Ladder) -> None:
    sizes = ladder.sizes
    if len(sizes) < 2:
        raise InputError(
            f"measure_collapse needs at least 2 sizes; got {len(sizes)} (params={ladder.curves[0].params:.0f}). "
            "Add runs of another size."
        )
    schedules = sorted({c.schedule for c in ladder if c.schedule is not None})
    if len(schedules) > 1:
        raise InputError(
            f"measure_collapse needs runs of one schedule; got {', '.join(schedules)}. Choose one, for example with "
            f"--where schedule={schedules[0]}."
        )
    for p, curves in ladder.by_size.items():
        horizons = [c.horizon_tokens for c in curves]
        if max(horizons) > 1.01 * min(horizons):
            short, long = curves[int(np.argmin(horizons))], curves[int(np.argmax(horizons))]
            raise InputError(
                f"measure_collapse needs one horizon per size; got {min(horizons):g} (run {short.run!r}) and "
                f"{max(horizons):g} {long.clock} (run {long.run!r}) at params={p:.0f}. Leave runs out, or mark the "
                "horizon in a column horizon_tokens."
            )


def _covered_grid(ladder: Ladder, x: ArrayLike | None) -> Array:
    """The grid, cut where some run's log has not begun."""
    grid = default_grid() if x is None else np.asarray(x, dtype=np.float64)
    if grid.ndim != 1 or grid.size < 2 or not ((np.diff(grid) > 0).all() and grid[0] > 0 and grid[-1] == 1):
        raise InputError(f"measure_collapse needs `x` increasing in (0, 1] and ending at 1; got {grid}. Mend the grid.")
    starts = [c.tokens[0] / c.horizon_tokens for c in ladder]
    covered = grid[grid >= max(starts)]
    if covered.size < 20 and covered.size < grid.size:
        late = ladder.curves[int(np.argmax(starts))]
        raise InputError(
            f"measure_collapse needs curves that are logged from early in training; got run {late.run!r} from "
            f"{max(starts):.0%} of its horizon on. Log earlier, or leave the run out."
        )
    return covered


def _why_no_offset(law: LawFit, L_hat: float, smallest: float) -> str:
    if math.isfinite(L_hat):
        return (
            f"The fitted irreducible loss {L_hat:.6g} is not below the smallest final loss {smallest:.6g}: nothing can "
            "be normalized. Pass an offset that you know."
        )
    why = {
        "too few sizes": f"{len(law.L)} sizes do not identify L0 (3 parameters)",
        "losses not positive": "the law's residuals are logarithmic, and some final losses are not positive",
        "not a decreasing law": "the final losses do not fall with compute like L0 + a C^-b",
    }[law.status]
    return f"No irreducible loss: {why}. Add sizes, or pass an offset that you know."


def _describe(spread: float, fraction: float, x_from: float, interval: tuple[float, float], verdict: str) -> list[str]:
    size_words = (
        f"Beyond noise, sizes differ by {spread:.1%} of what the curve falls by ("
        + ("within" if spread <= TOLERANCE else "over")
        + f" the tolerance of {TOLERANCE:.0%})."
    )
    if math.isnan(fraction):
        return [size_words, "No size has two seeds: there is no noise floor to compare with."]
    where = (
        "and not at the end"
        if math.isnan(x_from)
        else f"from x = {x_from:.2f} on"
        + ("" if x_from <= SUPER_FROM else f", too late to count (at most {SUPER_FROM:.2f})")
    )
    noise_words = (
        f"Delta is below the noise floor sigma on {fraction:.1%} of x (90 % interval {interval[0]:.0%} to "
        f"{interval[1]:.0%}), {where}."
    )
    return [noise_words, size_words] if verdict != "no collapse" else [size_words, noise_words]


def _at(L: Array, size_index: NDArray[np.intp], grid: Array, offset: float) -> tuple[Array, float, str]:
    """Delta, fraction and verdict at one offset."""
    l = normalize(L, offset)
    delta = collapse_deviation(l, size_index)
    fraction, x_from = supercollapse_from(grid, delta, noise_floor(L, size_index, offset))
    return delta, fraction, classify(excess_spread(l, size_index), x_from)


def _within_interval(
    law: LawFit, L: Array, size_index: NDArray[np.intp], grid: Array, delta: Array, verdict: str
) -> tuple[Array, Array, str, list[str]]:
    """How Delta and the verdict move as L_hat moves within the law's interval."""
    nan = np.full(grid.size, math.nan)
    if math.isnan(law.L0_interval[0]):
        return nan, nan, "undecided", [
            f"L0 = {law.L0:.6g} comes without an interval (one seed of 3 sizes): add seeds or sizes, or pass an offset."
        ]  # fmt: skip
    top = L[:, -1].min()
    ends = np.linspace(law.L0_interval[0], min(law.L0_interval[1], top - 1e-3 * (top - law.L0)), 21)
    seen = [_at(L, size_index, grid, float(e)) for e in ends]
    deltas = np.stack([s[0] for s in seen] + [delta])
    low, high = deltas.min(axis=0), deltas.max(axis=0)
    middle = grid.size // 2
    words = (
        f"L0 = {law.L0:.6g}, 90 % interval {law.L0_interval[0]:.6g} to {law.L0_interval[1]:.6g}; inside it Delta at "
        f"x = {grid[middle]:.2f} moves between {low[middle]:.2g} and {high[middle]:.2g}"
    )
    verdicts = list(dict.fromkeys(s[2] for s in seen))
    if law.status == "L0 not identified":
        words = "L0 is not identified: " + words
    if verdicts == [verdict]:
        return low, high, verdict, [words + "; the verdict stays."]
    words += f" and the verdict runs over {', '.join(verdicts)}."
    # Between collapse and supercollapse the estimate decides; whether there is a collapse at all must not hang on L0.
    open_question = law.status == "L0 not identified" or "no collapse" in verdicts
    return low, high, "undecided" if open_question else verdict, [words]


def _fraction_interval(
    C: Array,
    L: Array,
    size_index: NDArray[np.intp],
    grid: Array,
    offset: float | None,
    draws: int,
    seed: int,
) -> tuple[float, float]:
    """90 % interval of the supercollapsed fraction: seeds resampled within sizes, L0 fitted to each resample."""
    resampled = resampled_runs(L, size_index, draws, np.random.default_rng(seed))
    sizes = range(size_index.max() + 1)
    finals = np.stack([resampled[:, size_index == s, -1].mean(axis=1) for s in sizes], axis=1)
    offsets = np.full(draws, offset) if offset is not None else solve(C, np.maximum(finals, 1e-300)).L0
    fractions = []
    for runs, L_hat in zip(resampled, offsets, strict=True):
        if L_hat >= runs[:, -1].min():
            continue
        delta = collapse_deviation(normalize(runs, L_hat), size_index)
        fractions.append(supercollapse_from(grid, delta, noise_floor(runs, size_index, L_hat))[0])
    low, high = np.quantile(fractions, [0.05, 0.95])
    return float(low), float(high)
