"""Calibration: from training runs to a fitted schedule law, ready to forecast any other schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...theory import InputError, LossCurve
from .base import REGISTRY, ScheduleLaw
from .fit import LawSolution, solve_law
from .history import Rates, Units, rates_of
from .trunk import Trunk, build_trunk, need_trunk

__all__ = ["Calibration", "calibrate"]

Array = NDArray[np.float64]
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

    @property
    def model(self) -> ScheduleLaw:
        """The law itself, bound to its units."""
        return self.solution.law

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

    def measured(self, z: Array) -> Array:
        """The loss that the run with the earliest point logged at these times: what is known before `earliest`."""
        i = int(np.argmin([r.z[r.first] for r in self.rates]))
        return np.interp(z, self.rates[i].z[self.rates[i].first :], self.curves[i].loss)


def calibrate(curves: Sequence[LossCurve], *, law: str | None = None, params: float | None = None) -> Calibration:
    """Fit a schedule law to calibration runs.

    Parameters
    ----------
    curves
        Runs with learning rates. Laws without a trunk are fitted to the runs of one size.
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
    left_out: list[tuple[str, str]] = []
    chosen = law or ("traced-response" if _traced(curves) else "response")
    on_trunk = REGISTRY[chosen].needs_trunk
    used = list(curves)
    if not on_trunk:
        sizes = sorted({c.params for c in curves})
        if params is None and len(sizes) > 1:
            raise InputError(
                f"calibrate needs `params` where the runs have several sizes; got {len(sizes)} sizes. "
                "Say which one to forecast."
            )
        size = sizes[0] if params is None else params
        used = [c for c in curves if c.params == size]
        left_out += [(c.run, "another size") for c in curves if c.params != size]
        if not used:
            raise InputError(
                f"calibrate with the law {chosen!r} needs a calibration run of the target's size (params={size:.0f}); "
                f"got {', '.join(f'{p:.0f}' for p in sizes)}. Add one, or use extrapolate for another size."
            )
    units = _units(used)
    rates = [rates_of(c.run, c.params, c.tokens, c.lr, units, c.noise_trace) for c in used]  # type: ignore[arg-type]
    trunk = None
    if on_trunk:
        trunk = need_trunk(build_trunk(used, rates), params or used[0].params, chosen, chosen == "traced-response")
        model: ScheduleLaw = REGISTRY[chosen](units, trunk)  # type: ignore[call-arg]
        decayed = [i for i, r in enumerate(rates) if r.decayed.any() and not r.constant]
        left_out += [(used[i].run, "trunk") for i in range(len(used)) if i not in decayed]
        if chosen == "noise":
            left_out += [(used[i].run, "no noise_trace") for i in decayed if used[i].noise_trace is None]
            decayed = [i for i in decayed if used[i].noise_trace is not None]
        if not decayed:
            noise = " that carries `noise_trace`" if chosen == "noise" else ""
            raise InputError(f"calibrate with the law {chosen!r} needs a decayed run{noise}; got none. Add one.")
        used, rates = [used[i] for i in decayed], [rates[i] for i in decayed]
        masks = [r.decayed & (r.tau[r.first :] >= EARLY_TRACED * r.tau[-1]) for r in rates]
    else:
        model = REGISTRY[chosen](units)
        masks = [
            (r.z[r.first :] >= EARLY) & (np.arange(len(c)) + r.first >= r.warm)
            for r, c in zip(rates, used, strict=True)
        ]
    prepared = [model.prepare(r) for r in rates]
    ln_losses = [np.log(c.loss) for c in used]
    solution = solve_law(model, prepared, ln_losses, masks)
    status = _status(solution, rates, sum(int(m.sum()) for m in masks))
    return Calibration(
        chosen, status, solution, units, tuple(used), tuple(rates), tuple(prepared), tuple(masks), trunk,
        math.nan if on_trunk else used[0].params, tuple(left_out),
    )  # fmt: skip


def _traced(curves: Sequence[LossCurve]) -> bool:
    """Whether noise was traced along a run of constant and of decayed rate."""
    units = _units(curves)
    constant = decayed = False
    for curve in curves:
        if curve.noise_trace is None or not np.isfinite(curve.noise_trace).any():
            continue
        rates = rates_of(curve.run, curve.params, curve.tokens, curve.lr, units)  # type: ignore[arg-type]
        constant |= rates.constant
        decayed |= not rates.constant
    return constant and decayed


def _units(curves: Sequence[LossCurve]) -> Units:
    """The highest rate of the runs, and the longest tau at that rate."""
    eta = max(float(np.nanmax(c.lr)) for c in curves if c.lr is not None)
    if not eta > 0:
        raise InputError("calibrate needs a learning rate > 0 in some run; got only zeros. Mend the column `lr`.")
    one = Units(eta, 1.0)
    return Units(eta, max(float(rates_of(c.run, c.params, c.tokens, c.lr, one).tau[-1]) for c in curves))  # type: ignore[arg-type]


def _status(solution: LawSolution, rates: Sequence[Rates], points: int) -> str:
    law = solution.law
    if not np.isfinite(solution.theta).all() or points < 2 * len(law.parameters):
        return "too few points"
    if not solution.converged:
        return "not converged"
    if all(r.constant for r in rates) and len(law.parameters) > 3:
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
