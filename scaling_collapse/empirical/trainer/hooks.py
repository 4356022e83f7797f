"""What happens around the training loop."""

from __future__ import annotations

from torch.optim import Optimizer

from .models.model import Model
from .training_log import TrainingLog

__all__ = ["Hooks"]


class Hooks:
    """Called by the loop at the start of a size, after every step and at its end; these do nothing."""

    def restore(self, model: Model, optimizer: Optimizer, log: TrainingLog) -> int:
        """Bring all three to a saved state and return its step; 0 without one."""
        return 0

    def after_step(self, step: int, model: Model, optimizer: Optimizer, log: TrainingLog) -> None:
        """Called after every step."""

    def finish(self, step: int, model: Model, log: TrainingLog) -> None:
        """Called when the size is done, after `step` steps."""
