"""Progress and checkpoints of one size while it trains."""

from __future__ import annotations

import threading
import time

from torch.optim import Optimizer

from .hooks import Hooks
from .models.model import Model
from .run_folder import RunFolder
from .size_plan import SizePlan
from .training_log import TrainingLog
from .training_progress import TrainingProgress

__all__ = ["SizeHooks"]

REPORT_SECONDS = 0.5


class SizeHooks(Hooks):
    """What the loop calls while it trains a size of a run.

    Parameters
    ----------
    size
        The size.
    folder
        Where its checkpoints and its speed go.
    progress
        Of all sizes.
    stop
        Once set, the size ends at its next step.
    checkpoint_seconds
        Time between checkpoints, >= 0.
    """

    def __init__(
        self,
        size: SizePlan,
        folder: RunFolder,
        progress: TrainingProgress,
        *,
        stop: threading.Event,
        checkpoint_seconds: float,
    ) -> None:
        self.size, self.folder, self.progress, self.stop, self.every = size, folder, progress, stop, checkpoint_seconds

    def restore(self, model: Model, optimizer: Optimizer, log: TrainingLog) -> int:
        """The checkpoint of the size, if there is one that belongs to this run."""
        self.first = self.folder.restore(self.size, model, optimizer, log)
        self.progress.report(self.size, self.first, 0, log)
        self.begin = time.monotonic()
        self.next_save, self.next_report = self.begin + self.every, self.begin
        return self.first

    def after_step(self, step: int, model: Model, optimizer: Optimizer, log: TrainingLog) -> None:
        """Save and report where it is time to."""
        if self.stop.is_set():
            raise InterruptedError("training was stopped")
        now = time.monotonic()
        if self.folder.writes and now >= self.next_save and step < self.size.steps:
            self.folder.save(self.size, step, model, optimizer, log)
            self.next_save = time.monotonic() + self.every
        if now >= self.next_report or step == self.size.steps:
            self.progress.report(self.size, step, step - self.first, log)
            self.next_report = now + REPORT_SECONDS

    def finish(self, step: int, model: Model, log: TrainingLog) -> None:
        """Save the end, and how fast the size was, unless it was there already."""
        made, seconds = step - self.first, time.monotonic() - self.begin
        if made:
            # A size whose every seed diverged is done, too.
            self.folder.save(self.size, self.size.steps, model, None, log)
            self.folder.note_speed(self.size, made * self.size.step_tokens * self.size.seeds / seconds)
