"""Under which schedule a run was trained: what its learning rates say and, where it has none, what its table says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...sgd_noise_model.laws.rates import Units, rates_of
from ...theory import LossCurve

__all__ = ["RunSchedule", "schedule_of"]


@dataclass(frozen=True, kw_only=True)
class RunSchedule:
    """The schedule of a run.

    Parameters
    ----------
    name
        As the table writes it; None where it does not.
    constant
        Whether the learning rate stays constant after warm-up; None where neither rates nor a name say so.
    decay_fraction
        The share of training over which the rate decays; None where the table does not say it.
    """

    name: str | None
    constant: bool | None
    decay_fraction: float | None

    @property
    def label(self) -> str:
        """In words, with the share of training that decays where the table has it.

        >>> RunSchedule(name="linear", constant=False, decay_fraction=0.2).label
        'linear 0.2'
        """
        if self.constant:
            return "constant"
        name = self.name or "unnamed schedule"
        return name if self.decay_fraction is None else f"{name} {self.decay_fraction:g}"


def schedule_of(curve: LossCurve) -> RunSchedule:
    """The schedule of a run; logged learning rates count for more than the schedule's name.

    >>> run = LossCurve(run="a", params=1e6, tokens=[1.0, 2.0], loss=[2.0, 1.0], schedule="const", lr=[1e-3, 1e-4])
    >>> schedule_of(run).constant
    False
    """
    return RunSchedule(name=curve.schedule, constant=_is_constant(curve), decay_fraction=curve.decay_fraction)


def _is_constant(curve: LossCurve) -> bool | None:
    if curve.lr is not None and np.isfinite(curve.lr).any() and np.nanmax(curve.lr) > 0:
        units = Units(float(np.nanmax(curve.lr)), 1.0)
        # Schedules that end at 0 are sometimes logged a rounding error below it.
        lr = np.maximum(curve.lr, 0.0)
        return rates_of(curve.run, curve.params, curve.tokens, lr, units).constant
    return None if curve.schedule is None else curve.schedule in ("const", "constant")
