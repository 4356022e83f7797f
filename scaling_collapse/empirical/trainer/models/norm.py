r"""Division by the root mean square without gain, `rms(h) = h / sqrt(mean h^2 + epsilon)`, and its gradient.

With `r = rms(h)` and `s` the factor, `dL/dh = s (g - r mean(g r))`: the part of the gradient along r is projected out.
Written out because it takes half as many passes over memory as what autograd makes of the definition.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .fused import fusible, rms_backward_fused, rms_fused

__all__ = ["EPSILON", "rms", "rms_and_factor", "rms_backward"]

EPSILON = 1e-6


def rms_and_factor(h: Tensor) -> tuple[Tensor, Tensor]:
    """`r` and the factor `s`, the latter with a last axis of 1 and at least float32.

    >>> rms_and_factor(torch.tensor([3.0, 4.0]))[0].square().mean().item()
    1.0000
    """
    if fusible(h):
        return rms_fused(h, EPSILON)
    wide = torch.promote_types(h.dtype, torch.float32)
    norm = torch.linalg.vector_norm(h, dim=-1, keepdim=True, dtype=wide)
    factor = norm.square_().div_(h.shape[-1]).add_(EPSILON).rsqrt_()
    return (h * factor).to(h.dtype), factor


def rms_backward(g: Tensor, r: Tensor, factor: Tensor) -> Tensor:
    """Gradient with respect to h from the gradient g with respect to r."""
    if fusible(g, r, factor):
        return rms_backward_fused(g, r, factor)
    along = torch.linalg.vecdot(g, r).unsqueeze(-1).div_(r.shape[-1])
    return torch.addcmul(g, r, along, value=-1).mul_(factor)


class _Rms(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        r, factor = rms_and_factor(h)
        ctx.save_for_backward(r, factor)
        return r

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        return rms_backward(grad_outputs[0], *ctx.saved_tensors)


def rms(h: Tensor) -> Tensor:
    """`r` along the last axis, differentiable once."""
    result = _Rms.apply(h)
    assert isinstance(result, Tensor)
    return result
