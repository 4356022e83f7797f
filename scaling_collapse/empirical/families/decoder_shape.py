"""Width, depth and heads of a decoder of about so many parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["HEAD", "DecoderShape", "shape_of"]

HEAD = 64
"""Dimensions of an attention head; narrower models have one head."""
SIZE_MISS, ASPECT_MISS = math.log(1.1), math.log(1.5)
"""A size that misses by a tenth is as bad as an aspect that misses by a half."""


@dataclass(frozen=True, kw_only=True)
class DecoderShape:
    """A decoder without biases, its readout not tied to its embedding.

    Parameters
    ----------
    width, depth
        `D`, at most 64 or a multiple of it, and `N`.
    vocabulary, context
        `V` and `c`.
    expansion
        `e`, width of the MLP over `D`.

    Examples
    --------
    >>> DecoderShape(width=128, depth=3, vocabulary=256, context=128, expansion=1).params
    376832
    """

    width: int
    depth: int
    vocabulary: int
    context: int
    expansion: int

    @property
    def params(self) -> int:
        """`p = 2 V D + c D + (4 + 2 e) N D^2`, every parameter."""
        per_block = (4 + 2 * self.expansion) * self.width**2
        return (2 * self.vocabulary + self.context) * self.width + self.depth * per_block

    @property
    def heads(self) -> int:
        """Attention heads."""
        return max(1, self.width // HEAD)


def shape_of(
    params: float, *, aspect: float, depth: int | None, vocabulary: int, context: int, expansion: int
) -> DecoderShape:
    """The decoder nearest to a size, and to an aspect `D / N` unless its depth is given.

    Of all widths with whole heads it takes the least `(ln(p / params) / ln 1.1)^2 + (ln(D / N / aspect) / ln 1.5)^2`;
    with a depth given the second term is left out.

    Examples
    --------
    >>> shape = shape_of(1e9, aspect=64, depth=None, vocabulary=50257, context=2048, expansion=4)
    >>> shape.width, shape.depth, shape.heads, shape.params
    (1664, 25, 26, 1001331968)
    """
    per_block = 4 + 2 * expansion
    if depth is None:  # of four times the size and the aspect at most
        widest = (16 * aspect * params / per_block) ** (1 / 3)
        depths = np.arange(1, math.ceil(4 * (widest + HEAD) / aspect) + 1)
    else:
        widest, depths = math.sqrt(4 * params / (per_block * depth)), np.array([depth])
    widths = np.array([*range(1, HEAD), *range(HEAD, int(widest) + HEAD + 1, HEAD)])[:, None]
    sizes = (2 * vocabulary + context) * widths + per_block * depths * widths.astype(np.float64) ** 2
    miss = (np.log(sizes / params) / SIZE_MISS) ** 2
    if depth is None:
        miss = miss + (np.log(widths / depths / aspect) / ASPECT_MISS) ** 2
    row, column = np.unravel_index(np.argmin(miss), miss.shape)
    return DecoderShape(
        width=int(widths[row, 0]),
        depth=int(depths[column]),
        vocabulary=vocabulary,
        context=context,
        expansion=expansion,
    )
