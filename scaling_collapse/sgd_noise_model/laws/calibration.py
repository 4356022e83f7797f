"""`Calibration`: a schedule law fitted to training runs, and what can be said of the fit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array, Result, plain
from ...theory import LossCurve
from .law_solution import LawSolution
from .logged_rates import Logged
from .rates import Rates, Units
from .schedule_law import ScheduleLaw
from .shares import Optimizer
from .trunk import Trunk

__all__ = ["Calibration", "LeftOut", "Status"]


MOST_NOTES = 4
"""Of what was mended in the runs' rates."""


class Status(StrEnum):
    """What can be said of a fit."""

    OK = "ok"
    NOT_IDENTIFIED = "not identified"
    """The runs do not determine some numbers; the bands say how far that matters."""
    NOT_CONVERGED = "not converged"
    """No two starts agree on the minimum."""
    NO_DECAYED_RUN = "no decayed run"
    """Every run has a constant rate, so the response is the prior's."""
    TOO_FEW_POINTS = "too few points"
    """Nothing is claimed."""


class LeftOut(StrEnum):
    """Why a run that was given is not fitted."""

    TRUNK = "trunk"
    ANOTHER_SIZE = "another size"
    NO_NOISE = "no noise_trace"
    NO_TRUNK = "no constant-rate run of its size"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Calibration(Result):
    """A law fitted to calibration runs.

    Parameters
    ----------
    law
        Name of the law in the registry.
    status
        Whether, and how far, the fit may be trusted.
    unidentified
        Names of the numbers that the runs do not determine, where that is the status.
    solution
        The fit.
    units
        Of rates and time.
    curves, logs, rates
        The runs used, in the same order: as given, with their rates mended, and as the law sees them.
    prepared
        What the law read off the rates.
    masks, weights
        Which logged points were fitted, and how much each of them counts.
    params
        The size the law holds for; NaN where one law holds for all sizes.
    trunk
        The measured constant-rate curves that the law builds on; None for laws with a power law of their own.
    left_out
        Runs given but not used, with the reason.
    optimizer
        Its kind, where the runs name it in a column `optimizer`; else None.
    donor
        Another size whose runs gave the response, where no run of this size decays; else None.
    """

    law: str
    status: Status
    unidentified: tuple[str, ...] = ()
    solution: LawSolution
    units: Units
    curves: tuple[LossCurve, ...]
    logs: tuple[Logged, ...]
    rates: tuple[Rates, ...]
    prepared: tuple[Any, ...]
    masks: tuple[NDArray[np.bool_], ...]
    weights: tuple[Array, ...]
    params: float
    trunk: Trunk | None = None
    left_out: tuple[tuple[str, LeftOut], ...] = ()
    donor: float | None = None
    optimizer: Optimizer | None = None

    def headline(self) -> str:
        """The law, and whether it may be trusted."""
        return f"Calibration of the law {self.law} ({self.status_in_words})"

    def lines(self) -> list[tuple[str, str]]:
        """The runs, and the law's numbers."""
        runs = f"{len(self.curves)} fitted, {len(self.left_out)} left out"
        values = self.solution.values
        return [("runs", runs), *((p.name, f"{values[p.name]:.4g}, {p.meaning}") for p in self.model.parameters)]

    def to_json(self) -> dict[str, Any]:
        """Law, status, numbers and runs; what is unknown is null."""
        return plain(
            {
                "law": self.law,
                "hindsight": self.model.hindsight,
                "status": self.status_in_words,
                "parameters": self.solution.values,
                "calibrated_on": [c.run for c in self.curves],
                "left_out": dict(self.left_out),
                "params": self.params,
                "donor": self.donor,
            }
        )

    @property
    def status_in_words(self) -> str:
        """The status, and the numbers that are not identified by name."""
        return f"{self.status}: {', '.join(self.unidentified)}" if self.unidentified else str(self.status)

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

    @property
    def notes(self) -> tuple[str, ...]:
        """What was mended in the runs' rates, and whether they have several peaks, in words."""
        said = [note for log in self.logs for note in log.notes]
        return tuple(dict.fromkeys(said[:MOST_NOTES])) + (
            (f"and {len(said) - MOST_NOTES} more notes on the learning rates",) if len(said) > MOST_NOTES else ()
        )

    def begins(self, params: float) -> float:
        """The z of the first logged point of the run that `measured` reads."""
        i = self._first(params)
        return float(self.rates[i].z[self.rates[i].first])

    def _first(self, params: float) -> int:
        """Number of the run that was logged first, of the size if there is one."""
        runs = range(len(self.curves))
        return min(runs, key=lambda i: (self.curves[i].params != params, self.rates[i].z[self.rates[i].first]))

    def measured(self, z: Array, params: float) -> Array:
        """The loss logged at these times, before `earliest`, by the first logged run, of the size if there is one."""
        i = self._first(params)
        return np.interp(z, self.rates[i].z[self.rates[i].first :], self.curves[i].loss)
