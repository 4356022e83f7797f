"""`scaling-collapse extrapolate`: the whole loss curve of a larger model from a ladder of smaller ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..common import count
from ..output import NO_TABLE, Answer, TableOutputs
from ._options import Number, Sources, Where, parse_where

if TYPE_CHECKING:
    from ..empirical import Extrapolation

__all__ = ["extrapolate"]

TABLE, PICTURE = "extrapolation.parquet", "extrapolation.png"


def extrapolate(
    source: Sources,
    /,
    *,
    params: Annotated[Number, Parameter(help="Parameters of the new model, e.g. 1.5B.")],
    tokens: Annotated[Number | None, Parameter(help="Its horizon; default the ladder's own power law.")] = None,
    method: Annotated[
        str,
        Parameter(
            help="curves: law and curve from whole curves; ends: the law from end points alone; "
            "law: loss over parameters and tokens, from sizes with several horizons (needs --tokens)."
        ),
    ] = "curves",
    level: Annotated[float, Parameter(help="Coverage of the bands.")] = 0.9,
    far: Annotated[bool, Parameter(help="Predict a size that is out of the ladder's reach.", negative="")] = False,
    where: Where = None,
    to: TableOutputs = NO_TABLE,
) -> int:
    """Predict the whole loss curve of a model that has not been run, with bands and what would narrow them."""
    from ..empirical import extrapolate as predict
    from ..empirical import read_curves, write_curves
    from ..empirical.pictures.extrapolation_picture import draw_extrapolation
    from ..theory import Ladder

    answer = Answer("extrapolate", to, inputs=source, files=[TABLE, PICTURE])
    ladder = read_curves(source, where=parse_where(where))
    if method == "law" or (tokens is not None and ladder.horizons_apart() is not None):
        from ._loss_surface import answer_run

        return answer_run(answer, ladder, params, tokens, level=level, far=far)
    found = predict(ladder, params, tokens=tokens, method=method, level=level, far=far)
    _show(found, answer)
    answer.say(f"Read: {ladder.integrity.summary()}")
    result = found.to_json() | {"integrity": ladder.integrity.summary()}
    if not found.claimed:
        answer.write(result)
        return 0
    answer.write(
        result,
        table=lambda path: write_curves(Ladder([found.curve()]), path),
        table_name=TABLE,
        files={PICTURE: lambda: draw_extrapolation(found)},
    )
    return 0


def _show(found: Extrapolation, answer: Answer) -> None:
    """The prediction, the law behind it, what was assumed, and what would narrow the band."""

    def number(value: float) -> str:
        return f"{value:.6g}" if value == value else "-"

    def interval(pair: tuple[float, float]) -> str:
        return f"{pair[0]:.6g} to {pair[1]:.6g}" if pair[0] == pair[0] else "unknown"

    size = f"{count(found.params)} parameters, trained for {count(found.horizon_tokens)} tokens,"
    if found.claimed:
        answer.say(
            f"A model of {size} is predicted to end at a loss of {number(found.final_loss)} "
            f"({found.level:.0%} band of one run: {interval(found.final_interval)}); status: {found.status}"
        )
    else:
        answer.say(f"Nothing is predicted for a model of {size} and no table is written: {found.status}.")
    answer.say(*(f"  ! {words}" for words in found.warnings))
    if found.left_out is not None:
        answer.say(f"  - Checked on your ladder: {found.trial()}.")
    answer.say(*(f"  - {note}" for note in found.notes))
    law = found.law
    rows = [
        ["final loss, one run", number(found.final_loss), interval(found.final_interval)],
        ["final loss, mean of many runs", number(found.final_loss), interval(found.final_expected_interval)],
        ["irreducible loss L0", number(law.L0), interval(law.L0_interval)],
        *([] if found.ladder.counts_steps else [
            ["coefficient a (C in PFLOPs)", number(law.a), interval(law.a_interval)],
            ["exponent b", number(law.b), interval(law.b_interval)],
        ]),
    ]  # fmt: skip
    by = "whole curves" if found.method == "curves" else "end points alone"
    answer.show(f"Estimated from {by}", ["quantity", "value", f"{found.level:.0%} interval"], rows)
    if found.plan:
        rows = [
            [r.action, str(r.runs), f"{r.compute:.3g}", f"{r.width:.3g}", f"{r.expected_width:.3g}"] for r in found.plan
        ]
        title = f"How wide the {found.level:.0%} band of the final loss would be after further runs"
        answer.show(title, ["ladder", "runs", "FLOPs", "one run", "mean of many"], rows)
