r"""What every model of the trainer is: S independent models of one shape in one set of tensors, one seed each.

Every weight has a leading axis of S seeds, and every product is one batched product over it, so seeds train side by
side at the cost of few small kernels. All weights lie in one flat buffer, all gradients in another: an optimizer, a
probe or a checkpoint needs to know no more than that.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ....common import InputError
from ..parametrization import OptimizerKind, Parametrization, TensorScale, TensorSpec

__all__ = ["Features", "Model", "Seed", "initial_draw"]

Seed = Sequence[int]


class Features(NamedTuple):
    """What a model computes on the way to its loss, for the S seeds.

    `hidden`: the residual stream before the last norm, shape (S, examples or tokens, D). `output`: predictions, shape
    (S, B), or logits, shape (S, B T, V).
    """

    hidden: Tensor
    output: Tensor


class Model(ABC):
    """S models of one shape.

    Parameters
    ----------
    specs
        The weight tensors of one seed's model, in the order of the flat buffer.
    width
        D, >= 1.
    depth
        N, >= 1; branches shrink with depth over `base_depth`.
    seeds
        One list of whole numbers for each model; its initial values depend on that list alone.
    parametrization
        Gives initial scales and learning-rate factors; default muP against width 128.
    dtype, device
        Of all tensors.

    Attributes
    ----------
    weights
        Tensors by name, shape (S, ...), in the order of `specs`; views of `flat`, and their `.grad` of `flat_grad`.
    flat, flat_grad
        All weights and all gradients, shape (S params,), tensor after tensor.
    branch
        Factor of every residual branch.
    """

    base_depth: ClassVar[int]
    """Depth at which a branch is multiplied by 1."""

    def __init__(
        self,
        specs: Sequence[TensorSpec],
        *,
        width: int,
        depth: int,
        seeds: Sequence[Seed],
        parametrization: Parametrization | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if not seeds:
            raise InputError(f"{type(self).__name__} needs at least 1 seed; got none. Name one, such as [0].")
        self.parametrization = Parametrization() if parametrization is None else parametrization
        self.specs = tuple(specs)
        self.width, self.depth, self.seeds = width, depth, len(seeds)
        self.branch = self.parametrization.branch(depth / self.base_depth)
        self.flat = torch.zeros(self.seeds * self.params, dtype=dtype, device=device)
        self.flat_grad = torch.zeros_like(self.flat)
        self.weights = {name: w.requires_grad_() for name, w in self.views(self.flat).items()}
        for name, gradient in self.views(self.flat_grad).items():
            self.weights[name].grad = gradient
        scales = self.scales("adam")  # initial scales are the same for every optimizer
        with torch.no_grad():
            for spec in specs:
                if sd := scales[spec.name].sd:
                    for i, seed in enumerate(seeds):
                        self.weights[spec.name][i] = torch.from_numpy(initial_draw(seed, spec) * np.float32(sd))

    @property
    def params(self) -> int:
        """`p`, parameters of one seed's model."""
        return sum(spec.size for spec in self.specs)

    def scales(self, optimizer: OptimizerKind) -> dict[str, TensorScale]:
        """`TensorScale` of every weight under an optimizer, by name."""
        growth = self.depth / self.base_depth
        rule = self.parametrization
        return {s.name: rule.scale(s, width=self.width, depth_growth=growth, optimizer=optimizer) for s in self.specs}

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """A buffer laid out as `flat`, cut into tensors by name, shape (S, ...)."""
        pieces = flat.split([self.seeds * spec.size for spec in self.specs])
        return {s.name: piece.view(self.seeds, *s.shape) for s, piece in zip(self.specs, pieces, strict=True)}

    @abstractmethod
    def features(self, inputs: Tensor) -> Features:
        """Hidden features and outputs, differentiable."""

    @abstractmethod
    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of each seed's model on a batch, shape (S,), differentiable."""

    def backward(self, inputs: Tensor, targets: Tensor, *, accumulate: bool = False, weight: float = 1.0) -> Tensor:
        """Write `weight` times each seed's gradient on a batch into `flat_grad`, or add it there.

        Parameters
        ----------
        inputs, targets
            A batch, the same for all seeds.
        accumulate
            Add to the gradient of earlier batches.
        weight
            For example 1 / (number of batches accumulated).

        Returns
        -------
        Tensor
            The losses, shape (S,), detached and without the weight.
        """
        if not accumulate:
            self.flat_grad.zero_()
        with torch.enable_grad():
            loss = self.loss(inputs, targets)
            # Seeds share no weight, so the gradient of the sum is each seed's own.
            (loss.sum() * weight).backward()
        return loss.detach()


def initial_draw(seed: Seed, spec: TensorSpec) -> np.ndarray:
    """Standard normal float32 numbers of a tensor's shape, fixed by the seed and the tensor's name.

    >>> spec = TensorSpec("readout", "readout", (3, 1), 3)
    >>> initial_draw([0, 1], spec).shape
    (3, 1)
    """
    rng = np.random.default_rng([*seed, zlib.crc32(spec.name.encode())])
    return rng.standard_normal(spec.shape, dtype=np.float32)
