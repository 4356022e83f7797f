"""`Log`: what a reader gives: the rows of one file as they were logged, and what it knows besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...theory import Finding

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Log", "flat"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Log:
    """Rows as they were logged, under the names that the program gave them.

    Parameters
    ----------
    table
        One row per logged point; what a row does not have is null (a NaN that was logged stays NaN). With a column
        `run` where the file holds several runs or knows the name of its own.
    settings
        By the name of the run, `""` for the only one without a name: its configuration, nested names joined by dots.
    findings
        What is worth knowing of this kind of log, or was mended while it was read.
    """

    table: pa.Table
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def flat(settings: Any, prefix: str = "", depth: int = 8) -> dict[str, Any]:
    """Nested settings with their names joined by dots; single values only.

    >>> flat({"model": {"width": 64, "layers": [1, 2]}, "seed": 3})
    {'model.width': 64, 'seed': 3}
    """
    found: dict[str, Any] = {}
    if isinstance(settings, Mapping) and depth:
        for name, value in settings.items():
            found |= flat(value, f"{prefix}.{name}" if prefix else str(name), depth - 1)
    elif prefix and isinstance(settings, str | int | float):
        found[prefix] = settings
    return found
