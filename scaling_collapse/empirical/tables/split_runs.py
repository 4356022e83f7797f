"""From tables to the rows of every run: by name, by seed where seeds share one, over the files of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...common import Array, InputError
from ...theory import Finding
from .columns import NUMERIC, TEXT, is_number, number_column, text_column
from .passes import join_of
from .run_rows import RunRows

__all__ = ["runs_of"]

OVERLAP = 0.2
"""Share of its steps that a later file may repeat of an earlier one and still be its continuation."""


def runs_of(tables: list[tuple[str, pa.Table]], where: Mapping[str, str] | None) -> tuple[list[RunRows], list[Finding]]:
    """The rows of every run, names unique; and what was done to make them so."""
    runs: list[RunRows] = []
    findings: list[Finding] = []
    for source, table in tables:
        require_columns(table.column_names, source)
        for rows in _split(table, source, where, findings):
            runs += _by_seed(rows, findings)
    named: dict[str, list[RunRows]] = {}
    for rows in runs:
        named.setdefault(rows.name, []).append(rows)
    return [rows for parts in named.values() for rows in _one_or_several(parts, findings)], findings


def require_columns(names: list[str], source: str) -> None:
    """Refuse a table without the columns that a curve needs."""
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise InputError(f"read_curves needs column names that differ; got {repeated[0]!r} twice in {source}.")
    missing = [n for n in ("run", "params", "loss") if n not in names]
    if not ({"tokens", "step"} & set(names)):
        missing.append("tokens (or step)")
    if missing:
        raise InputError(
            f"read_curves needs the columns run, params, loss and one of tokens, step; got {', '.join(names) or 'none'}"
            f" in {source}. Add or rename {', '.join(missing)}."
        )


def _split(table: pa.Table, source: str, where: Mapping[str, str] | None, findings: list[Finding]) -> Iterator[RunRows]:
    """The rows of one table by run, runs in order of appearance, rows in the table's order."""
    if table.num_rows == 0:
        return
    columns = _arrays(table, source, findings)
    row_numbers = np.arange(1, table.num_rows + 1)
    if where:
        keep = _matching(columns, where, source)
        columns = {name: values[keep] for name, values in columns.items()}
        row_numbers = row_numbers[keep]
    if (columns["run"] == "").any():
        at = int(np.flatnonzero(columns["run"] == "")[0])
        raise InputError(
            f"read_curves needs a `run` in every row; got none in row {row_numbers[at]} of {source}. Fill it in."
        )
    for name, at in _rows_by_name(columns["run"]):
        here = {key: values[at] for key, values in columns.items()}
        yield RunRows(name=name, source=source, numbers=row_numbers[at], columns=here)


def _arrays(table: pa.Table, source: str, findings: list[Finding]) -> dict[str, NDArray[Any]]:
    """The columns as arrays; one that no curve needs and that is neither numbers nor text is left out, and said so."""
    columns: dict[str, NDArray[Any]] = {}
    for name in table.column_names:
        numeric = name in NUMERIC or (name not in TEXT and is_number(table.schema.field(name).type))
        try:
            columns[name] = (number_column if numeric else text_column)(table, name, source)
        except InputError:
            if name in NUMERIC | TEXT:
                raise
            kind = str(table.schema.field(name).type)
            detail = f"column {name} of {kind[:40]}: no numbers, no text, and no curve needs it"
            findings.append(Finding("column left out", "noted", source, detail))
    return columns


def _rows_by_name(runs: NDArray[Any]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Each run's name, in order of appearance, and its rows, in order."""
    code_of: dict[str, int] = {}
    codes = np.array([code_of.setdefault(r, len(code_of)) for r in runs.tolist()], dtype=np.intp)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(code_of) + 1))
    for name, start, stop in zip(code_of, bounds[:-1], bounds[1:], strict=True):
        yield name, order[start:stop]


def _matching(columns: Mapping[str, NDArray[Any]], where: Mapping[str, str], source: str) -> NDArray[np.bool_]:
    keep = np.ones(len(columns["run"]), dtype=bool)
    for name, wanted in where.items():
        if name not in columns:
            raise InputError(
                f"read_curves(where=...) needs a column of the table; got {name!r}, and {source} has "
                f"{', '.join(columns)}. Name one of these."
            )
        values = columns[name]
        if values.dtype == object:
            keep &= values == str(wanted)
            continue
        try:
            keep &= values == float(wanted)
        except ValueError:
            raise InputError(
                f"read_curves(where=...) needs a number for column {name!r}; got {wanted!r}. Give a number."
            ) from None
    return keep


def _taken(rows: RunRows, at: NDArray[Any], name: str) -> RunRows:
    return replace(rows, name=name, numbers=rows.numbers[at], columns={k: v[at] for k, v in rows.columns.items()})


def _by_seed(rows: RunRows, findings: list[Finding]) -> list[RunRows]:
    """The run, or one run for each seed where several go over the same steps under its name."""
    seeds = rows.columns.get("seed")
    given = np.unique(seeds[~np.isnan(seeds)]) if seeds is not None else np.array([])
    if seeds is None or given.size < 2 or np.isnan(seeds).any():
        return [rows]
    steps = rows.columns["tokens" if "tokens" in rows.columns else "step"]
    ends = sorted(
        (np.nanmin(steps[seeds == s], initial=np.inf), np.nanmax(steps[seeds == s], initial=-np.inf)) for s in given
    )
    if any(one[1] < two[0] for one, two in pairwise(ends)):
        return [rows]  # one after the other: a resumed run, whose seed is not one number
    detail = f"{given.size} seeds under one name: read as {rows.name} seed {given[0]:g}, and so on"
    findings.append(Finding("seeds of one name", "repaired", rows.name, detail, given.size))
    return [_taken(rows, seeds == s, f"{rows.name} seed {s:g}") for s in given]


def _one_or_several(parts: list[RunRows], findings: list[Finding]) -> list[RunRows]:
    """Rows of one name in several files: joined where one file goes on where another ends, else told apart."""
    if len(parts) == 1:
        return parts
    joined = _joined(parts, findings)
    if len(joined) == 1:
        return joined
    result = []
    for rows in joined:
        name = f"{rows.source}:{rows.name}"
        findings.append(Finding("same name", "repaired", rows.name, f"in several files: read as {name}"))
        result.append(replace(rows, name=name))
    return result


def _joined(parts: list[RunRows], findings: list[Finding]) -> list[RunRows]:
    """The parts with each that goes on where another ends joined to it."""
    done: list[RunRows] = []
    for rows in sorted(parts, key=_first_step):
        evidence = ((i, _continues(part, rows)) for i, part in enumerate(done))
        before, words = next(((i, words) for i, words in evidence if words), (None, ""))
        if before is None:
            done.append(rows)
            continue
        findings.append(Finding("split files", "merged", rows.name, f"{rows.source}: {words}", rows.numbers.size))
        done[before] = _together(done[before], rows)
    return done


def _first_step(rows: RunRows) -> float:
    return float(np.nanmin(_steps_and_losses(rows)[0], initial=np.inf))


def _steps_and_losses(rows: RunRows) -> tuple[Array, Array]:
    """Steps and finite losses of the rows that have both, in order of the steps."""
    steps, loss = rows.columns["tokens" if "tokens" in rows.columns else "step"], rows.columns["loss"]
    known = np.isfinite(steps) & np.isfinite(loss)
    order = np.argsort(steps[known], kind="stable")
    return steps[known][order], loss[known][order]


def _continues(part: RunRows, rows: RunRows) -> str:
    """The evidence that `rows` go on where `part` ends; empty where they do not."""
    if (set(part.columns) ^ set(rows.columns)) & NUMERIC or any(
        not np.array_equal(np.unique(part.columns[n]), np.unique(rows.columns[n]), equal_nan=True)
        for n in ("params", "seed")
        if n in part.columns and n in rows.columns
    ):
        return ""
    (before, old), (after, new) = _steps_and_losses(part), _steps_and_losses(rows)
    if before.size < 2 or not after.size:
        return ""
    again = before >= after[0]
    if again.sum() > OVERLAP * min(before.size, after.size) or after[-1] <= before[-1]:
        return ""
    join = join_of(old, new, at=int(np.flatnonzero(again)[0]) if again.any() else None)
    near = abs(join.start - join.last) <= max(0.3 * (join.first - join.last), 8 * join.noise)
    return f"goes on at {after[0]:g} after {before[-1]:g} ({join.words})" if join.tells and near else ""


def _together(part: RunRows, rows: RunRows) -> RunRows:
    names = [n for n in part.columns if n in rows.columns]
    columns = {n: np.concatenate([part.columns[n], rows.columns[n]]) for n in names}
    return replace(part, numbers=np.concatenate([part.numbers, rows.numbers]), columns=columns)
