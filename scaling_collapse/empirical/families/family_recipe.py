"""`FamilyRecipe`: what is the same at every size of a family, and the rules that follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ...common import InputError, count
from ...theory import optimal_timescale
from .decoder_shape import HEAD
from .hyperparameter_laws import (
    BATCH_EXPONENT,
    COMPLETEP,
    MUP,
    POWER_LINES,
    SCALING_WITH_COLLAPSE,
)
from .rule import Rule

__all__ = ["BASE_DEPTH", "FamilyOptimizer", "FamilyRecipe", "RecipeKind"]

RecipeKind = Literal["completep", "mup"]
FamilyOptimizer = Literal["adamw", "muon"]
BASE_DEPTH = 3
"""Depth at which the trainer's decoder multiplies a branch by 1."""
TOLD = "your choice"


@dataclass(frozen=True, kw_only=True)
class FamilyRecipe:
    """What a family has in common.

    Parameters
    ----------
    kind
        `"completep"`: width and depth grow together; `"mup"`: the width grows at one depth.
    tokens_per_parameter
        `TPP = T / p`, > 0.
    timescale
        `tau`, > 0; None takes `optimal_timescale(TPP)`.
    rate
        `eta`, peak rate at the base width, > 0, as found on a small model.
    base_width
        `D0`, the width at which that rate was found, >= 1.
    batch
        Tokens a step of the smallest size, > 0; None takes the published law.
    aspect
        `D / N` that is aimed at, > 0.
    depth
        `N` of every size under muP; None takes that of the middle size.
    vocabulary, context, expansion
        Of the decoder: token ids, tokens of a sequence, width of the MLP over `D`.
    optimizer
        `"adamw"`, or `"muon"` for hidden matrices beside AdamW for the rest.
    embedding
        Multiplier of the embeddings' rate, > 0.
    seeds
        Runs of each size, >= 1.

    Raises
    ------
    InputError
        If a number is out of its domain.
    """

    kind: RecipeKind = "completep"
    tokens_per_parameter: float = 20.0
    timescale: float | None = None
    rate: float = 0.006
    base_width: int = 128
    batch: float | None = None
    aspect: float = 64.0
    depth: int | None = None
    vocabulary: int = 256
    context: int = 64
    expansion: int = 1
    optimizer: FamilyOptimizer = "adamw"
    embedding: float = 5.0
    seeds: int = 3

    def __post_init__(self) -> None:
        for name, kinds in (("kind", get_args(RecipeKind)), ("optimizer", get_args(FamilyOptimizer))):
            if getattr(self, name) not in kinds:
                raise InputError(
                    f"plan_family needs {'a recipe' if name == 'kind' else 'an optimizer'} of {', '.join(kinds)}; got "
                    f"{getattr(self, name)!r}. Choose one of them."
                )
        for name in ("tokens_per_parameter", "timescale", "rate", "batch", "aspect", "embedding"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"plan_family needs a positive `{name}`; got {value}. Leave it out for the default.")
        for name, least in (("base_width", 1), ("depth", 1), ("vocabulary", 2), ("context", 1), ("expansion", 1),
                            ("seeds", 1)):  # fmt: skip
            value = getattr(self, name)
            if value is not None and (value < least or value != int(value)):
                raise InputError(f"plan_family needs a whole `{name}` >= {least}; got {value:g}. Mend it.")
        if self.kind == "completep" and self.depth is not None:
            raise InputError(
                f"plan_family needs the recipe mup for one `depth`; got completep and {self.depth}, under which depth "
                "grows with width. Choose mup, or give an aspect."
            )

    @property
    def tau(self) -> float:
        """`tau` of every size."""
        return float(optimal_timescale(self.tokens_per_parameter)) if self.timescale is None else self.timescale

    def rules(self, depth: int | None) -> tuple[Rule, ...]:
        """How every number of a family is found, with its source; `depth` is that of every size under muP."""
        tuned = " (tune it on the smallest size; the default suits this package's byte-level text ladder)"
        law = "B = 2048 x 0.0306 T^0.383 tokens, in whole sequences"
        anchored = "" if self.batch is None else f"B = {count(self.batch)} (T / T_smallest)^{BATCH_EXPONENT}"
        told = f"tau = {self.tau:.4g}, the same at every size"
        per_block = 4 + 2 * self.expansion
        return (
            Rule(
                quantity="parameters",
                formula=f"p = 2 V D + c D + {per_block} N D^2 with V = {self.vocabulary}, c = {self.context}",
                source="count of the decoder's weights, embeddings and readout included",
            ),
            *self._shape_rules(depth),
            Rule(
                quantity="tokens",
                formula=f"T = {self.tokens_per_parameter:g} p, in whole steps",
                source=SCALING_WITH_COLLAPSE + ": fixed tokens per parameter",
            ),
            Rule(
                quantity="batch",
                formula=anchored or law,
                source=POWER_LINES + ("" if self.batch is None else f" for the exponent; {TOLD} for the first"),
            ),
            *self._rate_rules(tuned),
            Rule(
                quantity="schedule",
                formula="linear decay to zero",
                source=f"{POWER_LINES}: so were the runs to which tau_opt was fitted",
            ),
            Rule(
                quantity="timescale",
                formula="tau = 1.08 TPP^-0.527 = " + f"{self.tau:.4g}" if self.timescale is None else told,
                source=POWER_LINES if self.timescale is None else TOLD,
            ),
            Rule(
                quantity="weight decay",
                formula="lambda = B / (eta tau T) beside eta; a tensor whose rate is f eta has lambda / f, so that "
                "all have the same tau",
                source=f"{POWER_LINES}; {COMPLETEP}",
            ),
        )

    def _shape_rules(self, depth: int | None) -> tuple[Rule, ...]:
        grows = "least (ln(p / size) / ln 1.1)^2 + (ln(D / N / aspect) / ln 1.5)^2" + f", aspect {self.aspect:g}"
        return (
            Rule(
                quantity="width and depth",
                formula=grows if self.kind == "completep" else f"p nearest to the size at N = {depth}",
                source=f"{COMPLETEP}: rates carry over width and depth"
                if self.kind == "completep"
                else f"{MUP}: rates carry over the width at one depth",
            ),
            Rule(
                quantity="heads",
                formula=f"D / {HEAD}, one below",
                source="muP keeps the size of a head (Yang et al. 2022, arXiv 2203.03466)",
            ),
        )

    def _rate_rules(self, tuned: str) -> tuple[Rule, ...]:
        base = f"eta = {self.rate:g} at D = {self.base_width}"
        hidden = f"eta {self.base_width} / D"
        source = f"{COMPLETEP} at alpha = 1; {MUP}"
        rules = [
            Rule(quantity="base rate", formula=base, source=TOLD + tuned),
            Rule(quantity="embeddings' rate", formula=f"{self.embedding:g} eta", source=f"{MUP}; the factor is tuned"),
            Rule(quantity="readout's rate", formula=hidden, source=MUP),
        ]
        if self.optimizer == "muon":
            formula = f"0.2 {self.base_width}^(1/2) eta at every width"
            source = "spectral muP, Bernstein & Newhouse, arXiv 2410.21265; 0.2 of AdamW's rate, arXiv 2502.16982"
        else:
            formula = hidden
        rules.append(Rule(quantity="hidden matrices' rate", formula=formula, source=source))
        if self.kind == "completep":
            rules.append(Rule(quantity="residual branches", formula=f"times {BASE_DEPTH} / N", source=COMPLETEP))
        return tuple(rules)
