"""What follows from the rules that a family kept and from whether its curves collapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...common import count
from ...theory import weight_decay_for_timescale
from ..collapse.verdict import Verdict
from .kept_rules import SAME, FamilyRule, Kept, KeptRule
from .trained_size import TrainedSize

__all__ = ["what_follows"]

COLLAPSED = (Verdict.COLLAPSE, Verdict.SUPERCOLLAPSE)


def what_follows(sizes: Sequence[TrainedSize], rules: Sequence[KeptRule], verdict: Verdict) -> tuple[str, ...]:
    """Sentences: what the verdict means together with the rules, then what to change, the most urgent first."""
    by_rule = {rule.rule: rule for rule in rules}
    return (_meaning(by_rule, verdict), *_changes(sizes, by_rule))


def _meaning(rules: Mapping[FamilyRule, KeptRule], verdict: Verdict) -> str:
    shared = [rules[rule] for rule in (FamilyRule.TOKENS, FamilyRule.TIMESCALE)]
    broken = [rule for rule in shared if rule.kept is Kept.BROKEN]
    unknown = [rule for rule in shared if rule.kept is Kept.UNKNOWN]
    if verdict in COLLAPSED:
        if broken:
            return (
                "The curves collapse although a rule was not kept: over these sizes it changed too little to show, or "
                "the noise hides it. Do not count on the collapse at larger sizes."
            )
        return (
            "The curves collapse: those of the smaller sizes can stand as the reference for a larger run in progress, "
            "and partial curves of a sweep can be compared with them."
        )
    if verdict is Verdict.UNDECIDED:
        return "Whether the curves collapse cannot be told from these runs: see measure for what would decide it."
    if broken:
        return "The curves do not collapse, and a rule was not kept: mend that first, below."
    if unknown:
        return (
            "The curves do not collapse, and the table does not say whether the rules were kept: find that out first."
        )
    return (
        "The curves do not collapse although tokens per parameter and timescale were kept: the cause is another one "
        "(rate, parametrization, data, a faulty run). measure names the likely one."
    )


def _changes(sizes: Sequence[TrainedSize], rules: Mapping[FamilyRule, KeptRule]) -> list[str]:
    found = []
    tokens, tau, optimum = (rules[r] for r in (FamilyRule.TOKENS, FamilyRule.TIMESCALE, FamilyRule.OPTIMUM))
    if tokens.kept is Kept.BROKEN:
        found.append(
            f"Tokens per parameter go from {tokens.low:.3g} to {tokens.high:.3g}. Choose one number and train each "
            "size on that many times its parameters."
        )
    if tau.kept is Kept.BROKEN:
        decays = [s.weight_decay for s in sizes if s.weight_decay > 0]
        same = max(decays) < SAME * min(decays)
        fixed = "The weight decay stayed the same while rate x steps changed: the" if same else "The"
        found.append(f"{fixed} timescale goes from {tau.low:.3g} to {tau.high:.3g}. {_decays(sizes)}")
    elif optimum.kept is Kept.BROKEN:
        found.append(
            f"The timescale is {optimum.low:.2g} to {optimum.high:.2g} times its optimum for these tokens per "
            f"parameter. {_decays(sizes)}"
        )
    if tau.kept is Kept.UNKNOWN:
        found.append(
            "The timescale is unknown: it needs the weight decay, the peak rate and the tokens of a step. Add the "
            "columns weight_decay, lr and batch_size, or say them: --weight-decay, --rate, --batch."
        )
    if rules[FamilyRule.RATE].kept is Kept.BROKEN:
        found.append(
            "The logged peak rate changes with size. Under muP the base rate stays and the hidden matrices' rate falls "
            "as 1/width: check which of them is logged."
        )
    batch = rules[FamilyRule.BATCH]
    if batch.kept is Kept.BROKEN and tau.kept is not Kept.UNKNOWN:
        found.append(
            f"The batch grows as tokens^{batch.low:.2f}, not ^0.383. That costs some loss and does not break a "
            "collapse as long as the timescale is kept."
        )
    return found


def _decays(sizes: Sequence[TrainedSize]) -> str:
    """The weight decay that would put every size at its optimum with its own rate and steps."""
    known = [s for s in sizes if s.rate > 0 and s.steps > 0 and s.optimal_timescale > 0]
    best = [weight_decay_for_timescale(s.optimal_timescale, 1.0, s.rate, s.steps) for s in known]
    told = [f"{decay:.3g} at {count(s.params)}" for decay, s in zip(best, known, strict=True)]
    return f"At the optimum the weight decay would be {', '.join(told)}." if told else "Keep it at one number."
