"""Calibration: from training runs to a fitted schedule law, ready to forecast any other schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array, InputError
from ...theory import LossCurve
from .law_solution import TRUNK_NUMBERS, LawSolution, solve_law
from .rates import Rates, Units, rates_of
from .schedule_law import REGISTRY, ScheduleLaw
from .trunk import Trunk, build_trunk, need_trunk

__all__ = ["Calibration", "calibrate"]

EARLY = 0.05
"""Points before this share of the longest calibration run are not fitted: the trunk's power law has not set in."""
CORRELATED = 25.0
"""Neighbouring points of a run share their errors: information is this much less than that of independent points."""
EARLY_TRACED = 0.02
"""The same for laws on a measured trunk, as a share of each run."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A law fitted to calibration runs.

    Parameters
    ----------
    law
        Name of the law in the registry.
    status
        `"ok"`; `"not identified: NAMES"`: the runs do not determine these numbers (the bands say how far
        that matters);
        `"not converged"`: no two starts agree on the minimum; `"no decayed run"`: every run has a constant rate, so the
        response is the prior's. Nothing is claimed with `"too few points"`.
    solution
        The fit.
    units
        Of rates and time.
    curves, rates
        The runs used, in the same order.
    masks
        Which logged points were fitted.
    params
        The size the law holds for; NaN where one law holds for all sizes.
    left_out
        Runs given but not used, with the reason.
    donor
        Another size whose runs gave the response, where no run of this size decays; else None.
    """

    law: str
    status: str
    solution: LawSolution
    units: Units
    curves: tuple[LossCurve, ...]
    rates: tuple[Rates, ...]
    prepared: tuple[Any, ...]
    masks: tuple[NDArray[np.bool_], ...]
    trunk: Trunk | None
    params: float
    left_out: tuple[tuple[str, str], ...]
    donor: float | None = None

    @property
    def model(self) -> ScheduleLaw:
        """The law itself, bound to its units."""
        return self.solution.law

    def serves(self, params: float) -> bool:
        """Whether runs of this size can be forecast from this fit."""
        if self.trunk is None:
            return self.params == params
        return params in self.trunk.sizes or len(self.trunk.sizes) > 1

    def residuals(self) -> list[Array]:
        """`ln L - ln P` at every logged point of every run."""
        result = []
        for curve, prepared in zip(self.curves, self.prepared, strict=True):
            loss, _ = self.model.losses(self.solution.theta, prepared)
            result.append(np.log(curve.loss) - np.log(np.maximum(loss, 1e-12)))
        return result

    def earliest(self) -> float:
        """The earliest z that the law is trusted at: half of the first fitted one, or where its trunk begins."""
        if self.trunk is not None:
            return max(float(np.exp(t.ln_z[0])) for t in self.trunk.sizes.values())
        return 0.5 * min(float(r.z[r.first :][m][0]) for r, m in zip(self.rates, self.masks, strict=True) if m.any())

    def measured(self, z: Array, params: float) -> Array:
        """The loss logged at these times, before `earliest`, by the first logged run, of the size if there is one."""
        runs = range(len(self.curves))
        i = min(runs, key=lambda i: (self.curves[i].params != params, self.rates[i].z[self.rates[i].first]))
        return np.interp(z, self.rates[i].z[self.rates[i].first :], self.curves[i].loss)


def calibrate(curves: Sequence[LossCurve], *, law: str | None = None, params: float | None = None) -> Calibration:
    """Fit a schedule law to calibration runs.

    Parameters
    ----------
    curves
        Runs with learning rates. Laws without a measured trunk are fitted to the runs of one size; where none of them
        decays, they take the response from the nearest size with decayed runs.
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
    _check(curves, law)
    chosen = law or ("traced-response" if _traced(curves) else "response")
    if REGISTRY[chosen].needs_trunk:
        return _on_trunk(chosen, curves, params)
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
    return _of_one_size(chosen, curves, size)


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
    if law is not None and law not in REGISTRY:
        raise InputError(f"calibrate needs a law of {', '.join(sorted(REGISTRY))}; got {law!r}. Name one of these.")
    if len({c.clock for c in curves}) > 1:
        raise InputError(
            "calibrate needs runs with one clock; got some in tokens, some in steps. Give all of them tokens."
        )


def _on_trunk(name: str, curves: Sequence[LossCurve], params: float | None) -> Calibration:
    """A law on the measured trunk: fitted to the decayed runs of all sizes after their decay began."""
    units = _units(curves)
    rates = _rates(curves, units)
    trunk = need_trunk(build_trunk(curves, rates), params or curves[0].params, name, name == "traced-response")
    model: ScheduleLaw = REGISTRY[name](units, trunk)  # type: ignore[call-arg]
    left_out, used = [], []
    for i, (curve, r) in enumerate(zip(curves, rates, strict=True)):
        if r.constant or not r.decayed.any():
            left_out.append((curve.run, "trunk"))
        elif model.hindsight and curve.noise_trace is None:
            left_out.append((curve.run, "no noise_trace"))
        elif curve.params not in trunk.sizes and len(trunk.sizes) < 2:
            left_out.append((curve.run, "no constant-rate run of its size"))
        else:
            used.append(i)
    if not used:
        noise = " that carries `noise_trace`" if model.hindsight else ""
        raise InputError(f"calibrate with the law {name!r} needs a decayed run{noise}; got none. Add one.")
    masks = [rates[i].decayed & (rates[i].tau[rates[i].first :] >= EARLY_TRACED * rates[i].tau[-1]) for i in used]
    return _fitted(model, [curves[i] for i in used], [rates[i] for i in used], masks, trunk, left_out)


def _of_one_size(name: str, curves: Sequence[LossCurve], size: float) -> Calibration:
    """A law with its own trunk: fitted to the runs of one size.

    Where none of them decays, the response is that of the nearest size that has decayed runs: its numbers are held, the
    trunk's are fitted.
    """
    one = Units(max(_peak(c) for c in curves), 1.0)
    sizes_decayed = {c.params for c, r in zip(curves, _rates(curves, one), strict=True) if not r.constant}
    used = [c for c in curves if c.params == size]
    donor = None
    if size not in sizes_decayed and sizes_decayed and len(REGISTRY[name](one).parameters) > TRUNK_NUMBERS:
        donor = min(sizes_decayed, key=lambda p: abs(math.log(p / size)))
    units = _units([c for c in curves if c.params in (size, donor)])
    model = REGISTRY[name](units)
    left_out = [(c.run, "another size") for c in curves if c.params not in (size, donor)]

    def fit(runs: list[LossCurve], held: LawSolution | None) -> Calibration:
        rates = _rates(runs, units)
        masks = [(r.z[r.first :] >= EARLY) & (np.arange(r.first, r.z.size) >= r.warm) for r in rates]
        return _fitted(model, runs, rates, masks, None, left_out, held, donor if held else None)

    if donor is None:
        return fit(used, None)
    return fit(used, fit([c for c in curves if c.params == donor], None).solution)


def _fitted(
    model: ScheduleLaw, curves: Sequence[LossCurve], rates: Sequence[Rates], masks: Sequence[NDArray[np.bool_]],
    trunk: Trunk | None, left_out: list[tuple[str, str]], held: LawSolution | None = None, donor: float | None = None,
) -> Calibration:  # fmt: skip
    prepared = [model.prepare(r) for r in rates]
    solution = solve_law(model, prepared, [np.log(c.loss) for c in curves], masks, held=held)
    status = _status(solution, [] if held else rates, sum(int(m.sum()) for m in masks))
    params = math.nan if trunk is not None else curves[0].params
    return Calibration(
        model.name, status, solution, model.units, tuple(curves), tuple(rates), tuple(prepared), tuple(masks), trunk,
        params, tuple(left_out), donor,
    )  # fmt: skip


def _rates(curves: Sequence[LossCurve], units: Units) -> list[Rates]:
    return [rates_of(c.run, c.params, c.tokens, c.lr, units, c.noise_trace) for c in curves]  # type: ignore[arg-type]


def _peak(curve: LossCurve) -> float:
    return float(np.nanmax(curve.lr)) if curve.lr is not None else 0.0


def _traced(curves: Sequence[LossCurve]) -> bool:
    """Whether noise was traced along a run of constant and of decayed rate."""
    traced = [c for c in curves if c.noise_trace is not None and np.isfinite(c.noise_trace).any()]
    constant = [r.constant for r in _rates(traced, _units(curves))]
    return any(constant) and not all(constant)


def _units(curves: Sequence[LossCurve]) -> Units:
    """The highest rate of the runs, and the longest tau at that rate."""
    eta = max(_peak(c) for c in curves)
    if not eta > 0:
        raise InputError("calibrate needs a learning rate > 0 in some run; got only zeros. Mend the column `lr`.")
    return Units(eta, max(float(r.tau[-1]) for r in _rates(curves, Units(eta, 1.0))))


def _status(solution: LawSolution, rates: Sequence[Rates], points: int) -> str:
    law = solution.law
    if not np.isfinite(solution.theta).all() or points < 2 * len(law.parameters):
        return "too few points"
    if not solution.converged:
        return "not converged"
    if rates and all(r.constant for r in rates) and len(law.parameters) > TRUNK_NUMBERS:
        return "no decayed run"
    unknown = unidentified(solution)
    return f"not identified: {', '.join(unknown)}" if unknown else "ok"


def unidentified(solution: LawSolution) -> list[str]:
    """Names of the numbers that the runs leave open.

    Where a prior stands, one whose posterior is not narrower than 0.7 of it; else one that is known to no better than a
    factor e.
    """
    priors = np.array([0.0 if p.prior is None else 1.0 / p.prior[1] ** 2 for p in solution.law.parameters])
    information = (solution.curvature - np.diag(priors)) / CORRELATED + np.diag(priors)
    names = []
    values, vectors = np.linalg.eigh(information)
    variance = (vectors**2 / np.maximum(values, 1e-12)).sum(axis=1)
    for p, v in zip(solution.law.parameters, variance, strict=True):
        if math.sqrt(v) > (0.7 * p.prior[1] if p.prior is not None else 1.0):
            names.append(p.name)
    return names
