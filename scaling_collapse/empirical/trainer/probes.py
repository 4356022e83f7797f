r"""What is measured beside the loss: the trace of the minibatch gradient covariance, and the scale of features.

With `g_1 ... g_n` the gradients of n batches at the same weights, `Sigma = cov(g)`, and `P` the diagonal of the
optimizer's step per gradient at the peak learning rate, coordinates in which P is the identity have gradients
`u = P^(1/2) g`, and

.. math:: \mathrm{Tr}\,\Sigma_u = \sum_j P_j\,\mathrm{var}_i[g_{ij}]

is the Tr Sigma of the SGD noise law (Qiu et al. 2025, arXiv 2507.02119, sections 3.2 and 3.3). The variance of each
entry is kept by Welford's recursion, so a probe needs room for two more gradients however many batches it takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...common import InputError
from .models.model import Model

__all__ = ["FeatureScales", "NoiseTrace", "feature_scales", "noise_trace"]


@dataclass(frozen=True, kw_only=True)
class NoiseTrace:
    """Trace of the covariance of minibatch gradients, for the S seeds.

    Parameters
    ----------
    raw
        `Tr cov(g)`, shape (S,), float64.
    preconditioned
        `Tr cov(P^(1/2) g)`, shape (S,), float64; the `noise_trace` of curve tables.
    batches
        `n`, batches that it was taken over.
    """

    raw: Tensor
    preconditioned: Tensor
    batches: int


@dataclass(frozen=True, kw_only=True)
class FeatureScales:
    """Root mean squares of the residual stream and of the outputs (predictions or logits), both shape (S,)."""

    hidden: Tensor
    output: Tensor


def noise_trace(
    model: Model, batches: Iterable[tuple[Tensor, Tensor]], step_per_gradient: Tensor, *, published: bool = False
) -> NoiseTrace:
    """Measure the gradient noise of every seed over some batches.

    The model's gradients are overwritten; its weights and the optimizer stay as they are.

    Parameters
    ----------
    model
        The S models.
    batches
        At least 2 batches (inputs, targets) of the training batch size, fresh or of the test split.
    step_per_gradient
        `P`, laid out as `model.flat`, see `optimizers.step_per_gradient`.
    published
        Divide by n, as the published code does, and not by n - 1, which makes the estimate unbiased.

    Returns
    -------
    NoiseTrace

    Raises
    ------
    InputError
        If there are fewer than 2 batches.
    """
    mean, spread = torch.zeros_like(model.flat), torch.zeros_like(model.flat)
    n = 0
    for inputs, targets in batches:
        n += 1
        model.backward(inputs, targets)
        off = model.flat_grad - mean
        mean.add_(off, alpha=1 / n)
        spread.addcmul_(off, model.flat_grad.sub(mean))
    if n < 2:
        raise InputError(f"noise_trace needs at least 2 batches; got {n}. Give more test data or smaller batches.")
    variance = spread.div_(n if published else n - 1)
    return NoiseTrace(
        raw=_per_seed(model, variance), preconditioned=_per_seed(model, variance * step_per_gradient), batches=n
    )


@torch.no_grad()
def feature_scales(model: Model, inputs: Tensor) -> FeatureScales:
    """Root mean square over examples and coordinates of what the model computes from some inputs."""
    hidden, output = model.features(inputs)
    return FeatureScales(hidden=_root_mean_square(hidden), output=_root_mean_square(output))


def _root_mean_square(t: Tensor) -> Tensor:
    """Over all axes but the first, float64."""
    return t.double().flatten(1).square().mean(1).sqrt()


def _per_seed(model: Model, flat: Tensor) -> Tensor:
    """Sum of a buffer laid out as `model.flat` over each seed's entries, float64, shape (S,)."""
    sums = [view.flatten(1).sum(1, dtype=torch.float64) for view in model.views(flat).values()]
    return torch.stack(sums).sum(0)
