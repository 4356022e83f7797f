"""What a ladder trains: the frozen configuration of a family of runs, and the presets that have a name."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...sgd_noise_model import schedules
from ...theory import InputError
from .fourier import FourierTask

__all__ = ["PRESETS", "LadderConfig", "load_preset"]


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """A ladder of residual MLPs on a Fourier target: every width, every seed, one schedule.

    Raises
    ------
    InputError
        If a field is out of its domain.

    Examples
    --------
    >>> config = LadderConfig(name="small", task=FourierTask(dimensions=3), widths=(8, 16), kappa=10.0, gamma=1.0)
    >>> config.params(16), config.steps(16)
    (1600, 62)
    """

    name: str
    """Name of the family; runs are called `name-w{width}-s{seed}`."""
    task: FourierTask
    """Target to learn."""
    widths: tuple[int, ...]
    """Widths `D` of the models, increasing."""
    kappa: float
    """Prefactor of the horizon `t* = kappa p^gamma`, examples."""
    gamma: float
    """Data exponent of the horizon, >= 0; with 0 every width trains on `kappa` examples."""
    depth: int = 3
    """Residual blocks `N`."""
    seeds: int = 5
    """Number of initializations per width; all see the same data in the same order."""
    seed: int = 0
    """Base of every random draw but the target's: initializations, training inputs, test inputs."""
    schedule: str = "linear"
    """Learning-rate schedule, as `sgd_noise_model.schedules.parse` reads it."""
    lr: float = 1e-3
    """Peak learning rate at `base_width`; muP divides it by `width / base_width` for all but the embedding."""
    base_width: int = 128
    """Width at which every tensor's learning rate is `lr`."""
    batch_size: int = 256
    """Examples per step."""
    test_examples: int = 4096
    """Examples of the fixed test set."""
    linear_points: int = 100
    """Evaluations spaced evenly in training, the last one included."""
    log_points: int = 50
    """Evaluations spaced geometrically from the first step on."""

    def __post_init__(self) -> None:
        for name in ("depth", "seeds", "base_width", "batch_size", "test_examples", "linear_points"):
            if getattr(self, name) < 1:
                raise InputError(f"LadderConfig needs `{name}` >= 1; got {getattr(self, name)}. Raise it.")
        for name in ("kappa", "lr"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"LadderConfig needs a positive `{name}`; got {value}. See the preset `demo`.")
        if not math.isfinite(self.gamma):
            raise InputError(f"LadderConfig needs a finite `gamma`; got {self.gamma}. With 0 all train equally long.")
        schedules.parse(self.schedule)
        if not self.widths or min(self.widths) < 1 or len(set(self.widths)) != len(self.widths):
            raise InputError(f"LadderConfig needs at least 1 width, all positive and different; got {self.widths}.")

    def params(self, width: int) -> int:
        """`p = I D + 2 N D^2 + D`, parameters of one model."""
        return (self.task.dimensions + 1) * width + 2 * self.depth * width**2

    def steps(self, width: int) -> int:
        """Optimizer steps to the horizon `t* = kappa p^gamma`, at least 1."""
        return max(1, round(self.kappa * self.params(width) ** self.gamma / self.batch_size))


DEMO = LadderConfig(
    name="demo",
    task=FourierTask(dimensions=3, exponent=1.5, modes=100_000),
    widths=(28, 34, 42, 52, 64),
    # `scaling-collapse train demo-horizon --out DIR` and `scaling-collapse fit DIR/curves.parquet`, see docs/demo.md.
    kappa=516.86,
    gamma=0.9023,
    depth=2,
    lr=7e-4,
    batch_size=256,
    log_points=60,
)

PRESETS = {
    "demo": DEMO,
    "demo-horizon": replace(
        DEMO,
        name="demo-horizon",
        widths=(12, 17, 24, 34, 48, 68),
        schedule="constant",
        # About three times the horizon of each width.
        kappa=23_000.0,
        gamma=0.588,
        linear_points=150,
    ),
}
"""Ladders by name: `demo`, and `demo-horizon`, the over-trained runs from which its horizon is fitted."""


def load_preset(name: str) -> LadderConfig:
    """The ladder of a name.

    Raises
    ------
    InputError
        If there is no such preset.

    Examples
    --------
    >>> load_preset("demo").schedule
    'linear'
    """
    if name not in PRESETS:
        raise InputError(f"load_preset needs one of {', '.join(sorted(PRESETS))}; got {name!r}.")
    return PRESETS[name]
