"""One line of a validation: a claim, what it predicts, what was measured, and the verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...common import plain
from ..fits.intervals import UNKNOWN, Interval

__all__ = ["Relation", "Row", "Unit", "Verdict", "agreement", "counts_of", "not_applicable"]

VAGUE = 0.5
"""Two intervals that meet decide nothing where one of them is wider, to one side, than this share of the prediction."""


class Verdict(StrEnum):
    """What comes of a claim that is put to a table."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not applicable"


class Relation(StrEnum):
    """How a measurement should stand to its prediction."""

    EQUAL = "="
    BELOW = "<"
    AT_LEAST = ">="

    @property
    def sign(self) -> str:
        """What goes before a predicted number: nothing for an equality."""
        return "" if self is Relation.EQUAL else self.value


class Unit(StrEnum):
    """In what the two numbers of a row are."""

    NONE = ""
    LOSS = "loss"
    GAMMA = "of gamma"
    FORECAST = "% of the forecast"
    FALL = "of the curve's fall"
    ERRORS = "standard errors"

    @property
    def sign(self) -> str:
        """The part that goes with a number: the percent sign, or nothing."""
        return "%" if self is Unit.FORECAST else ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A claim put to a table.

    Parameters
    ----------
    claim
        Name of the claim, e.g. `"horizon exponent"`.
    table
        The ladder or table it was put to.
    prediction, prediction_interval
        What theory or simulator say; NaN where nothing applies.
    relation
        What should hold between measurement and prediction.
    measurement, measurement_interval
        What the curves say. Intervals are 90 %, NaN where unknown.
    unit
        Of both numbers.
    verdict
        What came of it.
    note
        Why, and what else is worth knowing.
    """

    claim: str
    table: str
    prediction: float = math.nan
    prediction_interval: Interval = UNKNOWN
    relation: Relation = Relation.EQUAL
    measurement: float = math.nan
    measurement_interval: Interval = UNKNOWN
    unit: Unit = Unit.NONE
    verdict: Verdict
    note: str

    @property
    def applies(self) -> bool:
        """Whether the claim says something of the table."""
        return self.verdict is not Verdict.NOT_APPLICABLE

    def to_json(self) -> dict[str, Any]:
        """The fields by their names; what is unknown is null."""
        return plain(vars(self))


def counts_of(rows: Iterable[Row]) -> dict[Verdict, int]:
    """How many rows have each verdict, none left out."""
    found = Counter(row.verdict for row in rows)
    return {verdict: found[verdict] for verdict in Verdict}


def not_applicable(claim: str, table: str, reason: str) -> Row:
    """The row of a claim that a table cannot answer; `reason` says what is missing.

    >>> not_applicable("horizon exponent", "t", "no run at a constant learning rate").note
    'not applicable: no run at a constant learning rate'
    """
    return Row(claim=claim, table=table, verdict=Verdict.NOT_APPLICABLE, note=f"not applicable: {reason}")


def agreement(prediction: float, predicted: Interval, measurement: float, measured: Interval) -> Verdict:
    """Whether a prediction and a measurement agree: their intervals meet, and are narrow enough to mean something.

    Parameters
    ----------
    prediction, measurement
        The two numbers.
    predicted, measured
        Their intervals; an unknown one (NaN) counts as the number itself.

    Returns
    -------
    Verdict
        `"does not hold"` where the intervals are apart; `"undecided"` where they meet but one of them reaches further
        than half the prediction from its own number, or a number is missing; else `"holds"`.

    Examples
    --------
    >>> print(agreement(1.0, (0.9, 1.1), 1.05, (1.0, 1.2)), "or", agreement(1.0, (0.9, 1.1), 1.3, (1.2, 1.4)))
    holds or does not hold
    >>> print(agreement(1.0, (0.2, 1.8), 1.1, (1.0, 1.2)))
    undecided
    """
    if not (math.isfinite(prediction) and math.isfinite(measurement)):
        return Verdict.UNDECIDED
    ends = [
        (value, value) if math.isnan(pair[0]) else pair
        for value, pair in ((prediction, predicted), (measurement, measured))
    ]
    if max(low for low, _ in ends) > min(high for _, high in ends):
        return Verdict.DOES_NOT_HOLD
    widest = max(abs(end - v) for v, pair in zip((prediction, measurement), ends, strict=True) for end in pair)
    return Verdict.UNDECIDED if widest > VAGUE * abs(prediction) else Verdict.HOLDS
