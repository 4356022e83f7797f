r"""The causal transformer decoder of the published ladders.

Token and learned position embeddings are added; then N blocks of `h <- h + b attention(rms(h))` and
`h <- h + b gelu(rms(h) U) V`, and logits `rms(h) R`; `rms` has no gain, nothing has a bias, and `b = 3/N` (at depth
exponent 1). Heads are 64 wide (one head of the model's width below 64), queries and keys are divided by their root
mean square, scores by the root of the head size. Embeddings start with sd 0.1, the matrices after attention and gelu
and the readout at zero, the rest with sd `D^-1/2`; the loss is the mean cross-entropy over all positions (Qiu et al.
2025, arXiv 2507.02119).

Shapes: S seeds, B sequences, T tokens, D width, H heads of size K, V ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from ....common import InputError
from ..parametrization import TensorSpec
from .activation import gelu
from .model import Features, Model, Seed
from .norm import rms

__all__ = ["Decoder"]

HEAD = 64
EMBEDDING_SD = 0.1


class Decoder(Model):
    """S decoders of one width on the same sequences.

    Parameters
    ----------
    vocabulary
        V, >= 2.
    context
        Longest sequence, >= 1.
    width
        D, at most 64 or a multiple of it.
    depth
        N, >= 1.
    seeds
        Seeds of the initial values, one model each.
    **options
        `parametrization`, `dtype` and `device`, see `Model`.

    Raises
    ------
    InputError
        If a size is out of its domain or there is no seed.

    Examples
    --------
    >>> Decoder(256, 128, 128, 3, seeds=[[0]]).params
    376832
    """

    base_depth = 3

    def __init__(
        self, vocabulary: int, context: int, width: int, depth: int = 3, *, seeds: Sequence[Seed], **options: Any
    ) -> None:
        specs = self.tensors(vocabulary, context, width, depth)
        super().__init__(specs, width=width, depth=depth, seeds=seeds, **options)
        self.vocabulary, self.context = vocabulary, context
        self.heads = max(1, width // HEAD)

    @staticmethod
    def tensors(vocabulary: int, context: int, width: int, depth: int = 3) -> tuple[TensorSpec, ...]:
        """The weights of one seed's model."""
        if min(context, width, depth) < 1 or vocabulary < 2:
            raise InputError(
                "Decoder needs a vocabulary >= 2 and context, width and depth >= 1; got "
                f"{vocabulary}, {context}, {width}, {depth}."
            )
        if width > HEAD and width % HEAD:
            raise InputError(f"Decoder needs a width of at most {HEAD} or a multiple of it; got {width}.")
        D = width
        blocks: list[TensorSpec] = []
        for n in range(depth):
            blocks += [
                TensorSpec(f"qkv{n}", "hidden", (D, 3 * D), D),  # queries, keys, values side by side
                TensorSpec(f"out{n}", "hidden", (D, D), D, zero=True),
                TensorSpec(f"up{n}", "hidden", (D, D), D),
                TensorSpec(f"down{n}", "hidden", (D, D), D, zero=True),
            ]
        return (
            TensorSpec("token", "embedding", (vocabulary, D), vocabulary, sd=EMBEDDING_SD),
            TensorSpec("position", "embedding", (context, D), context, sd=EMBEDDING_SD),
            *blocks,
            TensorSpec("readout", "readout", (D, vocabulary), D, zero=True),
        )

    def features(self, inputs: Tensor) -> Features:
        """Residual stream (S, B T, D) and logits (S, B T, V) for token ids (B, T)."""
        w, (B, T) = self.weights, inputs.shape
        h = self._embed(inputs)
        for n in range(self.depth):
            h = torch.add(h, torch.bmm(self._attend(h, w[f"qkv{n}"], B, T), w[f"out{n}"]), alpha=self.branch)
            a = gelu(torch.bmm(rms(h), w[f"up{n}"]))
            h = torch.add(h, torch.bmm(a, w[f"down{n}"]), alpha=self.branch)
        return Features(h, torch.bmm(rms(h), w["readout"]))

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of each seed's model over all positions, nats, shape (S,)."""
        logits = self.features(inputs).output
        wanted = targets.reshape(1, -1).expand(self.seeds, -1)
        losses = F.cross_entropy(logits.flatten(0, 1).to(self.flat.dtype), wanted.reshape(-1), reduction="none")
        return losses.view(self.seeds, -1).mean(1, dtype=torch.float64)

    def _embed(self, inputs: Tensor) -> Tensor:
        """`h_0`, shape (S, B T, D): one lookup in the tables of all seeds laid end to end."""
        S, V, D = self.weights["token"].shape
        first = torch.arange(0, S * V, V, device=inputs.device).view(S, 1, 1)
        token = F.embedding(inputs + first, self.weights["token"].reshape(S * V, D))
        position = self.weights["position"][:, None, : inputs.shape[1]]
        return (token + position).flatten(1, 2)

    def _attend(self, h: Tensor, qkv: Tensor, B: int, T: int) -> Tensor:
        """Causal attention of every head, side by side, shape (S, B T, D)."""
        S, _, D = h.shape
        H, K = self.heads, D // self.heads
        q, k, v = torch.bmm(rms(h), qkv).view(S * B, T, 3, H, K).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rms(q), rms(k), v, is_causal=True, scale=K**-0.5)
        return mixed.transpose(1, 2).reshape(S, B * T, D)
