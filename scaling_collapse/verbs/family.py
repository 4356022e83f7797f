"""`scaling-collapse family`: the numbers of every size of a family from a recipe, or which rules a trained one kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..common import InputError, count
from ..output import NOWHERE, Answer, Outputs
from ._options import Number, Numbers, Where, parse_where

if TYPE_CHECKING:
    from ..empirical import FamilyCheck, FamilyPlan
    from ..theory import IntegrityReport

__all__ = ["family"]

LADDER = "family.toml"
BYTES, STANDARD_LIBRARY = 256, 12e6  # ids and tokens of the data that are there without --data
Files = Annotated[list[Path] | None, Parameter(negative="", consume_multiple=True)]


def family(
    *,
    sizes: Annotated[Numbers | None, Parameter(help="Parameters of each size, e.g. 50M 1B 7B.")] = None,
    tpp: Annotated[Number | None, Parameter(help="Tokens per parameter; default 20.")] = None,
    recipe: Annotated[str, Parameter(help="completep: width and depth grow together; mup: width alone.")] = "completep",
    rate: Annotated[
        float | None,
        Parameter(help="Peak rate found at --base-width, default 0.006; with --check the peak rate of every run."),
    ] = None,
    base_width: Annotated[int, Parameter(help="Width at which the rate was found.")] = 128,
    timescale: Annotated[
        float | None, Parameter(help="AdamW's B / (rate x decay x tokens); default the published optimum.")
    ] = None,
    batch: Annotated[
        Number | None,
        Parameter(help="Tokens a step of the smallest size, default a published law; with --check of every run."),
    ] = None,
    aspect: Annotated[float, Parameter(help="Width over depth to aim at.")] = 64.0,
    depth: Annotated[int | None, Parameter(help="Layers of every size under mup.")] = None,
    vocabulary: Annotated[int, Parameter(help="Token ids; 256 are bytes.")] = 256,
    context: Annotated[int, Parameter(help="Tokens of a sequence.")] = 64,
    expansion: Annotated[int, Parameter(help="Width of the MLP over the model's; the trainer has 1.")] = 1,
    optimizer: Annotated[str, Parameter(help="adamw, or muon for hidden matrices beside it.")] = "adamw",
    seeds: Annotated[int, Parameter(help="Runs of each size.")] = 3,
    data: Annotated[Files, Parameter(help="Text files, or one file of token ids, for the ladder file.")] = None,
    check: Annotated[
        Files, Parameter(help="Curve tables of a trained family: which rules it kept; exit 1 unless healthy.")
    ] = None,
    weight_decay: Annotated[
        float | None, Parameter(help="With --check: weight decay of every run, where the table has none.")
    ] = None,
    offset: Annotated[float | None, Parameter(help="With --check: irreducible loss instead of the fitted one.")] = None,
    where: Where = None,
    to: Outputs = NOWHERE,
) -> int:
    """Plan every number of a family's sizes from a recipe, or check which rules a trained family kept."""
    from ..empirical import check_family, plan_family, read_curves

    if (sizes is None) == (check is None):
        raise InputError(
            "family needs either --sizes, to plan a family, or --check RUNS, to look at a trained one; got "
            f"{'neither' if check is None else 'both'}. Write, for example, family --sizes 50M 1B 7B."
        )
    if check is not None:
        answer = Answer("family", to, inputs=check)
        ladder = read_curves(check, where=parse_where(where))
        checked = check_family(ladder, batch=batch, rate=rate, weight_decay=weight_decay, offset=offset)
        return _say_check(checked, ladder.integrity, answer)
    told: dict[str, Any] = {"tokens_per_parameter": tpp, "rate": rate}
    plan = plan_family(
        sizes or (), kind=recipe, base_width=base_width, timescale=timescale, batch=batch, aspect=aspect, depth=depth,
        vocabulary=vocabulary, context=context, expansion=expansion, optimizer=optimizer, seeds=seeds,
        **{name: value for name, value in told.items() if value is not None},
    )  # fmt: skip
    return _say_plan(plan, data or [], Answer("family", to, inputs=data or (), files=[LADDER]))


def _say_plan(plan: FamilyPlan, data: list[Path], answer: Answer) -> int:
    """The plan in words and files; the ladder file where the trainer has such a decoder."""
    _show_plan(plan, answer)
    files, expansion = {}, plan.recipe.expansion
    if expansion == 1:
        most = max(size.tokens for size in plan.sizes)
        if plan.recipe.vocabulary == BYTES and not data and most > STANDARD_LIBRARY:
            answer.say(
                f"{LADDER} needs {count(most)} tokens of data; Python's standard library has about "
                f"{count(STANDARD_LIBRARY)}. Name some: --data FILES."
            )
        files[LADDER] = lambda: plan.to_toml(data=data).encode()
    else:
        answer.say(f"No {LADDER}: the trainer's decoder has expansion 1; got {expansion}. The JSON has every number.")
    answer.write(plan.to_json(), files=files)
    return 0


def _say_check(checked: FamilyCheck, integrity: IntegrityReport, answer: Answer) -> int:
    """The check in words and files; exit code 1 unless the family is healthy."""
    _show_check(checked, answer)
    answer.say(f"Read: {integrity.summary()}")
    answer.write(checked.to_json() | {"integrity": integrity.to_json()})
    return 0 if checked.healthy else 1


def _show_plan(plan: FamilyPlan, answer: Answer) -> None:
    """The numbers of every size, then where each comes from."""
    compute = sum(size.compute for size in plan.sizes) * plan.recipe.seeds
    answer.say(
        f"{len(plan.sizes)} sizes at {plan.recipe.tokens_per_parameter:g} tokens per parameter and AdamW timescale "
        f"{plan.recipe.tau:.4g}: {compute:.3g} FLOPs for {plan.recipe.seeds} runs of each."
    )
    answer.say(*(f"  - {note}" for note in plan.notes))
    rows = [
        [count(s.params), str(s.width), str(s.depth), str(s.heads), count(s.tokens), count(s.batch_tokens),
         str(s.steps)]
        for s in plan.sizes
    ]  # fmt: skip
    columns = ["parameters", "width", "depth", "heads", "tokens", "batch", "steps"]
    answer.show("Shape and horizon of every size (batch in tokens)", columns, rows)
    rows = [
        [count(s.params), *(f"{v:.4g}" for v in (s.rate, s.weight_decay, s.hidden_rate, s.hidden_decay, s.timescale))]
        for s in plan.sizes
    ]
    columns = ["parameters", "rate", "decay", "hidden rate", "hidden decay", "timescale"]
    answer.show("Rate and weight decay: at the base width, and of the hidden matrices", columns, rows)
    answer.say("Where the numbers come from:")
    answer.say(*(f"  - {rule.quantity}: {rule.formula}\n      {rule.source}" for rule in plan.rules))


def _show_check(checked: FamilyCheck, answer: Answer) -> None:
    """What follows first; then the rules, the sizes and the collapse."""
    from ..empirical.families.kept_rules import FamilyRule

    answer.say(*checked.follows)
    answer.say("Rules:")
    for rule in checked.rules:
        ends = f"{rule.low:.3g}" + (f" to {rule.high:.3g}" if rule.high > rule.low else "")
        what = {FamilyRule.OPTIMUM: "tau / tau_opt ", FamilyRule.BATCH: "exponent "}.get(rule.rule, "")
        answer.say(f"  - {rule.rule}: {rule.kept}" + ("" if rule.low != rule.low else f" ({what}{ends})"))
    rows = [
        [count(s.params), str(s.runs), *map(_known, (s.tokens, s.batch_tokens, s.tokens_per_parameter)),
         *(_small(v) for v in (s.rate, s.weight_decay, s.timescale, s.optimal_timescale))]
        for s in checked.sizes
    ]  # fmt: skip
    columns = ["parameters", "runs", "tokens", "batch", "TPP", "rate", "decay", "tau", "tau_opt"]
    answer.show("Every size (batch in tokens; TPP: tokens per parameter)", columns, rows)
    deviation, without = checked.report.deviation, checked.report.without_offset
    low, high = deviation.interval
    answer.say(
        f"Curves: {checked.verdict}; sizes differ by {deviation.value:.1%} of the curve's fall (90 % interval "
        f"{low:.1%} to {high:.1%}). As L/L(1): {without.verdict}, {without.deviation:.1%}."
    )


def _known(value: float) -> str:
    return count(value) if value == value else "-"


def _small(value: float) -> str:
    return f"{value:.3g}" if value == value else "-"
