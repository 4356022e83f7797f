r"""`extrapolate`: the whole loss curve of a size that has not been run, as scaling law times universal curve.

    L(x; p) = L0 + a C(p)^-b l(x),   x = t / t*(p)

`method="curves"` estimates L0, a, b and l together from whole curves (`joint_law`); `"ends"` takes the law from the
final losses alone (`end_point_extrapolation`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...common import Array, InputError
from ...theory import Ladder, LossCurve, default_grid, losses_on_grid
from ..fits.final_loss_solution import solve
from ..fits.law_fit import fit_scaling_law
from .curve_noise import cell_grid
from .early_curve import early_curve, prepend
from .end_point_extrapolation import end_point_curve, end_point_draws
from .extrapolation_plan import PlanRow, plan
from .joint_law import CurveDraws, LadderCurves, fit_joint_law

__all__ = ["Extrapolation", "JointLaw", "extrapolate"]

Interval = tuple[float, float]
PFLOP = 1e15
EARLY = np.geomspace(0.01, 0.1, 31)[:-1]
"""Where the curve is given before the project's grid begins."""
UNKNOWN = (math.nan, math.nan)


@dataclass(frozen=True)
class JointLaw:
    """The scaling law behind an extrapolation, `L0 + a C^-b`, C in PFLOPs; NaN where nothing is claimed.

    Parameters
    ----------
    L0, a, b
        Irreducible loss, coefficient, exponent: posterior means (`ends`: the fit's minimum).
    L0_interval, a_interval, b_interval
        Equal-tailed at the extrapolation's level.
    """

    L0: float = math.nan
    a: float = math.nan
    b: float = math.nan
    L0_interval: Interval = UNKNOWN
    a_interval: Interval = UNKNOWN
    b_interval: Interval = UNKNOWN


@dataclass(frozen=True)
class Extrapolation:
    """The predicted loss curve of a new size.

    Parameters
    ----------
    status
        `"ok"`; `"L0 not identified"`: the interval of L0 is wider than the smallest reducible loss (the band says what
        that costs); `"no intervals"` (ends only): 3 sizes of one seed leave the error unknown. Nothing is claimed with
        `"losses not positive"` and `"not a decreasing law"`.
    method
        `"curves"` or `"ends"`.
    params, horizon_tokens
        The new size and its horizon `t*`.
    tokens_given
        Whether the caller gave the horizon; otherwise it was extrapolated from the ladder's.
    x, tokens, compute
        Where the curve is given: normalized compute, tokens, FLOPs; shape (n,).
    loss, low, high
        The expected curve, and the band that a single run lies in with probability `level`, point by point, shape (n,).
    expected_low, expected_high
        The band of the size's expected curve: `low` and `high` without the run's own noise.
    level
        Coverage of all bands and intervals.
    law
        The scaling law.
    run_noise, misfit
        Standard deviations at x = 1 relative to the reducible loss: of one run, of a size beyond its seeds; NaN if
        unknown.
    plan
        What further seeds and sizes would do to the band; empty for `ends`.
    notes
        Sentences about what was assumed.
    ladder
        The curves behind it.
    """

    status: str
    method: str
    params: float
    horizon_tokens: float
    tokens_given: bool
    x: Array
    tokens: Array
    compute: Array
    loss: Array
    low: Array
    high: Array
    expected_low: Array
    expected_high: Array
    level: float
    law: JointLaw
    run_noise: float
    misfit: float
    plan: tuple[PlanRow, ...]
    notes: tuple[str, ...]
    ladder: Ladder

    @property
    def final_loss(self) -> float:
        """The expected loss at the horizon."""
        return float(self.loss[-1])

    @property
    def final_interval(self) -> Interval:
        """The band of a single run at the horizon."""
        return float(self.low[-1]), float(self.high[-1])

    def curve(self) -> LossCurve:
        """The prediction as a `LossCurve` with the extra columns `loss_low` and `loss_high`; needs a claimed curve."""
        if not np.isfinite(self.loss).all():
            raise InputError(f"Extrapolation.curve needs a predicted curve; got status {self.status!r}. Add sizes.")
        first = self.ladder.curves[0]
        return LossCurve(
            run=f"extrapolated-{self.params:.0f}", params=self.params, tokens=self.tokens, loss=self.loss,
            compute=self.compute, schedule=first.schedule, clock=first.clock,
            extra={"loss_low": self.low, "loss_high": self.high},
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Everything by its English name; what is unknown is null."""
        names = (
            "status",
            "method",
            "params",
            "horizon_tokens",
            "tokens_given",
            "level",
            "final_loss",
            "final_interval",
        )
        arrays = ("x", "tokens", "compute", "loss")
        return {
            **{name: getattr(self, name) for name in names},
            "final_expected_interval": (self.expected_low[-1], self.expected_high[-1]),
            "law": vars(self.law),
            "run_noise": self.run_noise,
            "misfit": self.misfit,
            **{name: getattr(self, name) for name in arrays},
            "loss_low": self.low,
            "loss_high": self.high,
            "expected_low": self.expected_low,
            "expected_high": self.expected_high,
            "plan": [vars(row) for row in self.plan],
            "notes": list(self.notes),
        }


def extrapolate(
    ladder: Ladder,
    params: float,
    *,
    tokens: float | None = None,
    method: str = "curves",
    level: float = 0.9,
    draws: int = 4000,
    seed: int = 0,
) -> Extrapolation:
    r"""Predict the whole loss curve of a size from the curves of other sizes.

    Parameters
    ----------
    ladder
        At least 3 sizes of one learning-rate schedule, one horizon a size, any number of seeds for each.
    params
        `p` of the new size, > 0.
    tokens
        Its horizon `t*`; default the power law `t* = kappa p^gamma` through the ladder's horizons.
    method
        `"curves"`: L0, a, b and l(x) together from whole curves; `"ends"`: the law from final losses alone.
    level
        Coverage of bands and intervals, in (0, 1).
    draws, seed
        Draws behind the bands, >= 500, and the seed of their random numbers.

    Returns
    -------
    Extrapolation

    Raises
    ------
    InputError
        If an argument is out of its domain, or the ladder has under 3 sizes, several schedules, several horizons for a
        size, or logs that begin too late.

    References
    ----------
    Collapse: Qiu et al. 2025, section 2; model and likelihood: `joint_law`.

    Examples
    --------
    >>> def run(p, seed):
    ...     x = np.linspace(0.02, 1, 50)
    ...     loss = 2 + p**-0.3 * (x**-0.5 + 1) * (1 + 1e-3 * seed)
    ...     return LossCurve(run=f"{p}-{seed}", params=p, tokens=20 * p * x, loss=loss, seed=seed)
    >>> found = extrapolate(Ladder([run(p, s) for p in (1e5, 2e5, 4e5, 8e5) for s in (-1, 1)]), 3.2e6)
    >>> found.status, round(found.final_loss, 3), round(2 + 2 * 3.2e6**-0.3, 3)
    ('ok', 2.022, 2.022)
    """
    _check(ladder, params, tokens, method, level, draws)
    p = np.array(ladder.sizes)
    groups = list(ladder.by_size.values())
    horizons = np.array([np.mean([c.horizon_tokens for c in curves]) for curves in groups], dtype=np.float64)
    C = np.array([np.mean([c.horizon_compute for c in curves]) for curves in groups], dtype=np.float64)
    horizon, notes = _horizon(p, horizons, params, tokens)
    per_token, more = _compute_per_token(p, C / (p * horizons), params)
    notes += more

    start = max(c.tokens[0] / c.horizon_tokens for c in ladder)
    grid = default_grid()
    grid = grid[grid >= start]
    if grid.size < default_grid().size:
        notes.append(f"The logs cover only x from {grid[0]:.3f} on, and so does the prediction.")
    front = EARLY[start <= EARLY] if start < grid[0] <= default_grid()[0] else EARLY[:0]
    x = np.concatenate([front, grid])
    t = x * horizon
    nan = np.full(x.size, math.nan)
    blank = Extrapolation(
        "ok", method, float(params), horizon, tokens is not None, x, t, per_token * params * t, nan, nan, nan, nan, nan,
        level, JointLaw(), math.nan, math.nan, (), tuple(notes), ladder,
    )  # fmt: skip

    L, index = losses_on_grid(ladder, x), ladder.size_index
    runs = [L[index == i] for i in range(p.size)]
    curves = LadderCurves(p, C / PFLOP, [r[:, front.size :] for r in runs], cell_grid(grid))
    if L.min() <= 0:
        return replace(blank, status="losses not positive")
    ends = curves.means[:, -1]
    if ends[C.argmax()] >= ends[C.argmin()]:
        return replace(blank, status="not a decreasing law")
    rng = np.random.default_rng(seed)
    C_new = per_token * params * horizon / PFLOP
    result, expected, sample = (_from_curves if method == "curves" else _from_ends)(blank, curves, C_new, draws, rng)
    if expected is None:
        return result
    if front.size:
        early = early_curve(curves, [r[:, : front.size] for r in runs], result.law.L0, params)
        if sample is None:
            L0 = result.law.L0
            expected = np.concatenate([L0 + (expected[0] - L0) * np.exp(early.rise), expected])
        else:
            expected, sample = prepend(early, expected, sample, result.law.L0, rng)
    if sample is None:
        return replace(result, loss=expected)
    tails = (0.5 - level / 2, 0.5 + level / 2)
    low, high = np.quantile(sample.single, tails, axis=0)
    expected_low, expected_high = np.quantile(sample.expected, tails, axis=0)
    return replace(
        result, loss=expected, low=low, high=high, expected_low=expected_low, expected_high=expected_high
    )  # fmt: skip


def _from_curves(
    blank: Extrapolation, curves: LadderCurves, C: float, draws: int, rng: np.random.Generator
) -> tuple[Extrapolation, Array | None, CurveDraws | None]:
    """Law, plan and noise of the joint model, and its curve and draws on the grid."""
    found = fit_joint_law(curves)
    h, level = found.hypotheses, blank.level
    expected, sample = found.predict(blank.params, C, draws=draws, rng=rng)
    L0_interval = found.L0_interval(level)
    law = JointLaw(
        found.mean(h.L0), float(np.median(sample.a)), found.mean(found.b),
        L0_interval, _interval(sample.a, level), _interval(sample.b, level),
    )  # fmt: skip
    notes = list(blank.notes)
    if not found.noise.dof:
        notes.append("No size has two seeds: the noise of a run is inferred from how the sizes scatter about the law.")
    if law.b <= 0:
        return replace(blank, status="not a decreasing law", notes=tuple(notes)), None, None
    identified = L0_interval[1] - L0_interval[0] <= curves.means[:, -1].min() - law.L0
    end = curves.grid.v.size - 1
    noise = math.sqrt(found.mean(h.noise) * found.noise.Q[end, end] + found.noise.fast)
    result = replace(
        blank, status="ok" if identified else "L0 not identified", law=law, run_noise=noise,
        misfit=math.sqrt(found.mean(h.misfit**2)), plan=plan(found, blank.params, C, level), notes=tuple(notes),
    )  # fmt: skip
    return result, expected, sample


def _from_ends(
    blank: Extrapolation, curves: LadderCurves, C: float, draws: int, rng: np.random.Generator
) -> tuple[Extrapolation, Array | None, CurveDraws | None]:
    """The same from end points alone."""
    fit = fit_scaling_law(blank.ladder, level=blank.level)
    law = JointLaw(fit.L0, fit.a, fit.b, fit.L0_interval, fit.a_interval, fit.b_interval)
    result = replace(blank, status=fit.status, law=law)
    if math.isnan(fit.L0):
        return result, None, None
    best = solve(curves.C, curves.means[:, -1])
    expected = end_point_curve(curves, C, float(best.L0[0]), float(best.a[0]), float(best.b[0]))
    return result, expected, end_point_draws(curves, C, draws=draws, rng=rng)


def _interval(values: Array, level: float) -> Interval:
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def _horizon(p: Array, horizons: Array, params: float, tokens: float | None) -> tuple[float, list[str]]:
    """The new size's horizon, and what is to be said about it."""
    gamma, intercept = np.polyfit(np.log(p), np.log(horizons), 1)
    off = np.log(horizons) - intercept - gamma * np.log(p)
    rule = float(np.exp(intercept + gamma * math.log(params)))
    if tokens is None:
        note = (
            f"The horizon, {rule:.4g} tokens, was extrapolated from the ladder's own t* = kappa p^gamma, gamma = "
            f"{gamma:.4f} (which its sizes meet within {np.expm1(np.abs(off).max()):.1%})."
        )
        return rule, [note]
    if abs(math.log(tokens / rule)) <= 0.05:
        return float(tokens), []
    note = (
        f"The given horizon is {tokens / rule:.3g} times what the ladder's own rule gives ({rule:.4g}): law and curve "
        "are those of sizes that follow the rule."
    )
    return float(tokens), [note]


def _compute_per_token(p: Array, ratios: Array, params: float) -> tuple[float, list[str]]:
    """FLOPs per token and parameter of the new size: the ladder's, or its trend where sizes differ."""
    if np.ptp(np.log(ratios)) < 0.01:
        return float(np.exp(np.log(ratios).mean())), []
    slope, intercept = np.polyfit(np.log(p), np.log(ratios), 1)
    value = float(np.exp(intercept + slope * math.log(params)))
    return value, [f"FLOPs per token and parameter change along the ladder; {value:.3g} was extrapolated."]


def _check(ladder: Ladder, params: float, tokens: float | None, method: str, level: float, draws: int) -> None:
    sizes = ladder.sizes
    if len(sizes) < 3:
        names = ", ".join(f"{p:.0f}" for p in sizes)
        raise InputError(
            f"extrapolate needs at least 3 sizes; got {len(sizes)} (params={names}). Add runs of other sizes."
        )
    for name, value in (("params", params), ("tokens", 1.0 if tokens is None else tokens)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"extrapolate needs `{name}` > 0; got {value}. Give the new model's {name}.")
    if method not in ("curves", "ends"):
        raise InputError(f"extrapolate needs `method` 'curves' or 'ends'; got {method!r}. Choose one.")
    if not 0 < level < 1:
        raise InputError(f"extrapolate needs a `level` between 0 and 1; got {level}. Use 0.9, for example.")
    if draws < 500:
        raise InputError(f"extrapolate needs at least 500 `draws`; got {draws}. Use 4000, for example.")
    schedules = sorted({c.schedule for c in ladder if c.schedule is not None})
    if len(schedules) > 1:
        raise InputError(
            f"extrapolate needs runs of one schedule; got {', '.join(schedules)}. Choose one, for example with "
            f"--where schedule={schedules[0]}."
        )
    for p, curves in ladder.by_size.items():
        horizons = [c.horizon_tokens for c in curves]
        if max(horizons) > 1.01 * min(horizons):
            raise InputError(
                f"extrapolate needs one horizon per size; got {min(horizons):g} and {max(horizons):g} at "
                f"params={p:.0f}. Leave runs out, or mark the horizon in a column horizon_tokens."
            )
    late = max(ladder, key=lambda c: c.tokens[0] / c.horizon_tokens)
    start = late.tokens[0] / late.horizon_tokens
    if start > 0.5:
        raise InputError(
            f"extrapolate needs curves that are logged from the first half of training on; got run {late.run!r} from "
            f"{start:.0%} of its horizon on. Log earlier, or leave the run out."
        )
