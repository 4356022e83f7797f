"""`scaling-collapse figures`: the papers' figures, from the project's own curve tables or others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..output import announce, print_table, progress_bar, write_json
from ._options import JsonTarget

__all__ = ["figures"]


def figures(
    names: Annotated[
        list[str] | None, Parameter(negative="", help="Figures, or how their names begin (fig01); default all.")
    ] = None,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder for the pictures.")],
    curves: Annotated[Path | None, Parameter(help="Folder of curve tables instead of the project's own.")] = None,
    fast: Annotated[bool, Parameter(negative="", help="Smaller simulations, PNG alone.")] = False,
    json: JsonTarget = None,
) -> int:
    """Draw the papers' figures; those that lack their curve tables are skipped, and say so."""
    from ..paper_figures import FIGURES, draw_figures

    with progress_bar("figures") as progress:
        drawn = draw_figures(names or [], out, curves=curves, fast=fast, progress=progress)
    write_json(
        {
            "figures": [
                {"name": d.name, "files": [str(f) for f in d.files], "seconds": d.seconds, "skipped": d.skipped or None}
                for d in drawn
            ]
        },
        json,
    )
    rows = [[d.name, FIGURES[d.name], f"{d.seconds:.1f}", "skipped" if d.skipped else "drawn"] for d in drawn]
    print_table(f"Figures in {out}", ["figure", "shows", "seconds", ""], rows, json)
    for d in drawn:
        if d.skipped:
            announce(f"skipped {d.name}: {d.skipped}", json)
    return 0
