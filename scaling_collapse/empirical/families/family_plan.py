"""`plan_family`: the numbers of every size of a family from a stated recipe, each with its formula and source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...common import Framed, InputError, Result, count, plain
from ...theory import optimal_timescale
from .decoder_shape import DecoderShape, shape_of
from .family_recipe import FamilyRecipe
from .family_size import FamilySize, sizes_of
from .family_toml import family_toml
from .hyperparameter_laws import FITTED_SIZES
from .rule import Rule

__all__ = ["FamilyPlan", "plan_family"]

FAR = 0.15
FEW_STEPS = 500
NEAR = 1.5


@dataclass(frozen=True, kw_only=True, repr=False)
class FamilyPlan(Framed, Result):
    """A family of models scaled together.

    Parameters
    ----------
    recipe
        What is the same at every size.
    sizes
        Every number of every size, the smallest first.
    rules
        Formula and source of every number.
    notes
        Where the family leaves what the sources measured, in sentences.
    """

    recipe: FamilyRecipe
    sizes: tuple[FamilySize, ...]
    rules: tuple[Rule, ...]
    notes: tuple[str, ...]

    def headline(self) -> str:
        """What the sizes share."""
        shared = f"{self.recipe.tokens_per_parameter:g} tokens a parameter, timescale {self.recipe.tau:.3g}"
        return f"FamilyPlan: {len(self.sizes)} sizes by {self.recipe.kind}, {shared}"

    def lines(self) -> list[tuple[str, str]]:
        """Every size."""
        return [
            (
                f"{count(s.params)} parameters",
                f"{s.width} wide, {s.depth} deep, {count(s.tokens)} tokens, weight decay {s.weight_decay:.3g}",
            )
            for s in self.sizes
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row for each size."""
        names = [*FamilySize.__dataclass_fields__, "compute"]
        return {name: [getattr(size, name) for size in self.sizes] for name in names}

    def to_json(self) -> dict[str, Any]:
        """Recipe, sizes, rules and notes."""
        sizes = [vars(size) | {"compute": size.compute} for size in self.sizes]
        recipe = vars(self.recipe) | {"timescale": self.recipe.tau}
        return plain({"recipe": recipe, "sizes": sizes, "rules": [vars(r) for r in self.rules], "notes": self.notes})

    def to_toml(self, *, data: Sequence[str | Path] = ()) -> str:
        """The ladder file that `train` takes, see `family_toml`."""
        return family_toml(self.recipe, self.sizes, self.rules, data)


def plan_family(sizes: Sequence[float], recipe: FamilyRecipe | None = None, **options: Any) -> FamilyPlan:
    """The numbers of every size of a family from a stated recipe, each with its formula and source.

    Width, depth and heads follow from the size; tokens from tokens per parameter; the batch from the tokens; rates from
    muP or CompleteP; and the weight decay keeps AdamW's timescale `tau = B / (eta lambda T)` the same at every size, at
    its optimum for those tokens per parameter.

    Parameters
    ----------
    sizes
        Parameters wanted of each size, >= 1, all different.
    recipe, **options
        A `FamilyRecipe`, or its fields by name.

    Returns
    -------
    FamilyPlan

    Raises
    ------
    InputError
        If there is no size, two are alike, or a number of the recipe is out of its domain.

    References
    ----------
    Bergsma et al. 2025, arXiv 2509.25087 (Scaling with Collapse) and 2505.13738 (Power Lines); Dey et al. 2025, arXiv
    2505.01618 (CompleteP); Yang et al. 2022, arXiv 2203.03466 (muP).

    Examples
    --------
    >>> family = plan_family([50e6, 1e9, 7e9], tokens_per_parameter=20, vocabulary=50257, context=2048)
    >>> [(size.width, size.depth, size.heads) for size in family.sizes]
    [(448, 6, 7), (2048, 31, 32), (4096, 65, 64)]
    >>> [round(size.batch_tokens / (size.rate * size.weight_decay * size.tokens), 4) for size in family.sizes]
    [0.2227, 0.2227, 0.2227]
    """
    recipe = FamilyRecipe(**options) if recipe is None else recipe
    targets = sorted(float(size) for size in sizes)
    if not targets or not all(math.isfinite(t) and t >= 1 for t in targets) or len(set(targets)) < len(targets):
        raise InputError(
            f"plan_family needs at least 1 size, all different and >= 1; got {', '.join(map(count, targets)) or 'none'}"
            ". Write, for example, 50M 200M 1B."
        )
    depth = _one_depth(targets, recipe) if recipe.kind == "mup" else None
    shapes = [_shape(target, recipe, depth) for target in targets]
    made = sizes_of(targets, shapes, recipe)
    return FamilyPlan(recipe=recipe, sizes=made, rules=recipe.rules(depth), notes=tuple(_notes(made, recipe)))


def _shape(target: float, recipe: FamilyRecipe, depth: int | None) -> DecoderShape:
    return shape_of(
        target,
        aspect=recipe.aspect,
        depth=depth,
        vocabulary=recipe.vocabulary,
        context=recipe.context,
        expansion=recipe.expansion,
    )


def _one_depth(targets: list[float], recipe: FamilyRecipe) -> int:
    """The depth of every size: as told, or that of the geometric mean of the sizes at the aspect."""
    if recipe.depth is not None:
        return recipe.depth
    middle = math.exp(sum(map(math.log, targets)) / len(targets))
    return _shape(middle, recipe, None).depth


def _notes(sizes: Sequence[FamilySize], recipe: FamilyRecipe) -> list[str]:
    """What a reader has to know before training."""
    notes = []
    missed = [s for s in sizes if abs(math.log(s.params / s.target)) > FAR]
    if missed:
        told = ", ".join(f"{count(s.params)} for {count(s.target)}" for s in missed)
        notes.append(f"Whole heads and layers do not meet every size: {told}. Tokens follow what there is.")
    smallest, largest = FITTED_SIZES
    if sizes[0].params < smallest or sizes[-1].params > largest:
        used = [word for word, told in (("timescale", recipe.timescale), ("batch", recipe.batch)) if told is None]
        if used:
            notes.append(
                f"The law of the {' and that of the '.join(used)} was fitted to models of {count(smallest)} to "
                f"{count(largest)} parameters; outside it is an extrapolation."
            )
    short = [s for s in sizes if s.steps < FEW_STEPS]
    if short:
        told = ", ".join(f"{s.steps} at {count(s.params)}" for s in short)
        notes.append(f"Few steps ({told}): a smaller first batch gives more.")
    best = float(optimal_timescale(recipe.tokens_per_parameter))
    if not 1 / NEAR <= recipe.tau / best <= NEAR:
        notes.append(
            f"The timescale {recipe.tau:.3g} is {recipe.tau / best:.2g} times tau_opt = {best:.3g}; curves collapse "
            "best at the optimum."
        )
    return notes
