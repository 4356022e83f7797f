"""Tables of a ladder file: architecture, optimizer, evaluation and probes, each checked where it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...common import InputError
from .parametrization import DECAYING, OptimizerKind

__all__ = ["Evaluation", "ModelTable", "OptimizerTable", "Probes"]


@dataclass(frozen=True, kw_only=True)
class ModelTable:
    """Architecture: `kind` is one of `models.MODELS`; `depth` is N of every size, or a list, one for each width."""

    kind: Literal["mlp", "decoder"]
    depth: int | tuple[int, ...] = 3


@dataclass(frozen=True, kw_only=True)
class OptimizerTable:
    """Optimizer and its options, see `optimizers.make_optimizer`; a `timescale` instead of a `weight_decay`.

    Parameters
    ----------
    kind, betas, eps, weight_decay, momentum
        As there.
    timescale
        `tau = B / (lr weight_decay T)`, > 0, how far back the average of updates reaches that decoupled weight decay
        makes of the weights, as a share of training. It gives each size its `weight_decay = 1 / (lr tau steps)`.

    Raises
    ------
    InputError
        If the timescale is not positive, stands beside a weight decay, or the optimizer has no decoupled decay.
    """

    kind: OptimizerKind = "adam"
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-20
    weight_decay: float = 0.0
    momentum: float = 0.9
    timescale: float | None = None

    def __post_init__(self) -> None:
        if self.timescale is None:
            return
        if not (math.isfinite(self.timescale) and self.timescale > 0):
            raise InputError(f"OptimizerTable needs a positive `timescale`; got {self.timescale}. Try 0.2.")
        if self.weight_decay or self.kind not in DECAYING:
            raise InputError(
                "OptimizerTable needs `kind` adamw or muon and no `weight_decay` beside a `timescale`; got "
                f"{self.kind} and {self.weight_decay}. Remove one."
            )

    def decay(self, *, lr: float, steps: int) -> float:
        """Weight decay of a size that makes so many steps at the peak rate `lr` of the base width."""
        return self.weight_decay if self.timescale is None else 1.0 / (lr * self.timescale * steps)


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
