r"""How initial values and learning rates of each tensor change with width and depth.

Symbols: `D` width, `m = D / base_width` its growth over the base model, `N` depth, `n = N / base_depth`, `alpha` the
depth exponent; every residual branch is multiplied by `n^-alpha` whatever the parametrization.

muP keeps the change of every feature and of the logits of order one as the width grows. With hidden matrices drawn
with variance 1/fan_in and readout and branch outputs starting at zero, the learning rates that do so are

=========  ================  ==================  ============
tensor     Adam, AdamW       SGD with momentum   epsilon
=========  ================  ==================  ============
embedding  1                 m                   1/m
hidden     n^(alpha-1) / m   n^(2 alpha-1)       n^-alpha / m
readout    1/m               1/m                 1
=========  ================  ==================  ============

and, for Muon's hidden matrices, `0.2 base_width^(1/2) n^(alpha-1)` whatever the width: an orthogonalized update has
spectral norm one, which is what muP asks of a square matrix (Bernstein & Newhouse, arXiv 2410.21265), and at the base
width this is the rate at which its entries move as far as AdamW's (0.2 of the rate, root mean square; Liu et al. 2025,
arXiv 2502.16982). Muon's other tensors take AdamW's rates. All are times the base rate (Yang et al. 2022, arXiv
2203.03466, table 3; depth: Dey et al. 2025, CompleteP, arXiv 2505.01618,
table 1, whose recommendation is alpha = 1). Epsilon follows the size of the gradient that it is added to. Decoupled
weight decay is divided by what the learning rate is multiplied by, so that their product, the rate of decay, stays.

The standard parametrization uses one rate for every tensor and width, and draws every matrix with variance 1/fan_in.
The constant one, an ablation, initializes as muP does and freezes every rate at its muP value at `constant_width`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...common import InputError

__all__ = ["DECAYING", "KINDS", "OptimizerKind", "Parametrization", "TensorScale", "TensorSpec"]

KINDS = ("mup", "standard", "constant")
ADAM_STEP = 0.2
"""Root mean square of AdamW's step over its rate, as measured in language models (arXiv 2502.16982, section 2.2)."""
OptimizerKind = Literal["adam", "adamw", "sgd", "muon"]
DECAYING = ("adamw", "muon")
"""Optimizers with decoupled weight decay."""


@dataclass(frozen=True)
class TensorSpec:
    """One weight tensor of a model, before any seed.

    Parameters
    ----------
    name
        Its name in the model; the initial draw depends on it and on the seed alone.
    kind
        `"embedding"`: no dimension but the last grows with width; `"hidden"`: both do; `"readout"`: the first does.
    shape
        Shape of one seed's tensor.
    fan_in
        Number of inputs of one output, >= 1.
    sd
        Standard deviation of the initial draw, or None for `fan_in^-1/2`.
    zero
        Starts at zero, except under the standard parametrization.
    """

    name: str
    kind: Literal["embedding", "hidden", "readout"]
    shape: tuple[int, ...]
    fan_in: int
    sd: float | None = None
    zero: bool = False

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class TensorScale:
    """Standard deviation of a tensor's initial draw, and its factors on the base rate, weight decay and epsilon."""

    sd: float
    lr: float
    weight_decay: float
    eps: float


@dataclass(frozen=True, kw_only=True)
class Parametrization:
    """What of a model's tensors changes with its width and depth.

    Parameters
    ----------
    kind
        `"mup"`, `"standard"` or `"constant"`, see the module.
    base_width
        Width at which muP's rates are the base rates, >= 1.
    constant_width
        Width whose muP rates the constant parametrization uses at every width, >= 1.
    depth_exponent
        `alpha`, in [0, 1]; 1 divides every branch by the depth.
    embedding, readout
        Multipliers of the learning rates of these kinds, > 0.

    Raises
    ------
    InputError
        If a field is out of its domain.

    Examples
    --------
    >>> hidden = TensorSpec("up0", "hidden", (512, 512), 512)
    >>> Parametrization().scale(hidden, width=512).lr, Parametrization(kind="standard").scale(hidden, width=512).lr
    (0.25, 1.0)
    """

    kind: Literal["mup", "standard", "constant"] = "mup"
    base_width: int = 128
    constant_width: int = 384
    depth_exponent: float = 1.0
    embedding: float = 1.0
    readout: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"Parametrization needs a `kind` of {', '.join(KINDS)}; got {self.kind!r}.")
        for name in ("base_width", "constant_width"):
            if getattr(self, name) < 1:
                raise InputError(f"Parametrization needs `{name}` >= 1; got {getattr(self, name)}. Try 128.")
        for name in ("embedding", "readout"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"Parametrization needs a positive multiplier `{name}`; got {value}. Try 1.")
        if not 0 <= self.depth_exponent <= 1:
            raise InputError(f"Parametrization needs a `depth_exponent` in [0, 1]; got {self.depth_exponent}. Try 1.")

    def branch(self, depth_growth: float) -> float:
        """The factor `n^-alpha` of every residual branch at depth growth `n`."""
        return depth_growth**-self.depth_exponent

    def scale(
        self,
        spec: TensorSpec,
        *,
        width: int,
        depth_growth: float = 1.0,
        optimizer: OptimizerKind = "adam",
    ) -> TensorScale:
        """The initial scale and the factors of one tensor.

        Parameters
        ----------
        spec
            The tensor.
        width
            `D`, >= 1.
        depth_growth
            `n`, depth over the architecture's base depth, > 0.
        optimizer
            Adam and AdamW share their factors; Muon has its own for hidden matrices.

        Returns
        -------
        TensorScale
        """
        drawn = spec.fan_in**-0.5 if spec.sd is None else spec.sd
        multiplier = {"embedding": self.embedding, "hidden": 1.0, "readout": self.readout}[spec.kind]
        muon = optimizer == "muon" and spec.kind == "hidden"
        if self.kind == "standard":
            rate = ADAM_STEP * max(spec.shape) ** 0.5 if muon else 1.0
            return TensorScale(drawn, rate * multiplier, 1.0 / rate, 1.0)
        growth = (self.constant_width if self.kind == "constant" else width) / self.base_width
        lr = self._rate(spec.kind, growth, depth_growth, sgd=optimizer == "sgd")
        if muon:
            lr = ADAM_STEP * self.base_width**0.5 * depth_growth ** (self.depth_exponent - 1)
        eps = {
            "embedding": 1.0 / growth,
            "hidden": self.branch(depth_growth) / growth,
            "readout": 1.0,
        }[spec.kind]
        return TensorScale(0.0 if spec.zero else drawn, lr * multiplier, 1.0 / lr, eps)

    def _rate(self, kind: str, m: float, n: float, *, sgd: bool) -> float:
        alpha = self.depth_exponent
        if sgd:
            return {"embedding": m, "hidden": n ** (2 * alpha - 1), "readout": 1 / m}[kind]
        return {"embedding": 1.0, "hidden": n ** (alpha - 1) / m, "readout": 1 / m}[kind]
