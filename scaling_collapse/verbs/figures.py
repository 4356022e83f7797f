"""`scaling-collapse figures`: the papers' figures, from the project's own curve tables or others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..common import InputError
from ..output import NOWHERE, Answer, Outputs, progress_bar

__all__ = ["figures"]


def figures(
    names: Annotated[
        list[str] | None, Parameter(negative="", help="Figures, or how their names begin (fig01); default all.")
    ] = None,
    /,
    *,
    curves: Annotated[Path | None, Parameter(help="Folder of curve tables instead of those that come along.")] = None,
    fast: Annotated[bool, Parameter(negative="", help="Smaller simulations, PNG alone.")] = False,
    to: Outputs = NOWHERE,
) -> int:
    """Draw the papers' figures; those that lack their curve tables are skipped, and say so."""
    from ..paper_figures import FIGURES, draw_figures
    from ..paper_figures.drawing_list import chosen_figures

    if to.out is None:
        raise InputError("figures needs a folder for the pictures; got none. Add --out DIR.")
    kinds = ("png",) if fast else ("png", "pdf")
    files = [f"{name}.{kind}" for name in chosen_figures(names or []) for kind in kinds]
    answer = Answer("figures", to, inputs=[] if curves is None else [curves], files=files)
    with progress_bar("figures") as progress:
        drawn = draw_figures(names or [], to.out, curves=curves, fast=fast, progress=progress)
    rows = [[d.name, FIGURES[d.name], f"{d.seconds:.1f}", "skipped" if d.skipped else "drawn"] for d in drawn]
    answer.show(f"Figures in {to.out}", ["figure", "shows", "seconds", ""], rows)
    answer.say(*(f"skipped {d.name}: {d.skipped}" for d in drawn if d.skipped))
    answer.write(
        {
            "figures": [
                {"name": d.name, "files": [str(f) for f in d.files], "seconds": d.seconds, "skipped": d.skipped or None}
                for d in drawn
            ]
        }
    )
    return 0
