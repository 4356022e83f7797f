r"""The residual MLP of the published ladders, all seeds of one width in one batched pass.

`h_0 = x E`, `h_{n+1} = h_n + (6/N) gelu(rms(h_n) U_n) V_n`, `f = rms(h_N) r`, with `rms(h) = h / sqrt(mean h^2)`
without gain, gelu in its tanh form and no biases. `V_n` and `r` start at zero, `E` and `U_n` normal with variance
1/fan_in; the loss is half the mean squared error (Qiu et al. 2025, arXiv 2507.02119).

The gradient is written out: at these widths autograd's bookkeeping costs more than the products, and the hand-made
pass is more than twice as fast (tests compare it with float64 autograd).

Shapes: S seeds, B batch, D width, N blocks, I inputs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["ResidualMLP", "parameter_count"]

BRANCH = 6.0  # each of the N branches is multiplied by BRANCH / N
EPSILON = 1e-6  # below the mean square under the root of rms


def parameter_count(inputs: int, width: int, depth: int) -> int:
    """`p = I D + 2 N D^2 + D`, every parameter of one seed's model.

    >>> parameter_count(8, 384, 5)
    1478016
    """
    return inputs * width + 2 * depth * width**2 + width


class ResidualMLP:
    """S independent models of one width, evaluated together on the same inputs.

    Parameters
    ----------
    inputs, width, depth
        I, D and N, each >= 1.
    seeds
        Seeds of the initializations; one model each.
    dtype
        float32, or float64 for tests.

    Attributes
    ----------
    embed, up, down, readout
        `E` (S, I, D); N of `U_n` (S, D, D); N of `V_n` (S, D, D); `r` (S, D, 1).
    """

    def __init__(
        self, inputs: int, width: int, depth: int, seeds: list[list[int]], dtype: torch.dtype = torch.float32
    ) -> None:
        rngs = [np.random.default_rng(seed) for seed in seeds]

        def normal(rows: int) -> Tensor:
            draws = np.stack([rng.standard_normal((rows, width)) / rows**0.5 for rng in rngs])
            return torch.from_numpy(draws).to(dtype)

        def zeros(columns: int) -> Tensor:
            return torch.zeros(len(seeds), width, columns, dtype=dtype)

        self.embed = normal(inputs)
        self.up = [normal(width) for _ in range(depth)]
        self.down = [zeros(width) for _ in range(depth)]
        self.readout = zeros(1)
        self.branch = BRANCH / depth
        for weight in self.parameters():
            weight.grad = torch.zeros_like(weight)

    def parameters(self) -> list[Tensor]:
        """Every weight, embedding first."""
        return [self.embed, *self.up, *self.down, self.readout]

    def predict(self, x: Tensor) -> Tensor:
        """`f(x)`, shape (S, B), for inputs of shape (B, I)."""
        return self._forward(x, None)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Half the mean squared error of each seed's model on (x, y), shape (S,), summed in float64."""
        return (self.predict(x) - y).double().square().mean(-1) / 2

    def backward(self, x: Tensor, y: Tensor) -> None:
        """Fill `.grad` of every weight with the gradient of its seed's loss on (x, y)."""
        tape: list[tuple[Tensor, ...]] = []
        error = self._forward(x, tape) - y
        r, scale = tape.pop()
        g = (error / len(y)).unsqueeze(-1)
        _product(self.readout, r.mT, g)
        g = _rms_backward(g * self.readout.mT, r, scale)
        for n in reversed(range(len(self.up))):
            r, scale, z, a = tape.pop()
            _product(self.down[n], a.mT, g, self.branch)
            dz = torch.ops.aten.gelu_backward(torch.bmm(g, self.down[n].mT), z, approximate="tanh")
            _product(self.up[n], r.mT, dz, self.branch)
            g.add_(_rms_backward(torch.bmm(dz, self.up[n].mT), r, scale), alpha=self.branch)
        _product(self.embed, x.mT.expand(len(g), -1, -1), g)

    def _forward(self, x: Tensor, tape: list[tuple[Tensor, ...]] | None) -> Tensor:
        h = torch.matmul(x, self.embed)
        for up, down in zip(self.up, self.down, strict=True):
            r, scale = _rms(h)
            z = torch.bmm(r, up)
            a = torch.nn.functional.gelu(z, approximate="tanh")
            h = torch.baddbmm(h, a, down, alpha=self.branch)
            if tape is not None:
                tape.append((r, scale, z, a))
        r, scale = _rms(h)
        if tape is not None:
            tape.append((r, scale))
        return torch.bmm(r, self.readout).squeeze(-1)


def _rms(h: Tensor) -> tuple[Tensor, Tensor]:
    """`h` over its root mean square (last axis), and the factor."""
    scale = torch.rsqrt(h.square().mean(-1, keepdim=True) + EPSILON)
    return h * scale, scale


def _rms_backward(g: Tensor, r: Tensor, scale: Tensor) -> Tensor:
    """Gradient with respect to h of `r = h scale(h)`: the part along r is projected out."""
    return (g - r * (g * r).mean(-1, keepdim=True)) * scale


def _product(weight: Tensor, left: Tensor, right: Tensor, factor: float = 1.0) -> None:
    """`weight.grad = factor * left @ right`, in place."""
    assert weight.grad is not None
    torch.baddbmm(weight.grad, left, right, beta=0, alpha=factor, out=weight.grad)
