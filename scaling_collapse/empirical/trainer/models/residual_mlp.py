r"""The residual MLP of the published ladders.

`h_0 = x E`, `h_{n+1} = h_n + b gelu(rms(h_n) U_n) V_n`, `f = rms(h_N) r`, with `rms(h) = h / sqrt(mean h^2)` without
gain, gelu in its tanh form, no biases and `b = 6/N` (at depth exponent 1). `V_n` and `r` start at zero, `E` and `U_n`
normal with variance 1/fan_in; the loss is half the mean squared error (Qiu et al. 2025, arXiv 2507.02119).

`backward` has the gradient written out: at small widths autograd's bookkeeping costs more than the products.

Shapes: S seeds, B batch, D width, N blocks, I inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ....common import InputError
from ..parametrization import TensorSpec
from .activation import gelu, gelu_backward, gelu_forward
from .model import Features, Model, Seed
from .norm import rms, rms_and_factor, rms_backward

__all__ = ["ResidualMLP"]


class ResidualMLP(Model):
    """S residual MLPs of one width on the same inputs.

    Parameters
    ----------
    inputs, width, depth
        I, D and N, each >= 1.
    seeds
        Seeds of the initial values, one model each.
    **options
        `parametrization`, `dtype` and `device`, see `Model`.

    Raises
    ------
    InputError
        If a size is not positive or there is no seed.

    Examples
    --------
    >>> ResidualMLP(8, 384, 5, seeds=[[0]]).params
    1478016
    """

    base_depth = 6

    def __init__(self, inputs: int, width: int, depth: int, *, seeds: Sequence[Seed], **options: Any) -> None:
        super().__init__(self.tensors(inputs, width, depth), width=width, depth=depth, seeds=seeds, **options)
        self._up = [self.weights[f"up{n}"] for n in range(depth)]
        self._down = [self.weights[f"down{n}"] for n in range(depth)]

    @staticmethod
    def tensors(inputs: int, width: int, depth: int) -> tuple[TensorSpec, ...]:
        """The weights of one seed's model: E (I, D), N of U_n and V_n (D, D), r (D, 1)."""
        if min(inputs, width, depth) < 1:
            raise InputError(f"ResidualMLP needs inputs, width and depth >= 1; got {inputs}, {width}, {depth}.")
        blocks = [
            TensorSpec(f"{name}{n}", "hidden", (width, width), width, zero=name == "down")
            for n in range(depth)
            for name in ("up", "down")
        ]
        embed = TensorSpec("embed", "embedding", (inputs, width), inputs)
        return (embed, *blocks, TensorSpec("readout", "readout", (width, 1), width, zero=True))

    def features(self, inputs: Tensor) -> Features:
        """Residual stream (S, B, D) and prediction (S, B) for inputs (B, I)."""
        h = torch.matmul(inputs, self.weights["embed"])
        for up, down in zip(self._up, self._down, strict=True):
            h = torch.add(h, torch.bmm(gelu(torch.bmm(rms(h), up)), down), alpha=self.branch)
        return Features(h, torch.bmm(rms(h), self.weights["readout"]).squeeze(-1))

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Half the mean squared error of each seed's model, shape (S,), summed in float64."""
        return (self.features(inputs).output - targets).double().square().mean(-1) / 2

    @torch.no_grad()
    def backward(self, inputs: Tensor, targets: Tensor, *, accumulate: bool = False, weight: float = 1.0) -> Tensor:
        """As `Model.backward`, with the gradient written out; autograd's under autocast, which `out=` does not know."""
        if torch.is_autocast_enabled(inputs.device.type):
            return super().backward(inputs, targets, accumulate=accumulate, weight=weight)
        b = self.branch
        tape: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        h = torch.matmul(inputs, self.weights["embed"])
        for up, down in zip(self._up, self._down, strict=True):
            r, scale = rms_and_factor(h)
            z = torch.bmm(r, up)
            a = gelu_forward(z)
            h = torch.baddbmm(h, a, down, alpha=b)
            tape.append((r, scale, z, a))
        r, scale = rms_and_factor(h)
        readout = self.weights["readout"]
        error = torch.bmm(r, readout).squeeze(-1) - targets

        g = (error * (weight / len(targets))).unsqueeze(-1)
        _put(readout, r.mT, g, 1.0, accumulate)
        g = rms_backward(g * readout.mT, r, scale)
        for up, down in zip(reversed(self._up), reversed(self._down), strict=True):
            r, scale, z, a = tape.pop()
            _put(down, a.mT, g, b, accumulate)
            dz = gelu_backward(torch.bmm(g, down.mT), z)
            _put(up, r.mT, dz, b, accumulate)
            g.add_(rms_backward(torch.bmm(dz, up.mT), r, scale), alpha=b)
        _put(self.weights["embed"], inputs.mT.expand(self.seeds, -1, -1), g, 1.0, accumulate)
        return error.double().square().mean(-1) / 2


def _put(weight: Tensor, left: Tensor, right: Tensor, factor: float, accumulate: bool) -> None:
    """`weight.grad (+)= factor left @ right`, in place."""
    assert weight.grad is not None
    torch.baddbmm(weight.grad, left, right, beta=int(accumulate), alpha=factor, out=weight.grad)
