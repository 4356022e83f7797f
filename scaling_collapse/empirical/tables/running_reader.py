"""`read_running`: runs in progress, which have not reached the horizons that their tables give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...common import Source
from ...theory import Ladder
from .curve_reader import ladder_of
from .log_mapping import LogMapping
from .understanding import curve_tables

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_running"]

PLANNED = "planned_tokens"


def read_running(source: Source, *, where: Mapping[str, str] | None = None) -> Ladder:
    """Read unfinished runs as `read_curves` does, each to its last point; `horizon_tokens` becomes `planned_tokens`.

    >>> table = {"run": ["a", "a"], "params": [10, 10], "tokens": [1, 2], "loss": [3.0, 2.0], "horizon_tokens": [8, 8]}
    >>> run = read_running(table).curves[0]
    >>> run.horizon_tokens, float(run.extra["planned_tokens"])
    (2.0, 8.0)
    """
    tables, findings = curve_tables(source, LogMapping())
    return ladder_of([(name, _renamed(table)) for name, table in tables], findings, where, use_horizon=False)


def _renamed(table: pa.Table) -> pa.Table:
    """The same, `horizon_tokens` under its other name."""
    if "horizon_tokens" not in table.column_names or PLANNED in table.column_names:
        return table
    return table.rename_columns([PLANNED if name == "horizon_tokens" else name for name in table.column_names])
