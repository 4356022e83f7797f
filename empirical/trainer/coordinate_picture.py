"""The coordinate check of a ladder's model and its picture: changes of features and outputs against the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...theory import InputError
from ..pictures import _picture
from .extras import require
from .ladder_file import LadderFile, task_of
from .size_plan import make_model

if TYPE_CHECKING:
    from .coordinates import CoordinateCheck

__all__ = ["check_ladder", "draw_coordinates"]

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
    from .coordinates import coordinate_check

    task = task_of(ladder)
    size = max(1, min(ladder.batch_size, EXAMPLE_TOKENS // task.example_tokens))
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


def draw_coordinates(check: CoordinateCheck, title: str) -> bytes:
    """A PNG: root mean square change after each step against the width, features left, outputs right."""

    def draw(figure: Any, axes: Any) -> None:
        import matplotlib

        figure.clear()
        pair = figure.subplots(1, 2)
        figure.set_size_inches(7.5, 3.4)
        named = (("features", check.hidden), ("outputs", check.output))
        for ax, (name, change), slope in zip(pair, named, check.slopes, strict=True):
            steps = change.shape[1]
            for k in range(steps):
                color = matplotlib.colormaps["viridis"](0.88 * k / max(steps - 1, 1))
                ax.loglog(check.widths, change[:, k], "o-", color=color, label=f"step {k + 1}", markersize=3)
            ax.set_xlabel("width")
            ax.set_title(f"{name}: exponent {slope:+.2f}", fontsize=9)
            ax.set_xticks(check.widths, [f"{w:.0f}" for w in check.widths])
            ax.minorticks_off()
        pair[0].set_ylabel("change since initialization")
        pair[1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
        figure.suptitle(title, fontsize=10)

    return _picture(draw)
