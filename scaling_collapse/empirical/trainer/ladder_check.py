"""The coordinate check of a ladder's model, parametrization, optimizer and rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common import InputError, require
from .ladder_file import LadderFile, task_of
from .size_plan import make_model

if TYPE_CHECKING:
    from .coordinate_check import CoordinateCheck

__all__ = ["check_ladder"]

STEPS = 6
EXAMPLE_TOKENS = 4096  # a batch of the check, at most


def check_ladder(ladder: LadderFile) -> CoordinateCheck:
    """The coordinate check of a ladder's model, parametrization, optimizer and rate, over 8x in width.

    Widths are 1, 2, 4 and 8 times the smallest of the ladder; 6 steps on the first batches.

    Raises
    ------
    InputError
        If the smallest width and its multiples do not fit the model, or the changes are not finite.
    """
    require("torch", "check_ladder")
    from .coordinate_check import coordinate_check

    task = task_of(ladder)
    size = max(1, min(ladder.batch_sizes[0], EXAMPLE_TOKENS // task.example_tokens))
    batches = [task.batch(k * size, size) for k in range(STEPS)]
    low = ladder.widths[0] * 8
    if ladder.model.kind == "decoder" and any(w > 64 and w % 64 for w in (low // 4, low // 2, low)):
        raise InputError(
            f"train --coord-check needs a smallest width whose 2, 4 and 8 fold are at most 64 or multiples of 64; got "
            f"{ladder.widths[0]}. Use 8, 16, 32 or 64 as the smallest width of a file for this check."
        )
    widths = [ladder.widths[0] * k for k in (1, 2, 4, 8)]
    return coordinate_check(
        lambda width: make_model(ladder, task, width, ladder.depths[0]),
        widths,
        batches,
        lr=ladder.lr,
        optimizer=ladder.optimizer.kind,
    )
