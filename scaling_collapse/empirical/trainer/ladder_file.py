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
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

from ...common import InputError
from ...sgd_noise_model import schedules
from .parametrization import Parametrization
from .tasks import Task, make_task

__all__ = [
    "Evaluation",
    "Horizon",
    "LadderFile",
    "ModelTable",
    "OptimizerTable",
    "Probes",
    "load_ladder",
    "parse_ladder",
    "task_of",
]

PRESETS = Path(__file__).with_name("presets")
Table = TypeVar("Table")


@dataclass(frozen=True, kw_only=True)
class ModelTable:
    """Architecture: `kind` is one of `models.MODELS`; `depth` is N of every size, or a list, one for each width."""

    kind: Literal["mlp", "decoder"]
    depth: int | tuple[int, ...] = 3


@dataclass(frozen=True, kw_only=True)
class OptimizerTable:
    """Optimizer and its options, see `optimizers.make_optimizer`."""

    kind: Literal["adam", "adamw", "sgd"] = "adam"
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-20
    weight_decay: float = 0.0
    momentum: float = 0.9


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """Tokens to train on as a function of the parameters: exactly one of four rules.

    Parameters
    ----------
    kappa, gamma
        `t* = kappa p^gamma`.
    scale, exponent
        `t* = C* / (6 p)` with `C* = 1e15 (p / scale)^exponent` FLOPs, the published form.
    tokens_per_parameter
        `t* = tokens_per_parameter p`.
    tokens
        The same for every size.
    times
        Multiplies the rule's result, > 0; more than 1 over-trains.

    Examples
    --------
    >>> Horizon(kappa=10.0, gamma=1.0)(1600)
    16000.0
    """

    kappa: float | None = None
    gamma: float | None = None
    scale: float | None = None
    exponent: float | None = None
    tokens_per_parameter: float | None = None
    tokens: float | None = None
    times: float = 1.0

    def __post_init__(self) -> None:
        rules = (("kappa", "gamma"), ("scale", "exponent"), ("tokens_per_parameter",), ("tokens",))
        told = [rule for rule in rules if any(getattr(self, name) is not None for name in rule)]
        if len(told) != 1 or any(getattr(self, name) is None for name in told[0]):
            given = ", ".join(f.name for f in fields(self) if f.name != "times" and getattr(self, f.name) is not None)
            raise InputError(
                "Horizon needs one rule: kappa and gamma, scale and exponent, tokens_per_parameter, or tokens; got "
                f"{given or 'none'}. Give one of them, whole."
            )
        for name in ("kappa", "scale", "tokens_per_parameter", "tokens", "times"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"Horizon needs a positive `{name}`; got {value}. See the preset `demo`.")
        for name in ("gamma", "exponent"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InputError(f"Horizon needs a finite `{name}`; got {value}. With gamma 0 all train equally long.")

    def __call__(self, params: float) -> float:
        """`t*(p)`, tokens."""
        if self.kappa is not None and self.gamma is not None:
            return self.times * self.kappa * params**self.gamma
        if self.scale is not None and self.exponent is not None:
            return self.times * 1e15 * (params / self.scale) ** self.exponent / (6.0 * params)
        if self.tokens_per_parameter is not None:
            return self.times * self.tokens_per_parameter * params
        assert self.tokens is not None
        return self.times * self.tokens


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """When and on what the test loss is taken.

    Parameters
    ----------
    linear, log
        Points spaced evenly (the last step included), and geometrically from the first step on.
    examples
        First examples of the test split; none takes as many as the budget allows, the same for every size.
    budget
        Share of the training FLOPs that evaluation and probes may cost where the numbers of examples and batches are
        left out, in (0, 1].
    """

    linear: int = 100
    log: int = 50
    examples: int | None = None
    budget: float = 0.1

    def __post_init__(self) -> None:
        if self.linear < 1 or self.log < 0:
            raise InputError(f"Evaluation needs `linear` >= 1 and `log` >= 0; got {self.linear} and {self.log}.")
        if self.examples is not None and self.examples < 1:
            raise InputError(f"Evaluation needs `examples` >= 1 or none; got {self.examples}. Leave it out.")
        if not 0 < self.budget <= 1:
            raise InputError(f"Evaluation needs a `budget` in (0, 1]; got {self.budget}. The default is 0.1.")


@dataclass(frozen=True, kw_only=True)
class Probes:
    """What is measured beside the loss.

    Parameters
    ----------
    noise_points
        Evaluation points at which `Tr Sigma` of the minibatch gradient is measured (half spread evenly, half
        geometrically); 0 for none.
    noise_batches
        Batches of each, >= 2, of the training batch size, from the test split; none takes what the budget allows.
    published
        Divide the covariance by n, as the published code does, and not by n - 1.
    features
        Measure the root mean square of the residual stream and of the outputs at every evaluation point.
    """

    noise_points: int = 0
    noise_batches: int | None = None
    published: bool = False
    features: bool = False

    def __post_init__(self) -> None:
        if self.noise_points < 0 or (self.noise_batches is not None and self.noise_batches < 2):
            raise InputError(
                f"Probes needs `noise_points` >= 0 and `noise_batches` >= 2 or none; got {self.noise_points} and "
                f"{self.noise_batches}."
            )


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
        Examples a step.
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
    batch_size: int = 256
    schedule: str | Mapping[str, Any] = "linear"
    warmup_tokens: float = 0.0
    accumulate: int = 1
    dtype: Literal["float32", "tf32", "bf16"] = "float32"
    compile: Literal["on", "off", "auto"] = "auto"

    def __post_init__(self) -> None:
        if not self.name or any(c in self.name for c in "/\\\0"):
            raise InputError(f"LadderFile needs a `name` that a file could have; got {self.name!r}.")
        for name, least in (("seeds", 1), ("seed", 0), ("batch_size", 1), ("accumulate", 1)):
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
        if self.batch_size % self.accumulate:
            raise InputError(
                f"LadderFile needs `accumulate` to divide `batch_size`; got {self.accumulate} and {self.batch_size}."
            )
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

    @property
    def depths(self) -> tuple[int, ...]:
        """`N` of each size."""
        depth = self.model.depth
        return depth if isinstance(depth, tuple) else (depth,) * len(self.widths)

    def to_json(self) -> dict[str, Any]:
        """The whole description as JSON values; `parse_ladder` reads it back."""
        plain = json.loads(json.dumps(asdict(self) | {"task": dict(self.task)}, default=str))
        plain["horizon"] = {name: value for name, value in plain["horizon"].items() if value is not None}
        return plain

    @property
    def fingerprint(self) -> str:
        """Hash of the description."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def load_ladder(source: str | os.PathLike[str] | LadderFile, *, changes: Sequence[str] = ()) -> LadderFile:
    """The ladder of a preset's name or of a TOML file.

    Parameters
    ----------
    source
        `demo`, `demo-horizon`, `qiu-mlp`, `qiu-chess`, `qiu-cifar5m`, or the path of a `.toml` file.
    changes
        `key=value` with a TOML value over the file's, such as `lr=0.01`, `horizon.kappa=500`, `schedule="constant"`.

    Raises
    ------
    InputError
        If there is no such preset or file, or what it says is not a ladder.

    Examples
    --------
    >>> ladder = load_ladder("demo")
    >>> ladder.widths, ladder.schedule
    ((28, 34, 42, 52, 64), 'linear')
    """
    if isinstance(source, LadderFile):
        return parse_ladder(_changed(source.to_json(), changes)) if changes else source
    presets = {path.stem: path for path in PRESETS.glob("*.toml")}
    path = Path(source)
    if str(source) in presets:
        path = presets[str(source)]
    elif path.suffix != ".toml":
        raise InputError(
            f"load_ladder needs a preset ({', '.join(sorted(presets))}) or a .toml file; got {str(source)!r}. Name one."
        )
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"load_ladder cannot read {path}: {error.strerror}. Check the name.") from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise InputError(f"load_ladder needs a TOML file; got {path}: {error}. Mend that line.") from None
    return parse_ladder(_changed({"name": path.stem} | table, changes), folder=path.parent)


def parse_ladder(table: Mapping[str, Any], *, folder: Path | None = None) -> LadderFile:
    """The ladder that a mapping describes, as TOML or `to_json` give it.

    Parameters
    ----------
    table
        The keys and tables.
    folder
        Where relative files of the task are looked for if they are not in the current folder.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value is of the wrong type or out of its domain; the sentence names it.
    """
    parts = {
        "model": ModelTable, "horizon": Horizon, "optimizer": OptimizerTable, "parametrization": Parametrization,
        "evaluation": Evaluation, "probes": Probes,
    }  # fmt: skip
    told = dict(table)
    for name, cls in parts.items():
        if name in told:
            told[name] = _checked(cls, told[name], f"[{name}]")
    if isinstance(told.get("task"), Mapping) and folder is not None:
        told["task"] = {name: _found(value, name, folder) for name, value in told["task"].items()}
    return _checked(LadderFile, told, "the ladder")


def _changed(table: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    for change in changes:
        key, equals, value = change.partition("=")
        *tables, name = key.strip().split(".")
        try:
            read = tomllib.loads(f"value = {value}")["value"] if equals else None
        except ValueError:
            read = value  # text without quotes
        if not (equals and name and all(tables)):
            raise InputError(f"load_ladder needs changes of the form key=value; got {change!r}. Write lr=0.01.")
        inside = table
        for part in tables:
            inside = inside.setdefault(part, {})
            if not isinstance(inside, dict):
                raise InputError(f"load_ladder needs changes of keys in tables; got {change!r}. See the ladder file.")
        inside[name] = read
    return table


def task_of(ladder: LadderFile) -> Task:
    """The task of a ladder; the seed of its inputs is the ladder's unless the task has its own."""
    options = {name: value for name, value in ladder.task.items() if name != "kind"}
    if ladder.task["kind"] == "fourier":
        options = {"data_seed": ladder.seed} | options
    return make_task(ladder.task["kind"], options)


def _checked(cls: type[Table], table: Any, where: str) -> Table:
    """An instance of a dataclass, its values converted and checked by pydantic."""
    from pydantic import TypeAdapter, ValidationError

    if not isinstance(table, Mapping):
        raise InputError(f"parse_ladder needs a table as {where}; got {table!r}. Write it as a TOML table.")
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    for unknown in table.keys() - set(known):
        raise InputError(
            f"parse_ladder needs keys of {where} ({', '.join(known)}); got {unknown!r}. Mend or remove it."
        )
    try:
        return TypeAdapter(cls).validate_python(dict(table))
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InputError):
            raise cause from None
        at = ".".join(map(str, first["loc"]))
        if first["type"] == "missing":
            raise InputError(f"parse_ladder needs `{at}` in {where}; got none. Add it.") from None
        raise InputError(
            f"parse_ladder needs a valid `{at}` in {where}; got {first['input']!r}: {first['msg']}."
        ) from None


def _found(value: Any, name: str, folder: Path) -> Any:
    """A file, or list of files, from the current folder or else from the ladder file's."""
    if name == "files" and isinstance(value, list):
        return [_found(v, "file", folder) for v in value]
    if name == "file" and isinstance(value, str) and not Path(value).exists() and (folder / value).exists():
        return str(folder / value)
    return value
