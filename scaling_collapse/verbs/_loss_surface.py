"""What `fit --law` and `extrapolate --method law` answer: loss over parameters and tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..common import InputError, count, shown
from ..output import Answer, Outputs

if TYPE_CHECKING:
    from ..empirical import AllocationComparison, LossSurface
    from ..theory import Ladder

__all__ = ["answer_law", "answer_run"]

BUDGETS = (1.0, 3.0, 10.0)
"""Times the most compute of a run: for these the allocation is shown."""
TABLE, PICTURE = "extrapolation.parquet", "extrapolation.png"


def answer_law(source: list[Path], *, where: dict[str, str], to: Outputs) -> int:
    """The law of loss over parameters and tokens, its allocation, and the frontier's beside it."""
    from ..empirical import fit_loss_surface, read_curves
    from ..empirical.pictures.surface_picture import draw_surface

    answer = Answer("fit", to, inputs=source, files=["surface.png"])
    ladder = read_curves(source, where=where)
    found = fit_loss_surface(ladder)
    result = found.to_json() | {"integrity": ladder.integrity.summary(), "allocations": [], "frontier": None}
    if found.claimed:
        _show_law(found, answer)
        result["allocations"] = [a.to_json() for a in _show_allocations(found, answer)]
        compared, reason = _beside_frontier(found, ladder, source, where)
        if compared is not None:
            result["frontier"] = compared.to_json()
        _show_frontier(compared, reason, answer)
    else:
        answer.say(f"No law of loss over parameters and tokens: {found.status}.")
    answer.say(*(f"  - {note}" for note in found.notes), f"Read: {ladder.integrity.summary()}")
    answer.write(result, files={"surface.png": lambda: draw_surface(found)})
    return 0


def _show_law(found: LossSurface, answer: Answer) -> None:
    law, form = found.law, "L0 + A N^-a + B D^-b"
    if found.form == "coupled":
        form = "L0 + ((A N^-a)^(1/k) + (B D^-b)^(1/k))^k"
    low, high = found.gamma_interval
    answer.say(
        f"Loss over N parameters and D tokens: {form}; status: {found.status}",
        f"  compute-optimal tokens grow as parameters to the power {found.gamma:.3f} "
        f"({found.level:.0%} interval {low:.3f} to {high:.3f})",
    )
    words = {
        "L0": "irreducible loss L0", "A": "coefficient A (N in parameters)", "a": "exponent a",
        "B": "coefficient B (D in tokens)", "b": "exponent b", "k": "coupling k (1: none)",
    }  # fmt: skip
    rows = []
    for name, word in words.items():
        if name != "k" or found.form == "coupled":
            value, interval = shown(float(getattr(law, name)), found.intervals[name])
            profile = shown(float(getattr(law, name)), found.profile[name])[1] if name in found.profile else ""
            rows.append([word, value, interval, profile])
    answer.show("The law", ["quantity", "value", f"{found.level:.0%} interval", "by its profile"], rows)
    rows = [
        [s.form, f"{s.misfit:.3%}", f"{s.left_out_error:.3%}", f"{s.largest_left_out:+.3%}", f"{s.weight:.0%}"]
        for s in found.scores
    ]
    columns = ["form", "misfit", "a size left out", "the largest left out", "weight"]
    answer.show("How well each form does (relative to the loss)", columns, rows)


def _show_allocations(found: LossSurface, answer: Answer) -> list:
    """The best division of some budgets; what was shown."""
    most = 6.0 * float((found.points.N * found.points.D).max())
    allocations = [found.optimal(times * most) for times in BUDGETS]
    rows = [
        [f"{a.compute:.3g}", count(a.params), _counts(a.params_interval), count(a.tokens), _counts(a.tokens_interval),
         f"{a.loss:.4g}"]
        for a in allocations
    ]  # fmt: skip
    columns = ["FLOPs", "parameters", f"{found.level:.0%} interval", "tokens", f"{found.level:.0%} interval", "loss"]
    answer.show("Best division of a budget (the most compute of a run, 3 and 10 times that)", columns, rows)
    return allocations


def _counts(interval: tuple[float, float]) -> str:
    return f"{count(interval[0])} to {count(interval[1])}"


def _beside_frontier(
    found: LossSurface, ladder: Ladder, source: list[Path], where: dict[str, str]
) -> tuple[AllocationComparison | None, str]:
    """The frontier's horizon beside the law's, or why there is none."""
    from ..empirical import compare_allocations, fit_horizon, read_curves
    from ..empirical.fits.surface_points import constant_rate

    if not all(constant_rate(curve) for curve in ladder):
        return None, "the frontier of curves needs runs at a constant rate."
    try:
        return compare_allocations(found, fit_horizon(read_curves(source, where=where, use_horizon=False))), ""
    except InputError as error:
        return None, str(error)


def _show_frontier(compared: AllocationComparison | None, reason: str, answer: Answer) -> None:
    if compared is None:
        answer.say(f"Not compared with the Pareto frontier: {reason}")
        return
    low, high = compared.frontier_gamma_interval
    answer.say(
        f"By the Pareto frontier of the curves the power is {compared.frontier_gamma:.3f} ({low:.3f} to {high:.3f}); "
        f"{count(compared.params)} parameters are best after {count(compared.frontier_tokens)} tokens, by the law "
        f"after {count(compared.tokens)} ({_counts(compared.tokens_interval)}). "
        f"The two {'disagree' if compared.disagree else 'agree'}."
    )


def answer_run(
    answer: Answer, ladder: Ladder, params: float, tokens: float | None, *, level: float, far: bool = False
) -> int:
    """The curve of one size and horizon by the law of loss over both."""
    from ..empirical import extrapolate_surface, write_curves
    from ..empirical.pictures.surface_picture import draw_surface_extrapolation
    from ..theory import Ladder as Runs

    if tokens is None:
        raise InputError("extrapolate --method law needs --tokens; got none. Say for how many the model is trained.")
    found = extrapolate_surface(ladder, params, tokens, level=level, far=far)
    result = found.to_json() | {"integrity": ladder.integrity.summary()}
    size = f"{count(params)} parameters, trained for {count(tokens)} tokens,"
    if found.claimed:
        loss, interval = shown(found.final_loss, found.final_interval)
        mean = shown(found.final_loss, found.final_expected_interval)[1]
        answer.say(
            f"A model of {size} is predicted to end at a loss of {loss} ({level:.0%} band of one run: {interval}; "
            f"of the mean of many: {mean}); status: {found.status}"
        )
        _show_law(found.surface, answer)
    else:
        answer.say(f"Nothing is predicted for a model of {size} and no table is written: {found.status}.")
    answer.say(*(f"  - {note}" for note in found.notes), f"Read: {ladder.integrity.summary()}")
    if not found.claimed:
        answer.write(result)
        return 0
    answer.write(
        result,
        table=lambda path: write_curves(Runs([found.curve()]), path),
        table_name=TABLE,
        files={PICTURE: lambda: draw_surface_extrapolation(found)},
    )
    return 0
