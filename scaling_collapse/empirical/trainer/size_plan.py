"""What each size of a ladder does, worked out before anything is trained: steps, rates, points, and what they cost.

`p` counts every parameter; a step costs `6 p B` FLOPs a seed for B tokens, a test token `2 p` (forward alone), a token
of the noise probe `6 p`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import Array, InputError
from ...sgd_noise_model import schedules
from .ladder_file import LadderFile
from .models import model_class
from .tasks import Task

__all__ = ["SizePlan", "evaluation_steps", "make_model", "plan_sizes"]

Steps = NDArray[np.int64]
INIT = 2  # second entry of every initialization's seed
LEAST_NOISE_BATCHES = 4


@dataclass(frozen=True, kw_only=True)
class SizePlan:
    """One size of a ladder.

    Parameters
    ----------
    width, depth, params, seeds
        `D`, `N`, `p` of one seed's model, and the number of seeds.
    batch_size, example_tokens
        Examples a step, and tokens an example.
    steps
        Optimizer steps to the horizon, >= 1.
    weight_decay
        Decoupled decay of the base width.
    schedule
        Relative rate as a function of progress, its warm-up included.
    peak
        Peak learning rate of the base width.
    evaluate_at
        Steps after which to evaluate, increasing, the last one included.
    noise_at
        Those of them after which to measure the gradient's noise.
    test_examples, noise_batches
        How much each evaluation and each measurement takes.
    """

    width: int
    depth: int
    params: int
    seeds: int
    batch_size: int
    example_tokens: int
    steps: int
    schedule: schedules.Schedule
    peak: float
    evaluate_at: Steps
    noise_at: Steps
    test_examples: int = 0
    noise_batches: int = 0
    weight_decay: float = 0.0

    @property
    def name(self) -> str:
        """Short name of the size, for files and messages."""
        return f"w{self.width}-n{self.depth}"

    @property
    def step_tokens(self) -> int:
        """Tokens a step."""
        return self.batch_size * self.example_tokens

    @property
    def tokens(self) -> int:
        """Tokens to the horizon, in whole steps."""
        return self.steps * self.step_tokens

    @property
    def rates(self) -> Array:
        """Learning rate of the base width at each step, shape (steps,)."""
        return self.peak * self.schedule.s(np.arange(self.steps) / self.steps)

    @property
    def train_flops(self) -> float:
        """`6 p t*` times the seeds."""
        return 6.0 * self.params * self.tokens * self.seeds

    @property
    def evaluation_share(self) -> float:
        """FLOPs of evaluation and probes over those of training."""
        evaluation = len(self.evaluate_at) * self.test_examples * self.example_tokens / 3
        noise = len(self.noise_at) * self.noise_batches * self.step_tokens
        return (evaluation + noise) / self.tokens


def plan_sizes(ladder: LadderFile, task: Task) -> list[SizePlan]:
    """The sizes of a ladder, smallest first.

    Raises
    ------
    InputError
        If the model does not fit the task, a horizon does not fit one pass over the data, the warm-up does not fit a
        horizon, or the test split is too small for what is asked.

    Examples
    --------
    >>> from scaling_collapse.empirical.trainer import load_ladder, make_task
    >>> ladder = load_ladder("demo")
    >>> [size.steps for size in plan_sizes(ladder, make_task("fourier", {"dimensions": 3}))]
    [772, 1293, 2271, 4019, 7006]
    """
    shapes = zip(ladder.widths, ladder.depths, ladder.batch_sizes, strict=True)
    sizes = [_size(ladder, task, width, depth, batch) for width, depth, batch in shapes]
    for size in sizes:
        needed, there = size.steps * size.batch_size, task.train_examples
        if there is not None and needed > there:
            raise InputError(
                f"train_ladder needs every horizon to fit one pass over the data; got {needed} examples at width "
                f"{size.width} of {there} in the train split. Shorten the horizon or bring more data."
            )
    examples, batches = _measurements(ladder, task, sizes)
    return [replace(size, test_examples=examples, noise_batches=batches) for size in sizes]


def _size(ladder: LadderFile, task: Task, width: int, depth: int, batch: int) -> SizePlan:
    shapes = _tensors(ladder, task, width, depth)
    params = sum(spec.size for spec in shapes)
    step_tokens = batch * task.example_tokens
    steps = max(1, round(ladder.horizon(params) / step_tokens))
    schedule = schedules.parse(ladder.schedule)
    if ladder.warmup_tokens:
        warmup = round(ladder.warmup_tokens / step_tokens) / steps
        if warmup >= 1:
            raise InputError(
                f"train_ladder needs `warmup_tokens` shorter than every horizon; got {ladder.warmup_tokens:g} and "
                f"{steps * step_tokens} tokens at width {width}. Shorten it or give the schedule a fraction."
            )
        schedule = replace(schedule, warmup=warmup)
    at = evaluation_steps(steps, ladder.evaluation.linear, ladder.evaluation.log)
    return SizePlan(
        width=width,
        depth=depth,
        params=params,
        seeds=ladder.seeds,
        batch_size=batch,
        example_tokens=task.example_tokens,
        steps=steps,
        schedule=schedule,
        peak=ladder.lr,
        evaluate_at=at,
        noise_at=_noise_steps(at, ladder.probes.noise_points),
        weight_decay=_decay(ladder, steps, width),
    )


def _decay(ladder: LadderFile, steps: int, width: int) -> float:
    """Weight decay of a size; the timescale reaches back over at least one step."""
    tau = ladder.optimizer.timescale
    if tau is not None and tau * steps < 1:
        raise InputError(
            f"train_ladder needs a `timescale` of at least one step; got {tau:g} of {steps} steps at width {width}. "
            "Raise it, or make the batch smaller."
        )
    return ladder.optimizer.decay(lr=ladder.lr, steps=steps)


def evaluation_steps(steps: int, linear: int, log: int) -> Steps:
    """Steps after which to evaluate: `linear` evenly and `log` geometrically spaced ones, the last included.

    >>> evaluation_steps(100, 4, 3)
    array([  1,  10,  25,  50,  75, 100])
    """
    even = np.linspace(0, steps, linear + 1)[1:]
    geometric = np.geomspace(1, steps, log) if log else []
    return np.unique(np.rint(np.concatenate([even, geometric])).astype(np.int64).clip(1, steps))


def _noise_steps(at: Steps, points: int) -> Steps:
    """Of the evaluation steps, about `points`, half of them spread evenly and half geometrically."""
    if not points:
        return at[:0]
    wanted = evaluation_steps(int(at[-1]), (points + 1) // 2, points // 2)
    return np.unique(at[np.abs(at[:, None] - wanted[None, :]).argmin(axis=0)])


def _measurements(ladder: LadderFile, task: Task, sizes: Sequence[SizePlan]) -> tuple[int, int]:
    """Test examples of an evaluation and batches of a noise probe: as told, or within the budget at every size."""
    evaluation, probes = ladder.evaluation, ladder.probes
    budget = evaluation.budget / (2 if probes.noise_points else 1)
    there = task.test_examples
    examples, batches = evaluation.examples, 0
    if examples is None:
        within = min(budget * 3 * size.steps * size.batch_size / len(size.evaluate_at) for size in sizes)
        # Below a batch the test loss says too little: small ladders go over the budget, and the plan shows it.
        examples = min(there, max(int(within), *ladder.batch_sizes))
    if probes.noise_points:
        largest = max(ladder.batch_sizes)
        most = there // largest
        batches = probes.noise_batches
        if batches is None:
            within = min(budget * size.steps / len(size.noise_at) for size in sizes)
            batches = min(most, max(int(within), LEAST_NOISE_BATCHES))
        if not 2 <= batches <= most:
            raise InputError(
                f"train_ladder needs a test split of `noise_batches` batches, at least 2; got {there} examples for "
                f"{max(batches, 2)} batches of {largest}. Raise the task's `test_examples`."
            )
    if examples > there:
        raise InputError(
            f"train_ladder needs as many test examples as each evaluation takes; got {there} of {examples}. Raise the "
            "task's `test_examples`."
        )
    return examples, batches


def _arguments(ladder: LadderFile, task: Task, width: int, depth: int) -> tuple[int, ...]:
    """What the model's class takes by position."""
    kind, vocabulary = ladder.model.kind, task.vocabulary
    if (kind == "decoder") != (vocabulary is not None):
        wanted = "mlp" if vocabulary is None else "decoder"
        raise InputError(f"train_ladder needs a model of {wanted} for the task {ladder.task['kind']}; got {kind}.")
    if vocabulary is not None:
        return vocabulary, task.example_tokens, width, depth
    return task.batch(0, 1).inputs.shape[1], width, depth


def _tensors(ladder: LadderFile, task: Task, width: int, depth: int) -> Any:
    cls: Any = model_class(ladder.model.kind)
    return cls.tensors(*_arguments(ladder, task, width, depth))


def make_model(ladder: LadderFile, task: Task, width: int, depth: int, **options: Any) -> Any:
    """The models of all seeds of one size at initialization; `options` such as `device` go to `Model`."""
    cls: Any = model_class(ladder.model.kind)
    seeds = [[ladder.seed, INIT, width, s] for s in range(ladder.seeds)]
    arguments = _arguments(ladder, task, width, depth)
    return cls(*arguments, seeds=seeds, parametrization=ladder.parametrization, **options)
