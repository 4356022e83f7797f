"""The machine that a ladder is trained on: chosen once, and without what does not work on the ladder's model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...common import InputError
from .ladder_file import LadderFile
from .machine import Machine, choose_machine, confirm_fast
from .size_plan import SizePlan, make_model
from .tasks import Task

__all__ = ["check_shares", "machine_of"]


def machine_of(
    ladder: LadderFile,
    size: SizePlan,
    task: Task,
    *,
    device: str | None = None,
    threads: int | None = None,
    recorded: Mapping[str, Any] | None = None,
) -> Machine:
    """The machine of a ladder; for a run that is gone on with, the one recorded as far as it is here.

    Parameters
    ----------
    ladder, task
        What is trained on what.
    size
        The size whose gradient is tried.
    device, threads
        See `machine.choose_machine`.
    recorded
        `Machine.environment` of the run's start: what was not used then is not used now.
    """
    machine = choose_machine(ladder, device=device, threads=threads)
    dropped = {name: False for name in ("compiled", "graphs") if recorded and recorded.get(name) is False}
    if dropped:  # chosen once, when the run was started
        machine = replace(machine, **dropped, note="")
    if not (machine.compiled or machine.graphs):
        return machine
    model = make_model(ladder, task, size.width, size.depth, device=machine.device)
    inputs, targets = map(machine.tensor, task.batch(0, size.batch_size // ladder.accumulate))
    with machine.in_use():
        return confirm_fast(machine, model, inputs, targets)


def check_shares(ladder: LadderFile, machine: Machine) -> None:
    """An `InputError` where a batch cannot be shared out equally among processes and accumulated parts."""
    if any(batch % (ladder.accumulate * machine.world) for batch in ladder.batch_sizes):
        raise InputError(
            "train_ladder needs a `batch_size` that processes and `accumulate` divide; got "
            f"{ladder.batch_size} for {machine.world} processes x {ladder.accumulate}. Change one."
        )
