r"""Adam, AdamW, SGD with momentum and Muon beside AdamW, each tensor at its own rate; all seeds in one step.

The updates work entry by entry, so seeds that share a tensor stay independent: a seed whose loss is not finite spoils
no other. torch's own fused implementations do the work; here is which tensor gets which rate, decay and epsilon.

Adam: `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1 - b2) g^2`, `w <- w - lr m_hat / (sqrt(v_hat) + eps)`; AdamW
subtracts `lr weight_decay w` besides. SGD: `u <- momentum u + g`, `w <- w - lr u`. Muon: see `muon`.
"""

from __future__ import annotations

from typing import cast, get_args

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from ...common import InputError
from .models.model import Model
from .muon import MuonBesideAdamW
from .parametrization import DECAYING, OptimizerKind

__all__ = ["make_optimizer", "set_lr", "step_per_gradient"]


def make_optimizer(
    model: Model,
    kind: OptimizerKind = "adam",
    *,
    betas: tuple[float, float] = (0.9, 0.95),
    eps: float = 1e-20,
    weight_decay: float = 0.0,
    momentum: float = 0.9,
    fused: bool = True,
) -> Optimizer:
    """The optimizer of a model's weights; its learning rate is 0 until `set_lr`.

    Parameters
    ----------
    model
        What to optimize; its parametrization gives each tensor's factors.
    kind
        `"adam"`, `"adamw"`, `"sgd"`, or `"muon"`: Muon for hidden matrices, AdamW for embeddings and readout.
    betas, eps
        Of Adam and AdamW; `betas` in [0, 1), `eps` >= 0. The published runs use the defaults.
    weight_decay
        Decoupled decay, of AdamW and Muon, >= 0.
    momentum
        Of SGD and Muon, in [0, 1).
    fused
        Use torch's fused kernels; the plain ones are for tests.

    Raises
    ------
    InputError
        If an argument is out of its domain.
    """
    if kind not in get_args(OptimizerKind):
        raise InputError(
            f"make_optimizer needs a `kind` of {', '.join(get_args(OptimizerKind))}; got {kind!r}. Choose one."
        )
    if not all(0 <= value < 1 for value in (*betas, momentum)):
        raise InputError(f"make_optimizer needs `betas` and `momentum` in [0, 1); got {betas} and {momentum}.")
    if min(eps, weight_decay) < 0:
        raise InputError(f"make_optimizer needs `eps` and `weight_decay` >= 0; got {eps} and {weight_decay}.")
    if weight_decay and kind not in DECAYING:
        raise InputError(
            f"make_optimizer needs `kind` adamw or muon for a `weight_decay`; got {kind}. Choose adamw, or 0."
        )
    hidden = {spec.name for spec in model.specs if spec.kind == "hidden"} if kind == "muon" else set()
    groups: dict[tuple[bool, float, float, float], list[Tensor]] = {}
    for name, scale in model.scales(kind).items():
        key = (name in hidden, scale.lr, scale.weight_decay, scale.eps)
        groups.setdefault(key, []).append(model.weights[name])
    per_group = [
        {"params": tensors, "factor": lr, "weight_decay": weight_decay * decay}
        | ({} if kind == "sgd" or muon else {"eps": eps * smallest})
        for (muon, lr, decay, smallest), tensors in groups.items()
    ]
    if kind == "sgd":
        return SGD(per_group, lr=0.0, momentum=momentum, fused=fused)
    if kind == "muon":
        adamw = AdamW([group for group in per_group if "eps" in group], lr=0.0, betas=betas, fused=fused)
        return MuonBesideAdamW([group for group in per_group if "eps" not in group], adamw, momentum=momentum)
    return (AdamW if kind == "adamw" else Adam)(per_group, lr=0.0, betas=betas, fused=fused)


def set_lr(optimizer: Optimizer, lr: float) -> None:
    """Give every tensor its rate: `lr`, the base model's, times the tensor's factor."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["factor"]


def step_per_gradient(optimizer: Optimizer, model: Model, lr: float) -> Tensor:
    """How far each weight moves per unit of gradient, `P`, laid out as `model.flat`.

    `lr_tensor / (sqrt(v_hat) + eps)` for Adam and AdamW with v_hat the bias-corrected second moment (after at least
    one step); `lr_tensor / (1 - momentum)` for SGD.

    Parameters
    ----------
    optimizer, model
        Of one training run.
    lr
        Base learning rate to absorb; the noise probe takes the peak of the schedule.

    Raises
    ------
    InputError
        If Adam has not made a step, or the optimizer is Muon, whose step is no multiple of each entry's gradient.
    """
    if isinstance(optimizer, MuonBesideAdamW):
        raise InputError("step_per_gradient needs Adam, AdamW or SGD; got Muon. Set noise_points = 0 in [probes].")
    P = torch.empty_like(model.flat)
    cut = {id(model.weights[name]): view for name, view in model.views(P).items()}
    for group in optimizer.param_groups:
        rate = lr * group["factor"]
        for weight in cast(list[Tensor], group["params"]):
            if "betas" not in group:
                cut[id(weight)].fill_(rate / (1 - group["momentum"]))
                continue
            state = optimizer.state.get(weight)
            if not state:
                raise InputError("step_per_gradient needs an optimizer after its first step; got a fresh one. Train.")
            v_hat = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
            cut[id(weight)].copy_(rate / (v_hat.sqrt_() + group["eps"]))
    return P
