"""What a reader dropped, merged or repaired on the way from a source to a `Ladder`, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..common import Result, plain

__all__ = ["Action", "Finding", "IntegrityReport"]

Action = Literal["dropped", "merged", "repaired", "noted"]
"""What is done about a finding; with "noted" the data are used as they are."""


@dataclass(frozen=True)
class Finding(Result):
    """One thing that was found in the source and what was done about it.

    Parameters
    ----------
    kind
        Short machine-readable name, e.g. `"duplicate run"`.
    action
        `"dropped"`, `"merged"`, `"repaired"` or `"noted"` (the data are used as they are).
    subject
        The run, file or column concerned.
    detail
        One sentence for a person.
    count
        How many rows (or runs, for findings about runs) are concerned.
    """

    kind: str
    action: Action
    subject: str
    detail: str
    count: int = 1


@dataclass(frozen=True, repr=False)
class IntegrityReport(Result):
    """Everything that a reader found, in the order in which it was found.

    Parameters
    ----------
    sources
        Where the curves came from (paths, or `"frame"`).
    rows_read, rows_used
        Logged points in the source, and in the curves that came out of it.
    findings
        What was dropped, merged, repaired or is worth knowing. Empty: the source was clean.

    Examples
    --------
    >>> IntegrityReport(("a.csv",), 10, 10).summary()
    '10 of 10 rows used; no repairs'
    """

    sources: tuple[str, ...] = ()
    rows_read: int = 0
    rows_used: int = 0
    findings: tuple[Finding, ...] = ()

    def headline(self) -> str:
        """The rows, and what was done."""
        return f"IntegrityReport: {self.summary()}"

    def lines(self) -> list[tuple[str, str]]:
        """Every finding."""
        return [(f"{f.kind}, {f.action}", f"{f.subject}: {f.detail}") for f in self.findings]

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(f for f in self.findings if f.kind == kind)

    def summary(self) -> str:
        """One line: rows used, and the number of findings per kind and action."""
        counts: dict[tuple[str, str], int] = {}
        for finding in self.findings:
            key = (finding.kind, finding.action)
            counts[key] = counts.get(key, 0) + 1
        found = ", ".join(f"{n} x {kind} {action}" for (kind, action), n in counts.items())
        return f"{self.rows_used} of {self.rows_read} rows used; {found or 'no repairs'}"

    def to_json(self) -> dict[str, Any]:
        """The `integrity` entry of the JSON contract: every field by its name."""
        return plain(vars(self) | {"findings": [vars(f) for f in self.findings]})
