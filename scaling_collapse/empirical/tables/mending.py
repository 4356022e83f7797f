"""What would complete logs that lack something: the lines of a mapping file, ready to be filled in."""

from __future__ import annotations

import re

import numpy as np

from .column_names import losses
from .columns import number_column
from .log_columns import NamedLog
from .understanding import Understanding

__all__ = ["mending_lines"]

SEED = re.compile(r"[-_/ .]*(?:seed|s)?[-_ ]?\d*$", re.I)
SIZE = re.compile(r"(?<![A-Za-z\d.])(\d+(?:\.\d+)?[kmb])(?![A-Za-z\d])", re.I)
MOST_LOSSES = 4


def mending_lines(found: Understanding) -> list[str]:
    """The mapping file that completes what was understood; empty where nothing is missing but perhaps tokens."""
    lacks = {name for names in found.missing.values() for name in names}
    if not lacks and all("tokens" in table.column_names for table in found.tables):
        return []
    columns: list[str] = []
    log = found.logs[0]
    if "loss" in lacks:
        kinds = [name for kind in ("evaluation", "training") for name in losses(log.names, kind)]
        others = ", or ".join(kinds[1:MOST_LOSSES])
        columns.append(f'loss = "{_quoted(kinds[0]) if kinds else "COLUMN"}"' + (f"  # or {others}" if others else ""))
    if "tokens or step" in lacks:
        columns.append('step = "COLUMN"  # what counts the steps')
    elif not all("tokens" in table.column_names for table in found.tables):
        columns.append('tokens = "step * 524288"  # tokens that one step sees; without, nothing is said of compute')
    lines = ["[columns]", *columns] if columns else []
    if "params" in lacks:
        lines += ["[params]", *(f'"{pattern}" = "{size}"' for pattern, size in _sizes(found).items())]
    return lines


def _quoted(name: str) -> str:
    return f"[{name}]" if not re.fullmatch(r"\w+", name) else name


def _sizes(found: Understanding) -> dict[str, str]:
    """Patterns for the names of the runs without parameters, and what the names say of the size."""
    sizes: dict[str, str] = {}
    for log, table in zip(found.logs, found.tables, strict=True):
        for run in _without_params(log, table):
            size = SIZE.search(run)
            pattern = _literal(SEED.sub("", run) or run) + "*"
            sizes.setdefault(pattern, size[1].upper().replace("K", "k") if size else "125M")
    return sizes


def _without_params(log: NamedLog, table) -> list[str]:  # type: ignore[no-untyped-def]  # a pyarrow table
    runs = table.column("run").to_pylist() if "run" in table.column_names else [log.run]
    if "params" in table.column_names:
        missing = np.isnan(number_column(table, "params", log.source))
        runs = [run for run, lacks in zip(runs, missing, strict=True) if lacks]
    return list(dict.fromkeys(map(str, runs)))


def _literal(name: str) -> str:
    """The name as a pattern that fits itself."""
    return re.sub(r"([\[?*])", r"[\1]", name)
