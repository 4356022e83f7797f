"""`scaling-collapse derive`: from a scaling law to compute-optimal training and collapse, in steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..output import NOWHERE, Answer, Outputs
from ._options import Numbers

if TYPE_CHECKING:
    from ..theory import Derivation

__all__ = ["derive"]

LATEX, PICTURE = "derivation.tex", "normalized.png"


def derive(
    law: Annotated[str, Parameter(help="Sum of power laws in t (tokens) and p (parameters).")],
    /,
    *,
    gamma: Annotated[
        str | None, Parameter(help="Data exponent of the horizon; default the compute-optimal one.")
    ] = None,
    kappa: Annotated[str | None, Parameter(help="Coefficient of the horizon; default the compute-optimal one.")] = None,
    sizes: Annotated[
        Numbers | None, Parameter(help="Parameter counts, e.g. 1M 100M, for statements about finite sizes.")
    ] = None,
    to: Outputs = NOWHERE,
) -> int:
    """Derive the compute-optimal horizon of a scaling law and when its loss curves collapse."""
    from ..theory import derive as derive_collapse

    answer = Answer("derive", to, files=[LATEX, PICTURE])
    result = derive_collapse(law, gamma, kappa, sizes)
    answer.say(repr(result), "", result.to_text().rstrip())
    files: dict[str, Callable[[], bytes]] = {LATEX: lambda: result.to_latex().encode()}
    if _has_a_picture(result):
        from ..empirical.pictures.derivation_picture import draw_derivation

        files[PICTURE] = lambda: draw_derivation(result)
    elif to.out is not None:
        answer.say(f"No picture {PICTURE}: it needs numbers for every symbol and one horizon. Add --gamma, or numbers.")
    answer.write(result.to_json(), files=files)
    return 0


def _has_a_picture(result: Derivation) -> bool:
    """Whether there is one normalized curve, of numbers alone."""
    return len(result.curves) == 1 and result.curves[0].numeric
