"""The picture of a coordinate check: changes of features and outputs against the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .canvas import colors, picture, plain_log

if TYPE_CHECKING:
    from ..trainer.coordinate_check import CoordinateCheck

__all__ = ["draw_coordinates", "paint_coordinates"]


def draw_coordinates(check: CoordinateCheck, title: str) -> bytes:
    """A PNG: features left, outputs right."""

    def draw(left: Any, right: Any) -> None:
        paint_coordinates(left, check)
        paint_coordinates(right, check, of="outputs")
        left.get_legend().remove()
        right.set_ylabel("")
        left.figure.suptitle(f"{title}: {'flat' if check.flat else 'not flat'} in the width", fontsize=10)

    return picture(draw, size=(7.5, 3.4), columns=2)


def paint_coordinates(axes: Any, check: CoordinateCheck, *, of: Literal["features", "outputs"] = "features") -> Any:
    """Root mean square change of features or outputs after each step against the width; the axes."""
    change, slope = (check.hidden, check.slopes[0]) if of == "features" else (check.output, check.slopes[1])
    for k, color in enumerate(colors(change.shape[1])):
        axes.loglog(check.widths, change[:, k], "o-", color=color, label=f"step {k + 1}", markersize=3)
    axes.set(xlabel="width", ylabel="change since initialization (rms)")
    axes.set_title(f"{of}: width$^{{{slope:+.2f}}}$ after the last step", fontsize=9)
    axes.minorticks_off()
    axes.set_xticks(check.widths, [f"{w:.0f}" for w in check.widths])
    plain_log(axes.yaxis)
    axes.legend(title="after", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return axes
