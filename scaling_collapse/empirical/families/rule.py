"""`Rule`: how a number of a family is found, and who says so."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Rule"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How a quantity of a family is found: its name, the formula, and who says so."""

    quantity: str
    formula: str
    source: str
