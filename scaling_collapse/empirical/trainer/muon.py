r"""Muon for the hidden matrices of a model beside AdamW for everything else, as one optimizer.

Muon: `m <- momentum m + (1 - momentum) g`, `u = momentum m + (1 - momentum) g` (Nesterov), `w <- w - lr weight_decay w
- lr (max(1, out/in))^(1/2) orth(u)`, where `orth` takes the singular values of a matrix to about 1 by five
Newton-Schulz steps in bfloat16 (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; `torch.optim.Muon`).

torch's takes matrices one by one, as (outputs, inputs). Models here hold the matrices of all seeds in one tensor, as
(seeds, inputs, outputs): Muon works on transposed views of it, so that a seed whose loss is not finite spoils no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Muon, Optimizer

__all__ = ["MuonBesideAdamW"]


class MuonBesideAdamW(Optimizer):
    """Both optimizers in one step; `param_groups` and `state` are theirs together.

    Parameters
    ----------
    hidden
        Groups of Muon's weights, each of shape (seeds, inputs, outputs) with its gradient in place; at least one.
    adamw
        The optimizer of all other weights.
    momentum
        Of Muon, in [0, 1).
    """

    def __init__(self, hidden: Sequence[Mapping[str, Any]], adamw: AdamW, *, momentum: float) -> None:
        self._weights: list[Tensor] = [weight for group in hidden for weight in group["params"]]
        super().__init__([*self._weights, *(w for group in adamw.param_groups for w in group["params"])], {})
        self._adamw = adamw
        self._seeds = {weight: [_of_seed(weight, seed) for seed in range(len(weight))] for weight in self._weights}
        groups = [
            {**group, "params": [view for weight in group["params"] for view in self._seeds[weight]]}
            for group in hidden
        ]
        self._muon = Muon(groups, lr=0.0, momentum=momentum)
        self.param_groups = [*self._muon.param_groups, *adamw.param_groups]
        self.state = adamw.state  # of AdamW's weights, and Muon's momentum by weight, as checkpoints keep it

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of both."""
        for weight in self._weights:  # a resumed run has put another momentum there
            kept = self.state[weight]
            if "momentum_buffer" not in kept:
                kept["momentum_buffer"] = torch.zeros_like(weight)
            for view, momentum in zip(self._seeds[weight], kept["momentum_buffer"], strict=True):
                self._muon.state[view] = {"momentum_buffer": momentum.T}
        self._muon.step()
        return self._adamw.step(closure)


def _of_seed(weight: Tensor, seed: int) -> Tensor:
    """One seed's matrix as (outputs, inputs), on the same memory, its gradient too."""
    assert weight.grad is not None
    view = weight.detach()[seed].T
    view.grad = weight.grad[seed].T
    return view
