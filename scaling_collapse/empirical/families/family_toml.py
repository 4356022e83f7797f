"""The ladder file that trains a family."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from ...common import InputError
from .family_recipe import FamilyRecipe
from .family_size import FamilySize
from .rule import Rule

__all__ = ["family_toml"]

BYTES = 256
TEST_EXAMPLES = 512
EVALUATION = "[evaluation]\nlinear = 50\nlog = 10\nexamples = 256\n"


def family_toml(
    recipe: FamilyRecipe, sizes: Sequence[FamilySize], rules: Iterable[Rule], data: Sequence[str | Path] = ()
) -> str:
    """The ladder file of a family, with the rules as comments.

    Parameters
    ----------
    recipe, sizes, rules
        Of the family.
    data
        Text files for a vocabulary of 256 bytes (none: the standard library's sources), else one file of token ids
        (none: `tokens.npy`).

    Raises
    ------
    InputError
        If the trainer has no such family: its decoder's MLP is as wide as the model, and widths grow with size.
    """
    if recipe.expansion != 1:
        raise InputError(
            f"to_toml needs `expansion` 1, which the trainer's decoder has; got {recipe.expansion}. Train it elsewhere "
            "with the numbers of to_json, or plan the family with expansion 1."
        )
    widths = [size.width for size in sizes]
    if any(a >= b for a, b in pairwise(widths)):
        raise InputError(
            f"to_toml needs widths that grow with size, as the trainer does; got {', '.join(map(str, widths))}. Choose "
            "sizes further apart, or the recipe mup."
        )
    lines = [
        *(f"# {rule.quantity}: {rule.formula}. {rule.source}" for rule in rules),
        f"widths = {widths} # {', '.join(str(size.params) for size in sizes)} parameters",
        f"seeds = {recipe.seeds}",
        f"lr = {recipe.rate:.6g}",
        f"batch_size = {[size.batch for size in sizes]} # sequences",
        'schedule = "linear"',
        "",
        *_task(recipe, data),
        "",
        "[model]",
        'kind = "decoder"',
        f"depth = {[size.depth for size in sizes]}",
        "",
        "[horizon]",
        f"tokens_per_parameter = {float(recipe.tokens_per_parameter)!r}",
        "",
        "[optimizer]",
        f'kind = "{recipe.optimizer}"',
        f"timescale = {recipe.tau!r} # weight decay {', '.join(f'{size.weight_decay:.4g}' for size in sizes)}",
        "",
        "[parametrization]",
        f"base_width = {recipe.base_width}",
        f"embedding = {float(recipe.embedding)!r}",
        "",
    ]
    return "\n".join(lines) + "\n" + EVALUATION


def _task(recipe: FamilyRecipe, data: Sequence[str | Path]) -> list[str]:
    common = [f"context = {recipe.context}", f"test_examples = {TEST_EXAMPLES}"]
    if recipe.vocabulary == BYTES:
        files = [f"files = {_quoted(data)}"] if data else []
        return ["[task]", 'kind = "text"' + ("" if data else " # the standard library's sources"), *files, *common]
    if len(data) > 1:
        raise InputError(f"to_toml needs one file of token ids; got {len(data)}. Join them.")
    file = _quoted(data or ["tokens.npy"])[1:-1]
    vocabulary = f"vocabulary_size = {recipe.vocabulary}"
    return ["[task]", 'kind = "tokens"', f"file = {file} # of token ids", vocabulary, *common]


def _quoted(names: Iterable[str | Path]) -> str:
    r"""A TOML list of strings.

    >>> _quoted(["a.txt", 'b"c'])
    '["a.txt", "b\\"c"]'
    """
    escaped = (str(name).replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "[" + ", ".join(f'"{name}"' for name in escaped) + "]"
