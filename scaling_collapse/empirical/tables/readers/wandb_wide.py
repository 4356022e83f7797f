"""The CSV that the web page of Weights & Biases exports of a panel: a column for each run, least and most beside it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ....common import InputError
from ....theory import Finding
from ..column_names import known_as
from ..columns import numbers_of
from ..log import Log
from ..source_file import SourceFile
from .csv import header_of
from .reader import Reader

__all__ = ["WANDB_WIDE"]

BETWEEN = " - "
ENDS = ("__MIN", "__MAX")


def _reads(file: SourceFile) -> bool:
    names = header_of(file) if BETWEEN.encode() in file.head[:65536] else ()
    return any(n.endswith(ENDS[0]) for n in names) and any(BETWEEN in n for n in names)


def _log(files: Sequence[SourceFile]) -> Log:
    """One row per run and step."""
    (file,) = files
    lines = csv.reader(file.lines())
    header = [n.strip() for n in next(lines)]
    clock = next((i for i, n in enumerate(header) if known_as("step", [n]) or known_as("tokens", [n])), None)
    if clock is None:
        raise InputError(
            f"read_curves needs a column of steps in an export of the web page; got {header[0]!r} in {file.name}. Set "
            "the panel's x axis to Step, or to a metric that counts tokens, and export it again."
        )
    series = {i: n.rsplit(BETWEEN, 1) for i, n in enumerate(header) if BETWEEN in n and not n.endswith(ENDS)}
    columns = _columns(list(lines), header, file.name)
    runs = list(dict.fromkeys(run for run, _ in series.values()))
    metrics = list(dict.fromkeys(metric for _, metric in series.values()))
    tables: list[dict[str, Any]] = []
    for run in runs:
        of = {metric: columns[i] for i, (r, metric) in series.items() if r == run}
        given = ~np.all([np.isnan(values) for values in of.values()], axis=0)
        own = {m: of.get(m, np.full(given.size, np.nan))[given] for m in metrics}
        tables.append({"run": np.full(given.sum(), run, dtype=object), header[clock]: columns[clock][given]} | own)
    joined = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
    table = pa.table({n: pa.array(v, from_pandas=n in metrics) for n, v in joined.items()})
    return Log(table=table, findings=_buckets(columns, header, file.name))


def _columns(rows: list[list[str]], header: list[str], name: str) -> list[np.ndarray]:
    """The cells as numbers, column by column."""
    for number, row in enumerate(rows, start=1):
        if row and len(row) != len(header):
            raise InputError(
                f"read_curves needs {len(header)} cells in every row; got {len(row)} in row {number} of {name}. Export "
                "it again."
            )
    found = []
    for i, title in enumerate(header):
        values, bad = numbers_of([row[i] for row in rows if row])
        if bad is not None:
            raise InputError(
                f"read_curves needs a number in every cell of column {title!r}; got {rows[bad][i][:40]!r} in row "
                f"{bad + 1} of {name}. Mend or remove that row."
            )
        found.append(values)
    return found


def _buckets(columns: list[np.ndarray], header: list[str], name: str) -> tuple[Finding, ...]:
    """A note where a point is the mean of several: its least and most differ."""
    at = {n: i for i, n in enumerate(header)}
    wide = 0
    for title, i in at.items():
        if title.endswith(ENDS[0]) and (j := at.get(title.removesuffix(ENDS[0]) + ENDS[1])) is not None:
            wide += int((columns[i] < columns[j]).sum())
    detail = f"{wide} points are means over several steps (__MIN below __MAX): export the history for the points"
    return (Finding("sampled export", "noted", name, detail, wide),) if wide else ()


WANDB_WIDE = Reader(what="CSV of the W&B page", reads=_reads, log=_log, rank=2)
