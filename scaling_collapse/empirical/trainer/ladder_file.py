"""What a ladder trains, read from a TOML file or a preset by name: frozen, and checked before anything is trained.

    name = "demo"
    widths = [28, 34, 42, 52, 64]          # D of each size
    seeds = 5
    lr = 7e-4
    batch_size = 256                       # examples a step
    schedule = "linear"                    # any of sgd_noise_model.schedules, as text or as a table
    [task]                                 # a kind of `tasks` with its options
    kind = "fourier"
    dimensions = 3
    [model]
    kind = "mlp"
    depth = 2
    [horizon]                              # kappa and gamma, scale and exponent, tokens_per_parameter, or tokens
    kappa = 516.86
    gamma = 0.9023

The other keys and tables (`optimizer`, `parametrization`, `evaluation`, `probes`) have defaults; each class below says
what its fields mean. Options of the task that name files are taken from the current folder, or from the ladder file's.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Literal

from ...common import InputError
from ...sgd_noise_model import schedules
from .horizon_rule import Horizon
from .ladder_tables import Evaluation, ModelTable, OptimizerTable, Probes
from .parametrization import Parametrization
from .tasks import Task, make_task

__all__ = ["LadderFile", "Precision", "task_of"]

Precision = Literal["float32", "tf32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class LadderFile:
    """A ladder: every width, every seed, one task and one schedule.

    Parameters
    ----------
    name
        Runs are called `name-w{width}-s{seed}`.
    widths
        `D` of the sizes, increasing.
    task
        Options of the task, `kind` among them, see `tasks.make_task`.
    model, horizon, optimizer, parametrization, evaluation, probes
        The tables.
    seeds
        Initializations of each size; all see the same data in the same order.
    seed
        Base of the initializations and, unless the task has a `data_seed`, of drawn inputs, >= 0.
    lr
        Peak learning rate of the base width, > 0.
    batch_size
        Examples a step: one number, or one for each width.
    schedule
        Text or table that `schedules.parse` reads.
    warmup_tokens
        Length of a linear warm-up in tokens; or give the schedule a `warmup`, a fraction.
    accumulate
        Parts in which a batch goes through the model, a divisor of `batch_size`.
    dtype
        `float32`; `tf32` products on a GPU that has them; `bf16` autocast.
    compile
        `on`, `off`, or `auto`: on a GPU only.

    Raises
    ------
    InputError
        If a field is out of its domain.
    """

    name: str
    widths: tuple[int, ...]
    task: Mapping[str, Any]
    model: ModelTable
    horizon: Horizon
    optimizer: OptimizerTable = field(default_factory=OptimizerTable)
    parametrization: Parametrization = field(default_factory=Parametrization)
    evaluation: Evaluation = field(default_factory=Evaluation)
    probes: Probes = field(default_factory=Probes)
    seeds: int = 5
    seed: int = 0
    lr: float = 1e-3
    batch_size: int | tuple[int, ...] = 256
    schedule: str | Mapping[str, Any] = "linear"
    warmup_tokens: float = 0.0
    accumulate: int = 1
    dtype: Precision = "float32"
    compile: Literal["on", "off", "auto"] = "auto"

    def __post_init__(self) -> None:
        if not self.name or any(c in self.name for c in "/\\\0"):
            raise InputError(f"LadderFile needs a `name` that a file could have; got {self.name!r}.")
        for name, least in (("seeds", 1), ("seed", 0), ("accumulate", 1)):
            if getattr(self, name) < least:
                raise InputError(f"LadderFile needs `{name}` >= {least}; got {getattr(self, name)}. Raise it.")
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise InputError(f"LadderFile needs a positive `lr`; got {self.lr}. See the preset `demo`.")
        w = self.widths
        if not w or min(w) < 1 or any(a >= b for a, b in pairwise(w)):
            raise InputError(f"LadderFile needs at least 1 width, all positive and increasing; got {list(w)}.")
        depth = self.model.depth
        if min(depth if isinstance(depth, tuple) else (depth,), default=0) < 1 or len(self.depths) != len(w):
            raise InputError(f"LadderFile needs a `depth` >= 1, one or as many as widths ({len(w)}); got {depth}.")
        self._check_batches()
        if "kind" not in self.task:
            raise InputError("LadderFile needs a `kind` in its table [task]; got none. Write kind = 'fourier'.")
        if not (math.isfinite(self.warmup_tokens) and self.warmup_tokens >= 0):
            raise InputError(f"LadderFile needs `warmup_tokens` >= 0; got {self.warmup_tokens}. Leave it out for none.")
        shape = schedules.parse(self.schedule)
        if shape.warmup and self.warmup_tokens:
            raise InputError(
                f"LadderFile needs one warm-up; got `warmup_tokens` {self.warmup_tokens:g} and a schedule with warmup "
                f"{shape.warmup:g}. Remove one."
            )

    def _check_batches(self) -> None:
        B = self.batch_size
        if min(B if isinstance(B, tuple) else (B,), default=0) < 1 or len(self.batch_sizes) != len(self.widths):
            raise InputError(
                f"LadderFile needs `batch_size` >= 1, one or as many as widths ({len(self.widths)}); got {B}. Raise it."
            )
        if any(size % self.accumulate for size in self.batch_sizes):
            raise InputError(f"LadderFile needs `accumulate` to divide `batch_size`; got {self.accumulate} and {B}.")
        if self.optimizer.kind == "muon" and self.probes.noise_points:
            raise InputError(
                f"LadderFile needs `noise_points` 0 for muon, whose step is no multiple of each entry's gradient; got "
                f"{self.probes.noise_points}. Remove it."
            )

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """`B` of each size, examples."""
        B = self.batch_size
        return B if isinstance(B, tuple) else (B,) * len(self.widths)

    @property
    def depths(self) -> tuple[int, ...]:
        """`N` of each size."""
        depth = self.model.depth
        return depth if isinstance(depth, tuple) else (depth,) * len(self.widths)

    def to_json(self) -> dict[str, Any]:
        """The whole description as JSON values; `parse_ladder` reads it back."""
        plain = json.loads(json.dumps(asdict(self) | {"task": dict(self.task)}, default=str))
        for name in ("horizon", "optimizer"):
            plain[name] = {key: value for key, value in plain[name].items() if value is not None}
        return plain

    @property
    def fingerprint(self) -> str:
        """Hash of the description."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def task_of(ladder: LadderFile) -> Task:
    """The task of a ladder; the seed of its inputs is the ladder's unless the task has its own."""
    options = {name: value for name, value in ladder.task.items() if name != "kind"}
    if ladder.task["kind"] == "fourier":
        options = {"data_seed": ladder.seed} | options
    return make_task(ladder.task["kind"], options)
