"""`understand`: a source in the columns of the curve table; `curve_tables`: the same, complete or refused."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...common import InputError, Source, is_frame
from ...theory import Finding
from .column_names import LossKind
from .find_logs import logs_at
from .log import Log
from .log_columns import NamedLog, chosen_loss, curve_columns, is_curve_table, missing
from .log_mapping import LogMapping
from .split_runs import require_columns

__all__ = ["Understanding", "curve_tables", "understand"]

FRAME = "frame"
"""What a table in memory is called."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Understanding:
    """What was understood of a source.

    Parameters
    ----------
    logs
        The logs as they are.
    tables
        Each as a curve table, with what there is of its columns.
    loss
        Which loss was taken; None where the tables say it themselves, or there is none.
    findings
        What was left aside or taken for what.
    """

    logs: tuple[NamedLog, ...]
    tables: tuple[pa.Table, ...]
    loss: LossKind | None
    findings: tuple[Finding, ...]

    @property
    def missing(self) -> dict[str, list[str]]:
        """By source, the columns that it lacks."""
        lacks = {log.source: missing(table) for log, table in zip(self.logs, self.tables, strict=True)}
        return {source: names for source, names in lacks.items() if names}


def understand(source: Source, mapping: LogMapping, *, losses: bool = True) -> Understanding:
    """What a source holds, in the columns of the curve table.

    Parameters
    ----------
    source
        As for `read_curves`.
    mapping
        What its owner says of it.
    losses
        Whether a loss is wanted; targets have none.
    """
    logs, findings = _logs(source, mapping, losses)
    if not losses:
        logs = [_without_loss(log) for log in logs]
    plain = [_is_plain(log, mapping, losses) for log in logs]
    rest = [log for log, done in zip(logs, plain, strict=True) if not done]
    given = "loss" in mapping.columns or not losses
    kind, names = (None, {}) if given or not rest else chosen_loss(rest)
    tables: list[pa.Table] = []
    at = iter(range(len(rest)))
    for log, done in zip(logs, plain, strict=True):
        findings += log.log.findings
        if done:
            tables.append(log.log.table)
            continue
        table, found = curve_columns(log, mapping, names.get(next(at)))
        findings += found
        tables.append(table)
    if kind is not None:
        detail = "of evaluation" if kind == "evaluation" else "of training: no log has one of evaluation"
        findings.append(Finding("which loss", "noted", "loss", detail))
    return Understanding(logs=tuple(logs), tables=tuple(tables), loss=kind, findings=tuple(findings))


def _is_plain(log: NamedLog, mapping: LogMapping, losses: bool) -> bool:
    """Whether the log is a curve table already, or a table of targets."""
    return not mapping.columns and (is_curve_table(log.names) if losses else log.carry)


def curve_tables(source: Source, mapping: LogMapping) -> tuple[list[tuple[str, pa.Table]], list[Finding]]:
    """(name, curve table) of everything that `source` stands for.

    Raises
    ------
    InputError
        If a log lacks what a curve needs: the sentence says what, and how to give it.
    """
    found = understand(source, mapping)
    for log, table in zip(found.logs, found.tables, strict=True):
        if lacks := missing(table):
            _refuse(log, lacks)
    return [(log.source, table) for log, table in zip(found.logs, found.tables, strict=True)], list(found.findings)


def _refuse(log: NamedLog, lacks: list[str]) -> None:
    if log.source == FRAME or {"run", "params"} <= set(log.names):
        require_columns(log.names, log.source)
    if is_curve_table(log.names):
        return  # a row without a size: `curve_from_rows` names the run
    give = {
        "params": "--params 'NAME=125M'",
        "loss": "--map loss=COLUMN",
        "tokens or step": "--map step=COLUMN",
    }
    columns = ", ".join(log.names[:12]) + (", ..." if len(log.names) > 12 else "")
    raise InputError(
        f"read_curves needs {' and '.join(lacks)} of every run; got {columns or 'nothing'} in {log.source}. Say it "
        f"once: scaling-collapse convert {log.source} {' '.join(give[n] for n in lacks)} --table T.parquet (with "
        "--dry-run it shows what was understood)."
    )


def _logs(source: Source, mapping: LogMapping, losses: bool) -> tuple[list[NamedLog], list[Finding]]:
    """The logs that a source stands for."""
    if isinstance(source, str | os.PathLike):
        source = [source]
    if isinstance(source, Iterable) and not is_frame(source):
        paths = list(source)
        if not paths:
            who = "read_curves" if losses else "forecast"
            raise InputError(
                f"{who} needs at least one {'' if losses else 'target '}table; got none. Name a file or folder."
            )
        if all(isinstance(p, str | os.PathLike) for p in paths):
            return logs_at([Path(p) for p in paths], mapping)
    return [NamedLog(source=FRAME, run=FRAME, log=Log(table=_frame(source)), carry=True)], []


def _frame(source: Any) -> pa.Table:
    try:
        return source if isinstance(source, pa.Table) else pa.table(source)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise InputError(
            "read_curves needs a path, a list of paths or a frame (pandas, polars, pyarrow, a mapping of columns); "
            f"got {type(source).__name__} ({error}). Pass one of these."
        ) from None


def _without_loss(log: NamedLog) -> NamedLog:
    kept = [n for n in log.names if n != "loss"]
    return replace(log, log=replace(log.log, table=log.log.table.select(kept)))
