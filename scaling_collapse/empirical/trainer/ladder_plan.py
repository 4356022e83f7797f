"""How long a ladder will take, measured by a few steps of each size."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...common import Result, count, duration, plain, require
from .ladder_file import LadderFile, task_of
from .ladder_parsing import load_ladder
from .size_plan import SizePlan, plan_sizes
from .tasks import Task

if TYPE_CHECKING:
    from .machine import Machine

__all__ = ["LadderPlan", "plan_ladder"]

STEPS = 12
SECONDS_A_SIZE = 1.5
SECONDS = 20.0  # larger sizes than are reached in this time are taken to run at the rate of the largest measured


@dataclass(frozen=True, kw_only=True, repr=False)
class LadderPlan(Result):
    """What a ladder costs.

    Parameters
    ----------
    sizes
        Smallest first.
    seconds
        Time of each size, its evaluation and probes included.
    measured
        Whether it was measured or taken from the rate of a smaller size.
    workers
        Sizes trained at a time.
    """

    sizes: tuple[SizePlan, ...]
    seconds: tuple[float, ...]
    measured: tuple[bool, ...]
    workers: int

    def headline(self) -> str:
        """How long it takes."""
        return f"LadderPlan: {len(self.sizes)} sizes in about {duration(self.total_seconds)}, {self.workers} at a time"

    def lines(self) -> list[tuple[str, str]]:
        """Every size."""
        rows = zip(self.sizes, self.seconds, self.measured, strict=True)
        return [
            (
                f"{size.name}, {count(size.params)} parameters",
                f"{size.seeds} seeds, {size.steps} steps, {duration(seconds)}{'' if measured else ' (estimated)'}",
            )
            for size, seconds, measured in rows
        ]

    def to_json(self) -> dict[str, Any]:
        """Every size with its time in seconds, and the total."""
        names = ("name", "width", "depth", "params", "seeds", "steps", "batch_size")
        rows = zip(self.sizes, self.seconds, self.measured, strict=True)
        sizes = [
            {name: getattr(size, name) for name in names} | {"seconds": seconds, "measured": measured}
            for size, seconds, measured in rows
        ]
        return plain({"sizes": sizes, "workers": self.workers, "total_seconds": self.total_seconds})

    @property
    def total_seconds(self) -> float:
        """Time of the whole ladder, sizes side by side."""
        return max(max(self.seconds), sum(self.seconds) / self.workers)


def plan_ladder(ladder: str | LadderFile, *, device: str | None = None, threads: int | None = None) -> LadderPlan:
    """Work out what a ladder costs; a few steps of each size are made and thrown away.

    Parameters
    ----------
    ladder, device, threads
        As for `train_ladder`.

    Examples
    --------
    >>> plan = plan_ladder("demo")
    >>> len(plan.seconds), plan.total_seconds > 1
    (5, True)
    """
    ladder = load_ladder(ladder)
    require("torch", "plan_ladder")
    from .ladder_machine import machine_of

    task = task_of(ladder)
    sizes = plan_sizes(ladder, task)
    machine = machine_of(ladder, sizes[0], task, device=device, threads=threads)
    seconds, measured = [], []
    rate = 0.0  # FLOPs a second of the largest size measured
    end = time.perf_counter() + SECONDS
    with machine.in_use():
        for size in sizes:
            now = time.perf_counter() < end
            if now:
                a_step = _seconds_per_step(ladder, size, task, machine)
                rate = size.train_flops / size.steps / a_step
            seconds.append(size.train_flops * (1 + size.evaluation_share) / rate)
            measured.append(now)
    return LadderPlan(
        sizes=tuple(sizes),
        seconds=tuple(seconds),
        measured=tuple(measured),
        workers=min(len(sizes), machine.default_workers),
    )


def _seconds_per_step(ladder: LadderFile, size: SizePlan, task: Task, machine: Machine) -> float:
    from .loop import train_size
    from .step_times import EnoughError, StepTimes

    none = np.zeros(0, dtype=np.int64)
    few = replace(size, steps=STEPS + 1, evaluate_at=np.array([STEPS + 1]), noise_at=none, test_examples=1)
    hooks = StepTimes(steps=STEPS, seconds=SECONDS_A_SIZE)
    with suppress(EnoughError):
        train_size(ladder, few, task, machine, hooks)
    return float(np.median(np.diff(hooks.times)))
