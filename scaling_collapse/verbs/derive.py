"""`scaling-collapse derive`: from a scaling law to compute-optimal training and collapse, in steps."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..output import announce, write_json
from ._options import JsonTarget

__all__ = ["derive"]


def derive(
    expr: Annotated[str, Parameter(help="Sum of power laws in t (tokens) and p (parameters).")],
    /,
    *,
    gamma: Annotated[
        str | None, Parameter(help="Data exponent of the horizon; default the compute-optimal one.")
    ] = None,
    kappa: Annotated[str | None, Parameter(help="Coefficient of the horizon; default the compute-optimal one.")] = None,
    sizes: Annotated[
        list[float] | None,
        Parameter(negative="", consume_multiple=True, help="Parameter counts for statements about finite sizes."),
    ] = None,
    latex: Annotated[Path | None, Parameter(help="Write the derivation as a LaTeX document here.")] = None,
    json: JsonTarget = None,
    plot: Annotated[Path | None, Parameter(help="Draw the normalized curves here (png, pdf or svg).")] = None,
) -> int:
    """Derive the compute-optimal horizon of a scaling law and when its loss curves collapse."""
    import numpy as np

    from ..common import InputError
    from ..empirical.pictures.derivation_picture import draw
    from ..empirical.tables.files import write_atomically
    from ..theory import derive as derive_collapse

    kind = plot.suffix.lstrip(".").lower() if plot is not None else "png"
    if kind not in ("png", "pdf", "svg"):
        raise InputError(f"derive needs --plot to end in .png, .pdf or .svg; got {plot}.")
    result = derive_collapse(expr, gamma, kappa, sizes)
    outputs: list[tuple[Path, bytes]] = []
    if latex is not None:
        outputs.append((latex, result.to_latex().encode()))
    if plot is not None:
        picture = BytesIO()
        draw(result, picture, np.array(result.sizes or (1e1, 1e3, 1e5, 1e7, 1e9)), kind)
        outputs.append((plot, picture.getvalue()))
    summary = result.to_json() if json is not None else {}
    for path, content in outputs:
        write_atomically(path, content)
    write_json(summary, json)
    announce(result.to_text().rstrip(), json)
    for path, _ in outputs:
        announce(f"wrote {path}", json)
    return 0
