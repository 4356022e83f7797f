"""`read_running`: runs in progress, which have not reached the horizons that their tables give."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common import Source, is_frame
from ...theory import Ladder
from .curve_reader import read_curves
from .readers import read_table, table_files

__all__ = ["read_running"]

PLANNED = "planned_tokens"


def read_running(source: Source, *, where: Mapping[str, str] | None = None) -> Ladder:
    """Read unfinished runs as `read_curves` does, each to its last point; `horizon_tokens` becomes `planned_tokens`.

    >>> table = {"run": ["a", "a"], "params": [10, 10], "tokens": [1, 2], "loss": [3.0, 2.0], "horizon_tokens": [8, 8]}
    >>> run = read_running(table).curves[0]
    >>> run.horizon_tokens, float(run.extra["planned_tokens"])
    (2.0, 8.0)
    """
    return read_curves(_renamed(source), where=where, use_horizon=False)


def _renamed(source: Source) -> Any:
    """The same, `horizon_tokens` under its other name."""
    import pyarrow as pa

    if not is_frame(source):
        paths = [source] if isinstance(source, str | os.PathLike) else source
        tables = [read_table(file) for path in paths for file in table_files(Path(path))[0]]
        source = pa.concat_tables(tables, promote_options="permissive")
    table = source if isinstance(source, pa.Table) else pa.table(source)
    if "horizon_tokens" not in table.column_names or PLANNED in table.column_names:
        return table
    return table.rename_columns([PLANNED if name == "horizon_tokens" else name for name in table.column_names])
