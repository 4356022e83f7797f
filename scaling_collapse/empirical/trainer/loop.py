"""The training loop: one size of a ladder, all its seeds in one batched pass.

    for each step:   rate -> batch -> gradient -> optimizer -> (evaluation, probes) -> (checkpoint)

Batches are found by their position, so the step is all that a resumed run needs to see the very same data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import starmap
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from .hooks import Hooks
from .ladder_file import LadderFile
from .machine import Machine
from .models.model import Model
from .optimizers import make_optimizer, set_lr, step_per_gradient
from .probes import feature_scales, noise_trace
from .read_ahead import read_ahead
from .size_plan import SizePlan, make_model
from .tasks import Task
from .training_log import TrainingLog

__all__ = ["train_size"]

READ_AT_ONCE = 1 << 16  # tokens; small batches are read in groups, which does not change them
Batch = tuple[Tensor, Tensor]


def train_size(ladder: LadderFile, size: SizePlan, task: Task, machine: Machine, hooks: Hooks) -> TrainingLog:
    """Train all seeds of one size from start, or from where it was saved, to its horizon."""
    model: Model = make_model(ladder, task, size.width, size.depth, device=machine.device)
    optimizer = make_optimizer(model, **_options(ladder, size), fused=True)
    log = TrainingLog.empty(size)
    first = hooks.restore(model, optimizer, log)
    step = first
    if step < size.steps and not log.all_diverged:
        machine.prepare(model)
        rates, evaluate_at, noise_at = size.rates, set(size.evaluate_at.tolist()), set(size.noise_at.tolist())
        test = _test_batches(task, machine, size.test_examples, size.batch_size // ladder.accumulate)
        for parts in _train_parts(ladder, size, task, machine, first):
            set_lr(optimizer, rates[step])
            for i, (inputs, targets) in enumerate(parts):
                with machine.autocast():
                    model.backward(inputs, targets, accumulate=i > 0, weight=1 / (ladder.accumulate * machine.world))
            machine.add_up(model.flat_grad)
            optimizer.step()
            step += 1
            if step in evaluate_at:
                log.add(step, loss=_test_loss(model, test, machine))
                if ladder.probes.features:
                    log.add(step, **_scales(model, test[0][0], machine))
                if step in noise_at:
                    log.add(step, **_noise(ladder, size, task, model, optimizer, machine))
                if log.all_diverged:
                    break
            hooks.after_step(step, model, optimizer, log)
    hooks.finish(step, model, log)
    return log


def _options(ladder: LadderFile, size: SizePlan) -> dict[str, Any]:
    """What the optimizer of a size takes: the ladder's table, with the size's weight decay."""
    table = asdict(ladder.optimizer)
    del table["timescale"]
    return table | {"weight_decay": size.weight_decay}


def _train_parts(
    ladder: LadderFile, size: SizePlan, task: Task, machine: Machine, first: int
) -> Iterator[tuple[Batch, ...]]:
    """The batch of each step from `first` on, in the parts in which it goes through the model; this process's share."""
    B, parts = size.batch_size, ladder.accumulate
    share = B // (parts * machine.world)
    group = max(1, READ_AT_ONCE // size.step_tokens)
    # Groups start at multiples of their length, so that a resumed run reads as the first one did.
    starts = range(first - first % group, size.steps, group)
    ranges = [(start * B, min(group, size.steps - start) * B) for start in starts]
    # A CPU reads when it needs to: its cores are busy. A GPU would wait.
    read = starmap(task.batch, ranges) if machine.device == "cpu" else read_ahead(task, ranges)
    for start, batch in zip(starts, read, strict=True):
        inputs, targets = map(machine.tensor, batch)
        for k in range(max(first - start, 0), len(targets) // B):
            cuts = [k * B + (i * machine.world + machine.rank) * share for i in range(parts)]
            yield tuple((inputs[c : c + share], targets[c : c + share]) for c in cuts)


def _test_batches(task: Task, machine: Machine, examples: int, size: int) -> list[Batch]:
    """The first examples of the test split, read once, in batches."""
    inputs, targets = map(machine.tensor, task.test_batch(0, examples))
    return list(zip(inputs.split(size), targets.split(size), strict=True))


@torch.no_grad()
def _test_loss(model: Model, test: list[Batch], machine: Machine) -> np.ndarray:
    """Mean loss over the test examples, float64, shape (S,); processes share the batches."""
    with machine.autocast():
        mine = test[machine.rank :: machine.world]
        total = torch.zeros(model.seeds, dtype=torch.float64, device=model.flat.device)
        for inputs, targets in mine:
            total += model.loss(inputs, targets).double() * len(inputs)
    return (machine.add_up(total) / sum(len(inputs) for inputs, _ in test)).cpu().numpy()


def _scales(model: Model, inputs: Tensor, machine: Machine) -> dict[str, np.ndarray]:
    with machine.autocast():
        scales = feature_scales(model, inputs)
    return {"hidden_scale": scales.hidden.cpu().numpy(), "output_scale": scales.output.cpu().numpy()}


def _noise(
    ladder: LadderFile, size: SizePlan, task: Task, model: Model, optimizer: Optimizer, machine: Machine
) -> dict[str, np.ndarray]:
    """Trace of the covariance of the batch gradient; over parts of a batch where it is accumulated, divided by them."""
    part = size.batch_size // ladder.accumulate
    batches = _test_batches(task, machine, size.noise_batches * size.batch_size, part)
    P = step_per_gradient(optimizer, model, ladder.lr)
    with machine.autocast():
        trace = noise_trace(model, batches, P, published=ladder.probes.published)
    pair = (trace.preconditioned / ladder.accumulate, trace.raw / ladder.accumulate)
    return {"noise_trace": pair[0].cpu().numpy(), "noise_trace_raw": pair[1].cpu().numpy()}
