"""`calibrate`: from training runs to a fitted schedule law, ready to forecast any other schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...common import InputError, Source, opened
from ...theory import LossCurve
from . import LAWS
from .calibration import Calibration, LeftOut, Status
from .glitches import check_one_unit
from .law_solution import LawSolution, solve_law
from .logged_rates import Logged, completed, logged
from .rates import Rates, Units
from .schedule_law import POWER_LAW_NUMBERS, ScheduleLaw
from .shares import Optimizer, optimizer_of
from .trunk import build_trunk, need_trunk

__all__ = ["calibrate"]

EARLY = 0.05
"""Points before this share of the longest calibration run are not fitted: the trunk's power law has not set in."""
CORRELATED = 25.0
"""Neighbouring points of a run share their errors: information is this much less than that of independent points."""
LEAST_WEIGHT = 0.1
"""Of an early point, where the law weighs points by the progress made."""
EARLY_TRACED = 0.02
"""The same for laws on a measured trunk, as a share of each run."""


def calibrate(
    curves: Iterable[LossCurve] | Source, *, law: str | None = None, params: float | None = None
) -> Calibration:
    """Fit a schedule law to calibration runs.

    Parameters
    ----------
    curves
        Runs with learning rates, or the path of a table, or a frame. Laws without a measured trunk are fitted to the
        runs of one size; where none of them decays, they take the response from the nearest size with decayed runs.
    law
        Name in the registry; by default `traced-response` where a decayed and a constant-rate run carry `noise_trace`,
        else `response`.
    params
        The size to forecast; needed where the runs have several sizes and the law has no trunk.

    Raises
    ------
    InputError
        If a run has no learning rates, if no run of the size is left, or if the law is unknown or lacks a trunk.

    Examples
    --------
    >>> t = np.linspace(1e6, 1e8, 200)
    >>> def run(name, decay):
    ...     s = np.minimum(1.0, (1e8 - t) / (decay * 1e8))
    ...     tau = np.cumsum(s) * (t[1] - t[0])
    ...     loss = 2.0 + 0.5 * (tau / 1e8) ** -0.4 - 0.1 * (1 - s)
    ...     return LossCurve(run=name, params=1e6, tokens=t, loss=loss, lr=1e-3 * s)
    >>> fit = calibrate([run("a", 1e-9), run("b", 0.2), run("c", 1.0)])
    >>> fit.law, round(fit.solution.values["L0"], 1)
    ('response', 2.0)
    """
    curves = list(opened(curves, use_horizon=False))
    _check(curves, law)
    runs, optimizer = _logged(curves), optimizer_of(c.extra for c in curves)
    chosen = law or ("traced-response" if _traced(runs) else "response")
    if LAWS[chosen].needs_trunk:
        return replace(_on_trunk(chosen, runs, params), optimizer=optimizer)
    sizes = sorted({c.params for c in curves})
    if params is None and len(sizes) > 1:
        raise InputError(
            f"calibrate needs `params` where the runs have several sizes; got {len(sizes)} sizes. "
            "Say which one to forecast."
        )
    size = sizes[0] if params is None else params
    if size not in sizes:
        raise InputError(
            f"calibrate with the law {chosen!r} needs a calibration run of the target's size (params={size:.0f}); "
            f"got {', '.join(f'{p:.0f}' for p in sizes)}. Add one, or use extrapolate for another size."
        )
    return replace(_of_one_size(chosen, runs, size, optimizer), optimizer=optimizer)


def _check(curves: Sequence[LossCurve], law: str | None) -> None:
    """Refuse what no law can be fitted to."""
    if not curves:
        raise InputError("calibrate needs at least one calibration run; got none. Name a table with runs.")
    for curve in curves:
        if curve.lr is None or not np.isfinite(curve.lr).any():
            raise InputError(
                f"calibrate needs learning rates in column `lr`; got none for run {curve.run!r}. Add the column."
            )
        if (curve.loss <= 0).any():
            raise InputError(
                f"calibrate needs losses > 0 (residuals are logarithmic); got {curve.loss.min():g} in run "
                f"{curve.run!r}. Leave the run out."
            )
    if law is not None and law not in LAWS:
        raise InputError(f"calibrate needs a law of {', '.join(sorted(LAWS))}; got {law!r}. Name one of these.")
    if len({c.clock for c in curves}) > 1:
        raise InputError(
            "calibrate needs runs with one clock; got some in tokens, some in steps. Give all of them tokens."
        )


class _Run(NamedTuple):
    """A calibration run and its rates as they are read: without glitches, from the beginning."""

    curve: LossCurve
    log: Logged


def _logged(curves: Sequence[LossCurve]) -> list[_Run]:
    """The runs with their rates, mended where that can be done, in one unit."""
    logs = [logged(c.run, c.params, c.tokens, c.lr) for c in curves]  # type: ignore[arg-type]  # checked to be there
    check_one_unit({log.run: float(log.eta.max()) for log in logs}, "calibrate")
    return [_Run(c, log) for c, log in zip(curves, completed(logs), strict=True)]


def _on_trunk(name: str, runs: Sequence[_Run], params: float | None) -> Calibration:
    """A law on the measured trunk: fitted to the decayed runs of all sizes after their decay began."""
    units = _units(runs)
    rates = _rates(runs, units)
    curves = [run.curve for run in runs]
    trunk = need_trunk(build_trunk(curves, rates), params or curves[0].params, name, name == "traced-response")
    model: ScheduleLaw = LAWS[name](units, trunk)  # type: ignore[call-arg]
    left_out, used = [], []
    for i, (curve, r) in enumerate(zip(curves, rates, strict=True)):
        if r.constant or not r.decayed.any():
            left_out.append((curve.run, LeftOut.TRUNK))
        elif model.hindsight and curve.noise_trace is None:
            left_out.append((curve.run, LeftOut.NO_NOISE))
        elif curve.params not in trunk.sizes and len(trunk.sizes) < 2:
            left_out.append((curve.run, LeftOut.NO_TRUNK))
        else:
            used.append(i)
    if not used:
        noise = " that carries `noise_trace`" if model.hindsight else ""
        raise InputError(f"calibrate with the law {name!r} needs a decayed run{noise}; got none. Add one.")
    masks = [rates[i].decayed & (rates[i].tau[rates[i].first :] >= EARLY_TRACED * rates[i].tau[-1]) for i in used]
    fit = _fitted(model, [runs[i] for i in used], [rates[i] for i in used], masks)
    return replace(fit, trunk=trunk, params=math.nan, left_out=tuple(left_out))


def _of_one_size(name: str, runs: Sequence[_Run], size: float, optimizer: Optimizer | None) -> Calibration:
    """A law with its own trunk: fitted to the runs of one size.

    Where none of them decays, the response is that of the nearest size that has decayed runs: its numbers are held, the
    trunk's are fitted.
    """
    one = Units(max(_peak(run) for run in runs), 1.0)
    sizes_decayed = {run.curve.params for run, r in zip(runs, _rates(runs, one), strict=True) if not r.constant}
    used = [run for run in runs if run.curve.params == size]
    donor = None
    if size not in sizes_decayed and sizes_decayed and len(LAWS[name](one).parameters) > POWER_LAW_NUMBERS:
        donor = min(sizes_decayed, key=lambda p: abs(math.log(p / size)))
    units = _units([run for run in runs if run.curve.params in (size, donor)])
    model = LAWS[name](units).told(optimizer)
    left_out = tuple((run.curve.run, LeftOut.ANOTHER_SIZE) for run in runs if run.curve.params not in (size, donor))

    def fit(runs: list[_Run], held: LawSolution | None = None) -> Calibration:
        rates = _rates(runs, units)
        masks = [(r.z[r.first :] >= EARLY) & (np.arange(r.first, r.z.size) >= r.warm) for r in rates]
        return replace(_fitted(model, runs, rates, masks, held), left_out=left_out)

    if donor is None:
        return fit(used)
    return replace(fit(used, held=fit([run for run in runs if run.curve.params == donor]).solution), donor=donor)


def _fitted(
    model: ScheduleLaw, runs: Sequence[_Run], rates: Sequence[Rates], masks: Sequence[NDArray[np.bool_]],
    held: LawSolution | None = None,
) -> Calibration:  # fmt: skip
    """The law fitted to all of these runs, for the size of the first."""
    prepared = [model.prepare(r) for r in rates]
    curves = tuple(run.curve for run in runs)
    weights = [np.maximum((r.z[r.first :] / r.z[-1]) ** model.late_weight, LEAST_WEIGHT) for r in rates]
    solution = solve_law(model, prepared, [np.log(c.loss) for c in curves], masks, held=held, weights=weights)
    status, open_numbers = _status(solution, [] if held else rates, sum(int(m.sum()) for m in masks))
    return Calibration(
        law=model.name,
        status=status,
        unidentified=open_numbers,
        solution=solution,
        units=model.units,
        curves=curves,
        logs=tuple(run.log for run in runs),
        rates=tuple(rates),
        prepared=tuple(prepared),
        masks=tuple(masks),
        weights=tuple(weights),
        params=curves[0].params,
    )


def _rates(runs: Sequence[_Run], units: Units) -> list[Rates]:
    return [log.rates(units, curve.noise_trace) for curve, log in runs]


def _peak(run: _Run) -> float:
    return float(run.log.eta.max())


def _traced(runs: Sequence[_Run]) -> bool:
    """Whether noise was traced along a run of constant and of decayed rate."""
    traced = [run for run in runs if run.curve.noise_trace is not None and np.isfinite(run.curve.noise_trace).any()]
    constant = [r.constant for r in _rates(traced, _units(runs))]
    return any(constant) and not all(constant)


def _units(runs: Sequence[_Run]) -> Units:
    """The highest rate of the runs, and the longest tau at that rate."""
    eta = max(_peak(run) for run in runs)
    if not eta > 0:
        raise InputError("calibrate needs a learning rate > 0 in some run; got only zeros. Mend the column `lr`.")
    return Units(eta, max(float(r.tau[-1]) for r in _rates(runs, Units(eta, 1.0))))


def _status(solution: LawSolution, rates: Sequence[Rates], points: int) -> tuple[Status, tuple[str, ...]]:
    """What can be said of a fit, and the numbers that it leaves open."""
    law = solution.law
    if not np.isfinite(solution.theta).all() or points < 2 * len(law.parameters):
        return Status.TOO_FEW_POINTS, ()
    if not solution.converged:
        return Status.NOT_CONVERGED, ()
    if rates and all(r.constant for r in rates) and len(law.parameters) > POWER_LAW_NUMBERS:
        return Status.NO_DECAYED_RUN, ()
    unknown = _unidentified(solution)
    return (Status.NOT_IDENTIFIED if unknown else Status.OK), unknown


def _unidentified(solution: LawSolution) -> tuple[str, ...]:
    """Names of the numbers that the runs leave open.

    A number that changes none of the runs is not one of them. Where a prior stands, one whose posterior is not narrower
    than 0.7 of it; else one that is known to no better than a factor e.
    """
    priors = np.array([0.0 if p.prior is None else 1.0 / p.prior.sd**2 for p in solution.law.parameters])
    information = (solution.curvature - np.diag(priors)) / CORRELATED + np.diag(priors)
    values, vectors = np.linalg.eigh(information)
    variance = (vectors**2 / np.maximum(values, 1e-12)).sum(axis=1)
    told = np.diag(solution.curvature) - priors > 1e-9 * np.abs(np.diag(solution.curvature)).max()
    return tuple(
        p.name
        for p, v, matters in zip(solution.law.parameters, variance, told, strict=True)
        if (matters or p.prior is None) and math.sqrt(v) > (0.7 * p.prior.sd if p.prior is not None else 1.0)
    )
