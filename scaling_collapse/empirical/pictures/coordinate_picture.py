"""The picture of a coordinate check: changes of features and outputs against the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .canvas import colors, picture

if TYPE_CHECKING:
    from ..trainer.coordinate_check import CoordinateCheck

__all__ = ["draw_coordinates", "paint_coordinates"]


def draw_coordinates(check: CoordinateCheck, title: str) -> bytes:
    """A PNG: features left, outputs right."""

    def draw(left: Any, right: Any) -> None:
        paint_coordinates(left, check)
        paint_coordinates(right, check, of="outputs")
        right.set_ylabel("")
        left.figure.suptitle(title, fontsize=10)

    return picture(draw, size=(7.5, 3.4), columns=2)


def paint_coordinates(axes: Any, check: CoordinateCheck, *, of: str = "features") -> Any:
    """Root mean square change of `"features"` or `"outputs"` after each step against the width; the axes."""
    change, slope = (check.hidden, check.slopes[0]) if of == "features" else (check.output, check.slopes[1])
    for k, color in enumerate(colors(change.shape[1])):
        axes.loglog(check.widths, change[:, k], "o-", color=color, label=f"step {k + 1}", markersize=3)
    axes.set(xlabel="width", ylabel="change since initialization")
    axes.set_title(f"{of}: exponent {slope:+.2f}", fontsize=9)
    axes.set_xticks(check.widths, [f"{w:.0f}" for w in check.widths])
    axes.minorticks_off()
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return axes
