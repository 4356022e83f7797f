"""gelu in its tanh form, and its gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from .fused import fusible, gelu_backward_fused, gelu_fused

__all__ = ["gelu", "gelu_backward", "gelu_forward"]


def gelu_forward(z: Tensor) -> Tensor:
    """`gelu(z)`, not differentiable.

    >>> gelu_forward(torch.tensor([1.0])).item()
    0.841192
    """
    return gelu_fused(z) if fusible(z) else F.gelu(z, approximate="tanh")


def gelu_backward(g: Tensor, z: Tensor) -> Tensor:
    """Gradient with respect to z from the gradient g with respect to gelu(z)."""
    if fusible(g, z):
        return gelu_backward_fused(g, z)
    return torch.ops.aten.gelu_backward(g, z, approximate="tanh")


class _Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return gelu_forward(z)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return gelu_backward(grad_outputs[0].contiguous(), *ctx.saved_tensors)


def gelu(z: Tensor) -> Tensor:
    """`gelu(z)`, differentiable once."""
    if not fusible(z):
        return F.gelu(z, approximate="tanh")
    result = _Gelu.apply(z)
    assert isinstance(result, Tensor)
    return result
