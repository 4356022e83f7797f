"""`FamilySize`: every number of one size of a family."""

from __future__ import annotations

from dataclasses import dataclass

from ...theory import weight_decay_for_timescale
from .decoder_shape import DecoderShape
from .family_recipe import FamilyRecipe
from .hyperparameter_laws import BATCH_EXPONENT, optimal_batch

__all__ = ["FamilySize", "sizes_of"]


@dataclass(frozen=True, kw_only=True)
class FamilySize:
    """One size.

    Parameters
    ----------
    target, params
        Parameters asked for, and those there are.
    width, depth, heads
        `D`, `N` and the attention heads.
    tokens, steps
        `T` and optimizer steps, `T = steps x batch_tokens`.
    batch, batch_tokens
        Sequences and tokens of a step.
    rate, hidden_rate
        Peak rates at the base width, and of this size's hidden matrices.
    weight_decay, hidden_decay
        Decoupled decay beside each of them.
    timescale
        `tau`.
    """

    target: float
    params: int
    width: int
    depth: int
    heads: int
    tokens: int
    steps: int
    batch: int
    batch_tokens: int
    rate: float
    hidden_rate: float
    weight_decay: float
    hidden_decay: float
    timescale: float

    @property
    def compute(self) -> float:
        """`6 p T`, FLOPs of one run."""
        return 6.0 * self.params * self.tokens


def sizes_of(targets: list[float], shapes: list[DecoderShape], recipe: FamilyRecipe) -> tuple[FamilySize, ...]:
    """The sizes of a family by its recipe, the smallest first."""
    first = recipe.tokens_per_parameter * shapes[0].params
    return tuple(_size(target, shape, recipe, first) for target, shape in zip(targets, shapes, strict=True))


def _size(target: float, shape: DecoderShape, recipe: FamilyRecipe, first: float) -> FamilySize:
    wanted = recipe.tokens_per_parameter * shape.params
    tokens_a_step = optimal_batch(wanted) if recipe.batch is None else recipe.batch * (wanted / first) ** BATCH_EXPONENT
    batch = max(1, round(tokens_a_step / recipe.context))
    step = batch * recipe.context
    steps = max(1, round(wanted / step))
    decay = float(weight_decay_for_timescale(recipe.tau, step, recipe.rate, steps * step))
    growth = shape.width / recipe.base_width
    rate = recipe.rate / growth
    if recipe.optimizer == "muon":
        rate = 0.2 * recipe.base_width**0.5 * recipe.rate
    return FamilySize(
        target=target,
        params=shape.params,
        width=shape.width,
        depth=shape.depth,
        heads=shape.heads,
        tokens=steps * step,
        steps=steps,
        batch=batch,
        batch_tokens=step,
        rate=recipe.rate,
        hidden_rate=rate,
        weight_decay=decay,
        hidden_decay=decay * recipe.rate / rate,
        timescale=recipe.tau,
    )
