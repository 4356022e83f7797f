"""Numbers that look as if they were in another unit: compute, parameters, tokens and losses."""

from __future__ import annotations

import math

import numpy as np

from ...common import Array
from ...theory import Finding, LossCurve

__all__ = ["compute_in_flops", "named_unit", "odd_units"]

CLOSE, FAR = 5.0, 100.0
"""Logged compute within 5 times of 6 x params x tokens is taken as it is; further off it is noted, and from 100 times
on it is in another unit."""
SURE = 1.5
"""A unit is taken for this one if it explains the ratio up to this factor."""
PREFIXES = {1e9: "GFLOPs", 1e12: "TFLOPs", 1e15: "PFLOPs", 1e18: "EFLOPs", 1e21: "ZFLOPs", 8.64e19: "PFLOP-days"}
FIRST_BITS = (14.5, 18.0)
"""First losses of models with 25k to 250k tokens, in bits; in nats they are 10 to 12.5."""
WORDS_OF_BITS = ("bits", "bpb", "bpc", "bpt")
WORDS_OF_PERPLEXITY = ("ppl", "perplexity")


def compute_in_flops(
    compute: Array | None, params: float, tokens: Array, *, run: str
) -> tuple[Array | None, list[Finding]]:
    """Logged compute in FLOPs, judged by `6 p t`; None where it is in a unit of its own, as GPU hours are.

    Parameters
    ----------
    compute
        As logged, increasing, or None.
    params, tokens
        p and t; t counts tokens.
    """
    if compute is None or not tokens[-1] > 0:
        return compute, []
    ratio = float(compute[-1] / (6.0 * params * tokens[-1]))
    if 1 / CLOSE <= ratio <= CLOSE:
        return compute, []
    says = f"compute is {ratio:.3g} times 6 x params x tokens"
    if 1 / FAR <= ratio <= FAR:
        return compute, [Finding("compute unit", "noted", run, f"{says}: is it in FLOPs?")]
    for unit, name in PREFIXES.items():
        if 1 / SURE <= ratio * unit <= SURE:
            return compute * unit, [Finding("compute unit", "repaired", run, f"{says}: read as {name}")]
    detail = f"{says}, so it is not in FLOPs (GPU hours?): 6 x params x tokens is used instead"
    return None, [Finding("compute unit", "repaired", run, detail)]


def odd_units(curves: list[LossCurve]) -> list[Finding]:
    """Notes on what no model has: parameters in millions, tokens in billions, losses that are perplexities or bits."""
    found: list[Finding] = []
    with_tokens = [c for c in curves if c.clock == "tokens"]
    each = [c.tokens[-1] / c.params for c in with_tokens]
    if with_tokens and min(each) > 1e6:
        detail = f"{min(each):.2g} tokens a parameter or more: are `params` in millions, or in billions?"
        found.append(Finding("unit of params", "noted", "params", detail))
    if with_tokens and max(each) < 1e-3:
        detail = (
            f"{max(each):.2g} tokens a parameter or fewer: are `tokens` in millions or billions, or are they steps?"
        )
        found.append(Finding("unit of tokens", "noted", "tokens", detail))
    small = [c for c in curves if c.params < 1000 and not float(c.params).is_integer()]
    if small:
        detail = f"{small[0].params:g} is no whole number: are `params` in millions, or in billions?"
        found.append(Finding("unit of params", "noted", small[0].run, detail))
    return found + _unit_of_losses(curves)


def _unit_of_losses(curves: list[LossCurve]) -> list[Finding]:
    """A note where the first losses are those of another unit; a loss that never changes is none."""
    changing = [c for c in curves if np.ptp(c.loss) > 0]
    if not changing:
        return []
    first, least = min(c.loss[0] for c in changing), min(float(c.loss.min()) for c in changing)
    if least >= 1 and first > 100:
        detail = f"losses from {first:.4g} on, none below 1: if they are perplexities, take their logarithm"
        return [Finding("unit of loss", "noted", "loss", detail)]
    if FIRST_BITS[0] <= first and max(c.loss[0] for c in changing) <= FIRST_BITS[1] and least > math.log(2):
        detail = f"first losses of {first:.4g}: if they are bits, multiply them by log(2)"
        return [Finding("unit of loss", "noted", "loss", detail)]
    return []


def named_unit(name: str) -> str | None:
    """What the name of a column says of its unit: `"perplexity"`, `"bits"`, or None.

    >>> named_unit("eval/ppl"), named_unit("val_bpb"), named_unit("val_loss")
    ('perplexity', 'bits', None)
    """
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    if any(w in WORDS_OF_PERPLEXITY for w in words):
        return "perplexity"
    return "bits" if any(w in WORDS_OF_BITS for w in words) else None
