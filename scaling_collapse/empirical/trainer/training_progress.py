"""How far a ladder is, all its sizes together."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence

import torch

from .machine import Machine, matmul_rate
from .size_plan import SizePlan
from .training_log import TrainingLog

__all__ = ["Progress", "TrainingProgress"]

Progress = Callable[[float, str], None]
"""Takes the share of the work that is done, and a message."""
STEP_COST = 10_000  # what a step costs besides its products, in parameters: shares of progress only
WORTH_MEASURING = 1e12  # FLOPs of a ladder for which the machine's own rate is measured, half a second


class TrainingProgress:
    """Adds the progress of the sizes up and tells it, one call at a time.

    Parameters
    ----------
    sizes
        Everything that is trained.
    tell
        Whom to tell; with None nothing here does anything.
    machine
        What the speed is compared with.
    """

    def __init__(self, sizes: Sequence[SizePlan], tell: Progress | None, machine: Machine) -> None:
        self.tell = tell
        self.cost = {s.name: float(s.steps * (s.params * s.seeds + STEP_COST)) for s in sizes}
        self.done = dict.fromkeys(self.cost, 0.0)
        self.tokens = dict.fromkeys(self.cost, 0.0)
        self.flops = dict.fromkeys(self.cost, 0.0)
        self.lock = threading.Lock()
        self.begin = time.monotonic()
        self.peak = 0.0
        if tell is not None and sum(s.train_flops for s in sizes) > WORTH_MEASURING:
            self.peak = _whole_machine_rate(machine)

    def report(self, size: SizePlan, step: int, made: int, log: TrainingLog) -> None:
        """A size is at a step, of which `made` steps were made in this process."""
        if self.tell is None:
            return
        with self.lock:
            name = size.name
            self.done[name] = step / size.steps * self.cost[name]
            self.tokens[name] = float(made * size.step_tokens * size.seeds)
            self.flops[name] = 6.0 * size.params * self.tokens[name]
            self.tell(sum(self.done.values()) / sum(self.cost.values()), self._message(size, log.last_loss))

    def _message(self, size: SizePlan, loss: float) -> str:
        seconds = max(time.monotonic() - self.begin, 1e-3)
        parts = [f"width {size.width}" + (f", loss {loss:.4g}" if loss == loss else "")]
        parts.append(f"{sum(self.tokens.values()) / seconds:,.0f} tokens/s")
        if self.peak:
            parts.append(f"{sum(self.flops.values()) / seconds / self.peak:.0%} of the matmul rate")
        return ", ".join(parts)


def _whole_machine_rate(machine: Machine) -> float:
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        return matmul_rate(machine.device)
    finally:
        torch.set_num_threads(machine.threads)
