r"""`extrapolate`: the whole loss curve of a size that has not been run, as scaling law times universal curve.

    L(x; p) = L0 + a C(p)^-b l(x),   x = t / t*(p)

`method="curves"` estimates L0, a, b and l together from whole curves (`joint_law`); `"ends"` takes the law from the
final losses alone (`end_point_extrapolation`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np

from ...common import PFLOP, Array, InputError, Source
from ...theory import Ladder, default_grid, losses_on_grid
from .cell_grid import cell_grid
from .curve_draws import quantiles
from .early_curve import early_curve, prepend_draws, prepend_expected
from .end_point_extrapolation import from_ends
from .extrapolation import Extrapolation
from .joint_extrapolation import from_curves
from .ladder_curves import LadderCurves
from .new_size import NewSize, ladder_ends, new_size
from .prediction import Method, MethodName, Prediction

__all__ = ["extrapolate"]

METHODS: dict[str, Method] = {"curves": from_curves, "ends": from_ends}
EARLY = np.geomspace(0.01, 0.1, 31)[:-1]
"""Where the curve is given before the project's grid begins."""
LATEST_START = 0.5
"""Where in its training a run's log may begin at the latest."""


def extrapolate(
    ladder: Ladder | Source,
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
        At least 3 sizes of one schedule, one horizon a size, any number of seeds; or the path of a table, or a frame.
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
    >>> from scaling_collapse.theory import LossCurve
    >>> def run(p, seed):
    ...     x = np.linspace(0.02, 1, 50)
    ...     loss = 2 + p**-0.3 * (x**-0.5 + 1) * (1 + 1e-3 * seed)
    ...     return LossCurve(run=f"{p}-{seed}", params=p, tokens=20 * p * x, loss=loss, seed=seed)
    >>> found = extrapolate(Ladder([run(p, s) for p in (1e5, 2e5, 4e5, 8e5) for s in (-1, 1)]), 3.2e6)
    >>> found.status, round(found.final_loss, 3), round(2 + 2 * 3.2e6**-0.3, 3)
    ('ok', 2.022, 2.022)
    """
    ladder = Ladder.of(ladder)
    _check_sizes(ladder)
    _check_options(params, tokens, method, level, draws)
    _check_runs(ladder)
    new, grid = new_size(ladder, params, tokens), _grid(ladder)
    found = _predicted(ladder, new, grid, method=method, level=level, draws=draws, seed=seed)
    return _extrapolation(ladder, new, grid, found, tokens_given=tokens is not None, method=method, level=level)


class _Grid(NamedTuple):
    """Normalized compute at which a curve is predicted: before the project's grid, and on it."""

    early: Array
    late: Array

    @property
    def x(self) -> Array:
        return np.concatenate(self)


def _grid(ladder: Ladder) -> _Grid:
    """What all runs have logged."""
    start = max(c.tokens[0] / c.horizon_tokens for c in ladder)
    return _Grid(EARLY[start <= EARLY], default_grid()[default_grid() >= start])


def _predicted(
    ladder: Ladder, new: NewSize, grid: _Grid, *, method: str, level: float, draws: int, seed: int
) -> Prediction:
    """The method's answer on the whole grid, or why there is none."""
    L, index, n = losses_on_grid(ladder, grid.x), ladder.size_index, grid.early.size
    if L.min() <= 0:
        return Prediction(status="losses not positive")
    runs = [L[index == i] for i in range(len(ladder.sizes))]
    C = ladder_ends(ladder)[1] / PFLOP
    late = [r[:, n:] for r in runs]
    curves = LadderCurves(params=np.array(ladder.sizes), C=C, runs=late, grid=cell_grid(grid.late))
    ends = curves.means[:, -1]
    if ends[C.argmax()] >= ends[C.argmin()]:
        return Prediction(status="not a decreasing law")
    rng = np.random.default_rng(seed)
    found = METHODS[method](ladder, curves, new, level=level, draws=draws, rng=rng)
    if found.expected is None or n == 0:
        return found
    early = early_curve(curves, [r[:, :n] for r in runs], found.law.L0, new.params)
    return replace(
        found,
        expected=prepend_expected(early, found.expected, found.law.L0),
        draws=None if found.draws is None else prepend_draws(early, found.draws, rng),
    )


def _extrapolation(
    ladder: Ladder, new: NewSize, grid: _Grid, found: Prediction, *, tokens_given: bool, method: str, level: float
) -> Extrapolation:
    """The answer with its bands, in tokens and FLOPs, and with everything that was assumed."""
    unknown = np.full(grid.x.size, math.nan)
    low = high = expected_low = expected_high = unknown
    if found.draws is not None:
        low, high = quantiles(found.draws.single, level)
        expected_low, expected_high = quantiles(found.draws.expected, level)
    about_logs: tuple[str, ...] = ()
    if grid.late.size < default_grid().size:
        about_logs = (f"The logs cover only x from {grid.late[0]:.3f} on, and so does the prediction.",)
    if ladder.counts_steps:
        about_logs += (
            "Runs count steps, without tokens: this holds only if all sizes have one batch, the new one too.",
        )
    tokens = grid.x * new.horizon
    return Extrapolation(
        status=found.status,
        method=cast("MethodName", method),
        params=new.params,
        horizon_tokens=new.horizon,
        tokens_given=tokens_given,
        x=grid.x,
        tokens=tokens,
        compute=new.compute(tokens),
        loss=unknown if found.expected is None else found.expected,
        low=low,
        high=high,
        expected_low=expected_low,
        expected_high=expected_high,
        level=level,
        law=found.law,
        run_noise=found.run_noise,
        misfit=found.misfit,
        plan=found.plan,
        notes=(*new.notes, *about_logs, *found.notes),
        ladder=ladder,
    )


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
    late = max(ladder, key=lambda c: c.tokens[0] / c.horizon_tokens)
    start = late.tokens[0] / late.horizon_tokens
    if start > LATEST_START:
        raise InputError(
            f"extrapolate needs curves that are logged from the first half of training on; got run {late.run!r} from "
            f"{start:.0%} of its horizon on. Log earlier, or leave the run out."
        )
