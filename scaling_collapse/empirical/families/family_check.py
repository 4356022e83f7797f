"""`check_family`: which rules a trained family kept, whether its curves collapse, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...common import Framed, Result, Source, count, opened, plain
from ...theory import Ladder
from ..collapse.collapse_report import CollapseReport
from ..collapse.measure_collapse import measure_collapse
from ..collapse.verdict import Verdict
from .kept_rules import FamilyRule, Kept, KeptRule, kept_rules
from .trained_size import ToldNumbers, TrainedSize, trained_sizes
from .what_follows import COLLAPSED, what_follows

__all__ = ["FamilyCheck", "check_family"]

ASKED = (FamilyRule.TOKENS, FamilyRule.TIMESCALE)


@dataclass(frozen=True, kw_only=True, repr=False)
class FamilyCheck(Framed, Result):
    """A trained family against the rules of scaling.

    Parameters
    ----------
    sizes
        What each size used, the smallest first.
    rules
        Every rule, and whether it was kept.
    report
        What `measure_collapse` says of the curves.
    follows
        What it means and what to change, in sentences.
    """

    sizes: tuple[TrainedSize, ...]
    rules: tuple[KeptRule, ...]
    report: CollapseReport
    follows: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether the curves collapse, by `measure_collapse`."""
        return self.report.verdict

    @property
    def healthy(self) -> bool:
        """The curves collapse, and neither tokens per parameter nor the timescale is known to change."""
        return self.verdict in COLLAPSED and not any(r.kept is Kept.BROKEN for r in self.rules if r.rule in ASKED)

    def headline(self) -> str:
        """Kept or not, collapse or not."""
        broken = sum(rule.kept is Kept.BROKEN for rule in self.rules if rule.rule in ASKED)
        kept = "tokens per parameter and timescale" if not broken else f"{broken} of 2 rules"
        unknown = any(rule.kept is Kept.UNKNOWN for rule in self.rules if rule.rule in ASKED)
        words = f"{kept} {'not kept' if broken else 'unknown' if unknown else 'kept'}"
        return f"FamilyCheck: {len(self.sizes)} sizes, {words}; {self.verdict}"

    def lines(self) -> list[tuple[str, str]]:
        """Every size."""
        return [
            (
                f"{count(s.params)} parameters",
                f"TPP {s.tokens_per_parameter:.3g}, timescale {s.timescale:.3g}, its optimum {s.optimal_timescale:.3g}",
            )
            for s in self.sizes
        ]

    def to_columns(self) -> dict[str, Any]:
        """One row for each size."""
        names = TrainedSize.__dataclass_fields__
        return {name: [getattr(size, name) for size in self.sizes] for name in names}

    def to_json(self) -> dict[str, Any]:
        """Sizes, rules, verdicts and what follows; what is unknown is null."""
        without = self.report.without_offset
        return plain({
            "healthy": self.healthy,
            "verdict": self.verdict,
            "deviation": vars(self.report.deviation),
            "without_offset": {
                "verdict": without.verdict,
                "deviation": without.deviation,
                "interval": without.interval,
            },
            "rules": [vars(rule) for rule in self.rules],
            "sizes": [vars(size) for size in self.sizes],
            "follows": self.follows,
        })  # fmt: skip


def check_family(
    ladder: Ladder | Source,
    *,
    batch: float | None = None,
    rate: float | None = None,
    weight_decay: float | None = None,
    offset: float | None = None,
) -> FamilyCheck:
    """Which rules a trained family kept, tokens per parameter and timescale per size, whether its curves collapse.

    The peak rate is the largest of the column `lr`, the weight decay the column `weight_decay`, the tokens of a step
    those logged at the last `step`, or `batch_size` x `sequence_length`.

    Parameters
    ----------
    ladder
        At least 2 sizes; or the path of a table, or a frame.
    batch, rate, weight_decay
        Tokens of a step, peak rate and decoupled weight decay of every run, where the table does not say; > 0.
    offset
        Irreducible loss for `measure_collapse`; default the fitted one.

    Returns
    -------
    FamilyCheck

    Raises
    ------
    InputError
        If the ladder has one size, or see `measure_collapse`.

    References
    ----------
    Bergsma et al. 2025, arXiv 2509.25087, section 3; the timescale's optimum: arXiv 2505.13738.

    Examples
    --------
    >>> import numpy as np
    >>> from scaling_collapse.theory import LossCurve
    >>> x = np.linspace(0.02, 1, 50)
    >>> def run(p, seed):
    ...     t, loss = 20 * p * x, 1 + (20 * p * x) ** -0.3 * (1 + 1e-3 * seed) + p**-0.3
    ...     told = {"batch_size": 0.01 * p, "weight_decay": 0.1}
    ...     return LossCurve(run=f"{p}-{seed}", params=p, seed=seed, tokens=t, loss=loss, lr=0 * x + 0.02, extra=told)
    >>> check = check_family(Ladder([run(p, s) for p in (1e5, 4e5, 16e5) for s in (0, 1)]))
    >>> [(size.tokens_per_parameter, round(size.timescale, 3)) for size in check.sizes]
    [(20.0, 0.25), (20.0, 0.25), (20.0, 0.25)]
    """
    ladder = opened(ladder)
    told = ToldNumbers(batch=batch, rate=rate, weight_decay=weight_decay)
    sizes = trained_sizes(ladder, told)
    rules = kept_rules(sizes)
    report = measure_collapse(ladder, offset=offset)
    follows = what_follows(sizes, rules, report.verdict)
    return FamilyCheck(sizes=sizes, rules=rules, report=report, follows=follows)
