r"""`extrapolate`: the whole loss curve of a size that has not been run, as scaling law times universal curve.

    L(x; p) = L0 + a C(p)^-b l(x),   x = t / t*(p)

`method="curves"` takes l from whole curves, and the law from the final losses and from where the curves collapse
(`curve_extrapolation`); `"ends"` takes the law from the final losses alone (`end_point_extrapolation`). Either is tried
on the ladder's own largest size, and the ladder is examined (`self_check`), before the answer is called `ok`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np

from ...common import PFLOP, Array, InputError, Source
from ...theory import Ladder, default_grid, losses_on_grid
from .cell_grid import cell_grid
from .curve_draws import quantiles
from .curve_extrapolation import from_curves
from .early_curve import early_curve, prepend_draws, prepend_expected
from .end_point_extrapolation import from_ends
from .extrapolation import Extrapolation
from .ladder_curves import LadderCurves
from .law_bend import law_bend
from .log_start import require_early_logs
from .new_size import NewSize, ladder_ends, new_size
from .offset_agreement import agree_on_offset
from .prediction import Method, MethodName, Prediction
from .reach import Reach, reach_of
from .self_check import FEWEST, LeftOut, SelfCheck, collapse_of, judge
from .shape_posterior import fit_shape
from .status import Status

__all__ = ["extrapolate"]

METHODS: dict[str, Method] = {"curves": from_curves, "ends": from_ends}
EARLY = np.geomspace(0.01, 0.1, 31)[:-1]
"""Where the curve is given before the project's grid begins."""


def extrapolate(
    ladder: Ladder | Source,
    params: float,
    *,
    tokens: float | None = None,
    method: str = "curves",
    level: float = 0.9,
    draws: int = 4000,
    seed: int = 0,
    far: bool = False,
) -> Extrapolation:
    r"""Predict the whole loss curve of a size from the curves of other sizes.

    Parameters
    ----------
    ladder
        At least 3 sizes of one schedule, one horizon a size, any number of seeds; or the path of a table, or a frame.
    params
        `p` of the new size, > 0.
    tokens
        Its horizon `t*`; default the power law `t* = kappa p^gamma` through the ladder's horizons.
    method
        `"curves"`: the law from final losses and from where whole curves collapse; `"ends"`: from final losses alone.
    level
        Coverage of bands and intervals, in (0, 1).
    draws, seed
        Draws behind the bands, >= 500, and the seed of their random numbers.
    far
        Whether to predict a size that is out of the ladder's reach (`reach`).

    Raises
    ------
    InputError
        An argument out of its domain, a size out of reach, fewer than 3 sizes, several schedules, several horizons for
        a size, logs that begin too late.

    References
    ----------
    Collapse: Qiu et al. 2025, section 2; models and likelihoods: `shape_posterior`, `level_posterior`.

    Examples
    --------
    >>> from scaling_collapse.theory import LossCurve
    >>> def run(p, seed):
    ...     x = np.linspace(0.02, 1, 50)
    ...     loss = 2 + p**-0.3 * (x**-0.5 + 1) * (1 + 1e-3 * seed)
    ...     return LossCurve(run=f"{p}-{seed}", params=p, tokens=20 * p * x, loss=loss, seed=seed)
    >>> found = extrapolate(Ladder([run(p, s) for p in (1e5, 2e5, 4e5, 8e5) for s in (-1, 1)]), 3.2e6)
    >>> str(found.status), round(found.final_loss, 3), round(2 + 2 * 3.2e6**-0.3, 3)
    ('ok', 2.022, 2.022)
    """
    ladder = Ladder.of(ladder)
    _check_options(params, tokens, method, level, draws)
    _check_ladder(ladder)
    name, grid = cast("MethodName", method), _grid(ladder)
    asked = _Asked(ladder=ladder, grid=grid, method=name, level=level, draws=draws, seed=seed)
    return _answer(asked, new_size(ladder, params, tokens), reach_of(ladder, params, far=far), given=tokens is not None)


class _Grid(NamedTuple):
    """Normalized compute at which a curve is predicted: before the project's grid, and on it."""

    early: Array
    late: Array

    @property
    def x(self) -> Array:
        return np.concatenate(self)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The ladder, and how its sizes are to be predicted."""

    ladder: Ladder
    grid: _Grid
    method: MethodName
    level: float
    draws: int
    seed: int

    def arrays(self) -> tuple[LadderCurves, list[Array]]:
        """The ladder's curves on the late grid, and each size's losses on the early one."""
        L, index, n = losses_on_grid(self.ladder, self.grid.x), self.ladder.size_index, self.grid.early.size
        runs = [L[index == i] for i in range(len(self.ladder.sizes))]
        C = ladder_ends(self.ladder)[1] / PFLOP
        late = [r[:, n:] for r in runs]
        curves = LadderCurves(params=np.array(self.ladder.sizes), C=C, runs=late, grid=cell_grid(self.grid.late))
        return curves, [r[:, :n] for r in runs]


def _grid(ladder: Ladder) -> _Grid:
    """What all runs have logged."""
    start = max(c.tokens[0] / c.horizon_tokens for c in ladder)
    return _Grid(EARLY[start <= EARLY], default_grid()[default_grid() >= start])


def _answer(asked: _Asked, new: NewSize, reach: Reach, *, given: bool) -> Extrapolation:
    """The prediction, checked; `given`: whether the caller gave the horizon."""
    found = _predicted(asked, new)
    check = _checked(asked, found) if found.status.claimed else None
    status, warnings = (found.status, ()) if check is None else judge(found.status, check, reach)
    return _extrapolation(asked, new, replace(found, status=status), check, warnings=warnings, given=given)


def _predicted(asked: _Asked, new: NewSize) -> Prediction:
    """The method's answer on the whole grid, or why there is none."""
    curves, early = asked.arrays()
    if min(r.min() for r in (*curves.runs, *early) if r.size) <= 0:
        return Prediction(status=Status.NOT_POSITIVE)
    ends = curves.means[:, -1]
    if ends[curves.C.argmax()] >= ends[curves.C.argmin()]:
        return Prediction(status=Status.NOT_DECREASING)
    rng = np.random.default_rng(asked.seed)
    found = METHODS[asked.method](asked.ladder, curves, new, level=asked.level, draws=asked.draws, rng=rng)
    if found.expected is None or not asked.grid.early.size:
        return found
    before = early_curve(curves, early, found.offset, new.params)
    return replace(
        found,
        expected=prepend_expected(before, found.expected, found.offset),
        draws=None if found.draws is None else prepend_draws(before, found.draws, rng),
    )


def _checked(asked: _Asked, found: Prediction) -> SelfCheck:
    """The ladder's own word on the prediction."""
    curves, _ = asked.arrays()
    offsets = found.offsets or agree_on_offset(curves, fit_shape(curves))
    verdict, drift = collapse_of(asked.ladder)
    bend = law_bend(offsets, np.random.default_rng(asked.seed))
    return SelfCheck(
        left_out=_left_out(asked),
        bend=bend,
        collapse=verdict,
        drift=drift,
        scatter=offsets.scatter,
        sizes=len(asked.ladder.sizes),
    )


def _left_out(asked: _Asked) -> LeftOut | None:
    """The ladder's largest size, predicted from the others in the same way."""
    top = asked.ladder.sizes[-1]
    rest = asked.ladder.select(lambda c: c.params < top)
    if len(asked.ladder.sizes) < FEWEST:
        return None
    ends = np.array([c.horizon_loss for c in asked.ladder.by_size[top]])
    new = new_size(rest, top, float(np.mean([c.horizon_tokens for c in asked.ladder.by_size[top]])))
    late = _Grid(asked.grid.early[:0], asked.grid.late)
    found = _predicted(replace(asked, ladder=rest, grid=late, draws=1000), new)
    if found.draws is None or found.expected is None:
        return None
    run = found.draws.single[:, -1] - found.draws.expected[:, -1]
    mean = found.draws.expected[:, -1] + run / math.sqrt(ends.size)
    low, high = quantiles(mean, 0.9)
    end, measured = float(found.expected[-1]), float(ends.mean())
    half = max(high - end, 1e-12) if measured > end else max(end - low, 1e-12)
    return LeftOut(params=top, error=end / measured - 1.0, half_width=float(half) / measured)


def _extrapolation(
    asked: _Asked, new: NewSize, found: Prediction, check: SelfCheck | None, *, warnings: tuple[str, ...], given: bool
) -> Extrapolation:
    """The answer with its bands, in tokens and FLOPs, and with everything that was assumed."""
    grid, level = asked.grid, asked.level
    unknown = np.full(grid.x.size, math.nan)
    low = high = expected_low = expected_high = unknown
    loss = unknown if found.expected is None else found.expected
    left_out = check.left_out if check else None
    if found.draws is not None:
        factor = left_out.factor if left_out else 1.0
        low, high = (loss + factor * (end - loss) for end in quantiles(found.draws.single, level))
        expected_low, expected_high = (loss + factor * (end - loss) for end in quantiles(found.draws.expected, level))
    about_logs: tuple[str, ...] = ()
    if grid.late.size < default_grid().size:
        about_logs = (f"The logs cover only x from {grid.late[0]:.3f} on, and so does the prediction.",)
    if asked.ladder.counts_steps:
        about_logs += (
            "Runs count steps, without tokens: this holds only if all sizes have one batch, the new one too.",
        )
    tokens = grid.x * new.horizon
    return Extrapolation(
        status=found.status,
        method=asked.method,
        params=new.params,
        horizon_tokens=new.horizon,
        tokens_given=given,
        x=grid.x,
        tokens=tokens,
        compute=new.compute(tokens),
        loss=loss,
        low=low,
        high=high,
        expected_low=expected_low,
        expected_high=expected_high,
        level=level,
        law=found.law,
        run_noise=found.run_noise,
        misfit=found.misfit,
        left_out=left_out,
        plan=found.plan,
        notes=(*new.notes, *about_logs, *found.notes),
        warnings=warnings,
        ladder=asked.ladder,
    )


def _check_ladder(ladder: Ladder) -> None:
    _check_sizes(ladder)
    _check_runs(ladder)


def _check_sizes(ladder: Ladder) -> None:
    sizes = ladder.sizes
    if len(sizes) < 3:
        names = ", ".join(f"{p:.0f}" for p in sizes)
        raise InputError(
            f"extrapolate needs at least 3 sizes; got {len(sizes)} (params={names}). Add runs of other sizes."
        )


def _check_options(params: float, tokens: float | None, method: str, level: float, draws: int) -> None:
    for name, value in (("params", params), ("tokens", 1.0 if tokens is None else tokens)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"extrapolate needs `{name}` > 0; got {value}. Give the new model's {name}.")
    if method not in METHODS:
        raise InputError(f"extrapolate needs `method` 'curves' or 'ends'; got {method!r}. Choose one.")
    if not 0 < level < 1:
        raise InputError(f"extrapolate needs a `level` between 0 and 1; got {level}. Use 0.9, for example.")
    if draws < 500:
        raise InputError(f"extrapolate needs at least 500 `draws`; got {draws}. Use 4000, for example.")


def _check_runs(ladder: Ladder) -> None:
    ladder.require_one_schedule("extrapolate")
    ladder.require_one_horizon_per_size("extrapolate")
    require_early_logs(ladder, "extrapolate")
