"""`scaling-collapse extrapolate`: the whole loss curve of a larger model from a ladder of smaller ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..common import InputError
from ..output import announce, print_table, write_json
from ._options import JsonTarget, Where, parse_where

if TYPE_CHECKING:
    from ..empirical import Extrapolation

__all__ = ["extrapolate"]

Source = Annotated[
    list[Path],
    Parameter(name="--from", consume_multiple=True, negative="", help="Curve tables of the ladder, files or folders."),
]


def extrapolate(
    *,
    source: Source,
    params: Annotated[float, Parameter(help="Parameters of the new model.")],
    tokens: Annotated[float | None, Parameter(help="Its horizon; default the ladder's own power law.")] = None,
    method: Annotated[
        str, Parameter(help="curves: law and curve from whole curves; ends: the law from end points alone.")
    ] = "curves",
    level: Annotated[float, Parameter(help="Coverage of the bands.")] = 0.9,
    where: Where = None,
    json: JsonTarget = None,
    out: Annotated[Path | None, Parameter(help="Write the curve here: .parquet, .csv or .jsonl.")] = None,
    picture: Annotated[Path | None, Parameter(help="Write a picture (PNG) here.")] = None,
) -> int:
    """Predict the whole loss curve of a model that has not been run, with bands and what would narrow them."""
    from ..empirical import extrapolate as predict
    from ..empirical import read_curves, write_curves
    from ..empirical.pictures.extrapolation_picture import draw_extrapolation
    from ..empirical.tables.files import write_atomically
    from ..theory import Ladder

    # An unwritable name is found before the work, not after it.
    if out is not None and out.suffix not in (".parquet", ".csv", ".jsonl"):
        raise InputError(f"extrapolate needs --out as a name ending in .parquet, .csv or .jsonl; got {out.name}.")
    ladder = read_curves(source, where=parse_where(where))
    found = predict(ladder, params, tokens=tokens, method=method, level=level)
    written = []
    if found.claimed and out is not None:
        written.append(write_curves(Ladder([found.curve()]), out))
    if found.claimed and picture is not None:
        written.append(write_atomically(picture, draw_extrapolation(found)))
    write_json(found.to_json() | {"integrity": ladder.integrity.summary()}, json)
    announce(f"Integrity: {ladder.integrity.summary()}", json)
    _show(found, json)
    for path in written:
        announce(f"wrote {path}", json)
    return 0


def _show(found: Extrapolation, json_target: str | None) -> None:
    """Law, prediction, what would narrow the band, and what was assumed."""

    def number(value: float) -> str:
        return "-" if math.isnan(value) else f"{value:.6g}"

    def interval(pair: tuple[float, float]) -> str:
        return "unknown" if math.isnan(pair[0]) else f"{pair[0]:.6g} to {pair[1]:.6g}"

    law = found.law
    rows = [
        ["irreducible loss L0", number(law.L0), interval(law.L0_interval)],
        ["coefficient a (C in PFLOPs)", number(law.a), interval(law.a_interval)],
        ["exponent b", number(law.b), interval(law.b_interval)],
        ["final loss, one run", number(found.final_loss), interval(found.final_interval)],
        ["final loss, mean of many runs", number(found.final_loss), interval(found.final_expected_interval)],
    ]
    by = "whole curves" if found.method == "curves" else "end points alone"
    title = f"{found.params:.4g} parameters, {found.horizon_tokens:.4g} tokens, by {by} ({found.status})"
    print_table(title, ["quantity", "value", f"{found.level:.0%} interval"], rows, json_target)
    if found.plan:
        rows = [
            [r.action, str(r.runs), f"{r.compute:.3g}", f"{r.width:.3g}", f"{r.expected_width:.3g}"] for r in found.plan
        ]
        title = f"Width of the final loss's {found.level:.0%} band after further runs, by Fisher information"
        columns = ["ladder", "runs", "FLOPs", "one run", "mean of many"]
        print_table(title, columns, rows, json_target)
    for note in found.notes:
        announce(note, json_target)
    if not found.claimed:
        announce(f"Nothing is predicted and no file written: {found.status}.", json_target)
