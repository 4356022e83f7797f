"""How long single steps take: the loop is run, and stopped early where steps are long."""

from __future__ import annotations

import time

from torch.optim import Optimizer

from .hooks import Hooks
from .models.model import Model
from .training_log import TrainingLog

__all__ = ["EnoughError", "StepTimes"]


class EnoughError(Exception):
    """Ends the loop: enough steps were timed."""


class StepTimes(Hooks):
    """Notes the time after each step.

    Parameters
    ----------
    steps
        Steps to time, besides the first; fewer where they take long, but at least 2.
    seconds
        How long is long.
    """

    def __init__(self, *, steps: int, seconds: float) -> None:
        self.steps, self.seconds = steps, seconds
        self.times: list[float] = []

    def after_step(self, step: int, model: Model, optimizer: Optimizer, log: TrainingLog) -> None:
        """Note the time, and raise `EnoughError` where there are enough."""
        if model.flat.is_cuda:
            model.flat[0].item()  # wait for the device
        self.times.append(time.perf_counter())
        if step > self.steps or (step > 2 and self.times[-1] - self.times[0] > self.seconds):
            raise EnoughError
