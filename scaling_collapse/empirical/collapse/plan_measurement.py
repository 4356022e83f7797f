"""`plan_measurement`: how many sizes and seeds, over which span, show a fault; and which run to add to a ladder."""

from __future__ import annotations

import math
from typing import Any

from ...common import InputError, Source
from ...theory import Ladder
from .further_runs import as_it_is, best_runs, reaching, single_runs
from .ladder_designs import MOST_SEEDS, SIZES, SPANS, Recipe, cheapest_designs, design_of
from .ladder_model import LadderModel, ladder_model
from .measure_collapse import measure_collapse
from .measurement_plan import MeasurementPlan

__all__ = ["plan_measurement"]

DEFAULTS = {"noise": 0.05, "exponent": 0.2, "gamma": 1.0, "smallest": 1e15}
LIMITS: dict[str, tuple[float, float]] = {
    "effect": (0.001, 1.0), "probability": (0.1, 0.999), "noise": (1e-6, 1.0), "exponent": (1e-3, 2.0),
    "gamma": (1e-3, 5.0), "smallest": (1e-3, 1e30), "sizes": (2, 100), "seeds": (2, 1000), "span": (1.1, 1e6),
}  # fmt: skip
WHOLE = ("sizes", "seeds")


def plan_measurement(
    ladder: Ladder | Source | None = None,
    *,
    effect: float = 0.2,
    probability: float = 0.9,
    noise: float | None = None,
    exponent: float | None = None,
    gamma: float | None = None,
    smallest: float | None = None,
    sizes: float | None = None,
    seeds: float | None = None,
    span: float | None = None,
    offset: float | None = None,
) -> MeasurementPlan:
    """Plan a ladder whose measurement shows an error of the horizons' exponent, or the next run of one that exists.

    Parameters
    ----------
    ladder
        A measured ladder to start from, at least 3 sizes, some with two seeds; or the path of a table, or a frame.
        Without it, a ladder is planned from the four numbers below.
    effect
        Error of gamma that is to show, relative to it, in [0.001, 1].
    probability
        With which it is to show, in [0.1, 0.999].
    noise
        Standard deviation of ln S of one run (`steepness`); default 0.05.
    exponent, gamma
        Reducible losses fall as `C^-exponent` (default 0.2), horizons grow as `p^gamma` (default 1).
    smallest
        Compute of one run of the smallest size, FLOPs; default 1e15.
    sizes, seeds, span
        What is settled of the ladder: how many sizes, runs of each, factor in parameters. The rest is searched for.
    offset
        `L_hat` of the measured ladder; default the fitted irreducible loss.

    Raises
    ------
    InputError
        If a number is out of its limits, given beside a ladder that has it, or cannot be read off the ladder.

    Examples
    --------
    >>> plan = plan_measurement(effect=0.2, noise=0.05, sizes=6, span=30)
    >>> [(d.seeds, round(d.power, 2)) for d in plan.designs]
    [(3, 0.95)]
    """
    given = {"noise": noise, "exponent": exponent, "gamma": gamma, "smallest": smallest}
    shape: dict[str, Any] = {"sizes": sizes, "seeds": seeds, "span": span}
    _require_within_limits({"effect": effect, "probability": probability, **given, **shape})
    shape |= {name: int(shape[name]) for name in WHOLE if shape[name] is not None}
    if ladder is None:
        if offset is not None:
            raise InputError("plan_measurement needs a ladder for its `offset`; got none. Leave `offset` out.")
        return _new_ladder(effect, probability, given, shape)
    mixed = [name for name, value in (given | shape).items() if value is not None]
    if mixed:
        raise InputError(f"plan_measurement reads `{mixed[0]}` off a ladder; got both. Leave one out.")
    return _from_ladder(Ladder.of(ladder), effect, probability, offset)


def _require_within_limits(values: dict[str, float | None]) -> None:
    for name, value in values.items():
        low, high = LIMITS[name]
        if value is not None and not low <= value <= high:
            raise InputError(
                f"plan_measurement needs `{name}` between {low:g} and {high:g}; got {value:g}. Choose another value."
            )
        if name in WHOLE and value is not None and value != int(value):
            raise InputError(f"plan_measurement needs `{name}` to be a whole number; got {value:g}. Round it.")


def _new_ladder(effect: float, probability: float, given: dict[str, Any], shape: dict[str, Any]) -> MeasurementPlan:
    """From numbers alone."""
    known = {name: DEFAULTS[name] if value is None else float(value) for name, value in given.items()}
    recipe = Recipe(**known)
    if None not in shape.values():
        designs = (design_of(recipe, effect, probability, **shape),)
    else:
        N, n, span = (shape[name] for name in ("sizes", "seeds", "span"))
        designs = cheapest_designs(
            recipe,
            effect,
            probability,
            sizes=SIZES if N is None else (N,),
            seeds=range(2, MOST_SEEDS + 1) if n is None else (n,),
            spans=SPANS if span is None else (span,),
        )
    taken = [name for name, value in given.items() if value is None]
    missing = f" (not given: {', '.join(taken)})" if taken else ""
    assumed = (
        f"ln S of a run scatters by {recipe.noise:.2%}, reducible losses fall as C^-{recipe.exponent:g}, horizons grow "
        f"as p^{recipe.gamma:g}, and a run of the smallest size costs {recipe.smallest:.2g} FLOPs"
    )
    notes = (
        f"Assumed: {assumed}{missing}.",
        "The offset is known. Where it is fitted, prefer the wider span: L0 shows only over a wide range of sizes.",
    )
    return _plan(effect, probability, recipe, designs=designs, notes=notes)


def _from_ladder(ladder: Ladder, effect: float, probability: float, offset: float | None) -> MeasurementPlan:
    """From a measured ladder."""
    model, left_out = _measured(ladder, offset)
    now, runs = as_it_is(model, effect), single_runs(model, effect)
    recipe = Recipe(
        noise=model.noise,
        exponent=model.b,
        gamma=model.gamma,
        smallest=model.cost(model.log_p[:1], model.seeds[:1] * 0 + 1),
    )
    where = f"fitted: {model.offset:.4g}" if model.fitted else f"known: {model.offset:.4g}"
    notes = [
        (
            f"Read off the ladder: ln S of a run scatters by {model.noise:.2%}, reducible losses fall as "
            f"C^-{model.b:.3g}, horizons grow as p^{model.gamma:.3g}; the offset is {where}."
        ),
        "Further runs are as noisy as these and lie on the same law; widths are to first order in noise.",
    ]
    if left_out:
        notes.append(f"Without {left_out} run{'' if left_out == 1 else 's'} that left the others.")
    return _plan(
        effect, probability, recipe,
        now=now, smallest_effect=model.smallest_effect(probability), runs=runs, best=best_runs(now, runs),
        reaching=() if now.power >= probability else reaching(model, effect, probability), notes=tuple(notes),
    )  # fmt: skip


def _measured(ladder: Ladder, offset: float | None) -> tuple[LadderModel, int]:
    """The ladder in numbers, and how many suspect runs were left out."""
    if len(ladder.sizes) < 3:
        raise InputError(
            f"plan_measurement needs a ladder of at least 3 sizes; got {len(ladder.sizes)}. Add sizes, or plan without "
            "it."
        )
    report = measure_collapse(ladder, offset=offset, draws=100)
    kept = report.kept
    b = math.nan if report.trend is None else report.trend.exponent
    if not b > 1e-3:
        got = "no offset" if math.isnan(b) else f"C^{-b:.2g} at the offset {report.offset:.4g}"
        raise InputError(
            f"plan_measurement needs final losses that fall with compute to an offset below them; got {got}. "
            "Pass an `offset` that you know, or plan without the ladder."
        )
    if kept.size_index.size == kept.log_p.size:
        raise InputError(
            "plan_measurement needs two seeds of some size, which show the noise; got one seed of each. Train a second "
            "seed of two sizes first, or plan without the ladder."
        )
    top, fitted = float(kept.finals.min()), report.offset_source != "given"
    ends = tuple(end for end in report.law.L0_interval if math.isfinite(end) and end < top) if fitted else ()
    return ladder_model(kept, report.law.C, report.offset, fitted=fitted, ends=ends), len(report.suspects)


def _plan(effect: float, probability: float, recipe: Recipe, **found: Any) -> MeasurementPlan:
    """With nothing where nothing was found."""
    nothing: dict[str, Any] = {
        "designs": (), "now": None, "smallest_effect": math.nan, "reaching": (), "runs": (), "best": (),
    }  # fmt: skip
    return MeasurementPlan(effect=effect, probability=probability, recipe=recipe, **nothing | found)
