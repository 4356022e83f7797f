"""How large a law's own error is, as shares of what it has to predict: estimated where runs were left out.

`benchmarks/forecast_coverage.py` estimates them from the published tables and from simulated ladders, and judges each
table's bands with the shares of all the others (docs/results/forecasts.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from ...common import InputError

__all__ = ["ADAPTIVE", "PLAIN", "Optimizer", "Shares", "optimizer_of", "shares_for"]

Optimizer = Literal["adaptive", "plain"]
"""Whether steps are divided by the size of gradients (Adam and its kin), or not (SGD)."""

FAMILIES: Mapping[str, Optimizer] = {
    "sgd": "plain",
    "momentum": "plain",
    "nesterov": "plain",
    "adam": "adaptive",
    "adamw": "adaptive",
    "nadam": "adaptive",
    "adamax": "adaptive",
    "adafactor": "adaptive",
    "adagrad": "adaptive",
    "rmsprop": "adaptive",
    "lamb": "adaptive",
    "lion": "adaptive",
    "muon": "adaptive",
    "shampoo": "adaptive",
    "soap": "adaptive",
    "sophia": "adaptive",
    "adaptive": "adaptive",
    "plain": "plain",
}
"""Of the names in a column `optimizer`; what stands behind a dash or an underscore does not count."""


class Shares(NamedTuple):
    """Standard deviations of the errors of `ln L`.

    Parameters
    ----------
    law
        As a share of what the schedule changes in the loss.
    donor
        The same where the response is that of another size.
    trunk
        As a share of what the trunk falls beyond the longest calibration run.
    peak
        For each factor of 2 in the peak rate beyond the calibrated ones.
    size
        As a share of the way from the nearest size's trunk.
    """

    law: float
    donor: float
    trunk: float
    peak: float
    size: float


ADAPTIVE = Shares(law=0.016, donor=0.1, trunk=0.073, peak=0.008, size=0.3)
PLAIN = Shares(law=0.037, donor=0.1, trunk=0.31, peak=0.008, size=0.3)


def shares_for(optimizer: Optimizer | None, plain: float) -> Shares:
    """The shares of a kind of optimizer; where it is not known, of both by the probability of `plain` (in squares)."""
    weight = plain if optimizer is None else float(optimizer == "plain")
    return Shares(*(math.sqrt((1 - weight) * a * a + weight * b * b) for a, b in zip(ADAPTIVE, PLAIN, strict=True)))


def optimizer_of(extras: Iterable[Mapping[str, Any]]) -> Optimizer | None:
    """The kind of optimizer that the runs' columns `optimizer` name; None where no run says, or none that is known.

    Raises
    ------
    InputError
        If some runs name an adaptive one and some a plain one.

    Examples
    --------
    >>> optimizer_of([{"optimizer": "AdamW"}, {}]), optimizer_of([{"optimizer": "SGD_nesterov"}]), optimizer_of([{}])
    ('adaptive', 'plain', None)
    """
    named = {str(_one(extra["optimizer"])) for extra in extras if "optimizer" in extra}
    kinds: dict[Optimizer, str] = {FAMILIES[key]: name for name in sorted(named) if (key := _family(name)) in FAMILIES}
    if len(kinds) > 1:
        raise InputError(
            f"calibrate needs runs of one kind of optimizer; got {' and '.join(kinds.values())}. Leave one kind out."
        )
    return next(iter(kinds), None)


def _family(name: str) -> str:
    return name.lower().replace("-", "_").split("_")[0]


def _one(value: Any) -> Any:
    """The value of a column that is the same in all rows."""
    flat = getattr(value, "ravel", None)
    return flat()[0] if flat is not None and getattr(value, "size", 0) else value
