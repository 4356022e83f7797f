"""The picture of a coordinate check: changes of features and outputs against the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .canvas import colors, picture

if TYPE_CHECKING:
    from ..trainer.coordinate_check import CoordinateCheck

__all__ = ["draw_coordinates"]


def draw_coordinates(check: CoordinateCheck, title: str) -> bytes:
    """A PNG: root mean square change after each step against the width, features left, outputs right."""

    def draw(*pair: Any) -> None:
        named = (("features", check.hidden), ("outputs", check.output))
        for ax, (name, change), slope in zip(pair, named, check.slopes, strict=True):
            for k, color in enumerate(colors(change.shape[1])):
                ax.loglog(check.widths, change[:, k], "o-", color=color, label=f"step {k + 1}", markersize=3)
            ax.set_xlabel("width")
            ax.set_title(f"{name}: exponent {slope:+.2f}", fontsize=9)
            ax.set_xticks(check.widths, [f"{w:.0f}" for w in check.widths])
            ax.minorticks_off()
        pair[0].set_ylabel("change since initialization")
        pair[1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
        pair[0].figure.suptitle(title, fontsize=10)

    return picture(draw, size=(7.5, 3.4), columns=2)
