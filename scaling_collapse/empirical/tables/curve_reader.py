"""`read_curves`: anyone's curve tables in, a validated `Ladder` with its integrity report out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common import InputError, Source, is_frame
from ...theory import Finding, IntegrityReport, Ladder, LossCurve
from .columns import NUMERIC, number_column, text_column
from .run_rows import RunRows, curve_from_rows

__all__ = ["read_curves"]


def read_curves(
    source: Source,
    *,
    where: Mapping[str, str] | None = None,
    use_horizon: bool = True,
) -> Ladder:
    """Read curve tables into a `Ladder`; what was dropped, merged or repaired is in `ladder.integrity`.

    Parameters
    ----------
    source
        A Parquet, CSV or JSON Lines file, a folder of them, `"example:NAME"` (a table that comes with the package;
        `scaling_collapse.examples.names()` lists them), several of these in a list, or a frame: a pandas or polars
        DataFrame, a pyarrow Table, or a mapping of columns. One row per logged point; required columns
        `run`, `params`, `loss` and one of `tokens`, `step`; see `empirical/tables/columns.py` for the others.
    where
        Keep only rows whose column has this value, e.g. `{"schedule": "linear"}`; numbers compare as numbers.
    use_horizon
        Whether `optimal_compute` or `horizon_tokens` say where a run ends (optimal_compute first); False takes
        every run to its last point, as a fit of the horizon itself needs.

    Returns
    -------
    Ladder
        One `LossCurve` per run.

    Raises
    ------
    InputError
        If the source cannot be read or repaired: the sentence names the file, row, column or run.

    Examples
    --------
    >>> ladder = read_curves({"run": ["a", "a", "b", "b"], "params": [10, 10, 20, 20],
    ...                       "tokens": [1, 2, 1, 2], "loss": [3.0, 2.0, 2.5, 1.5]})
    >>> ladder
    Ladder: 2 sizes, 2 runs, 4 points
      parameters   10 to 20
      runs a size  1
      horizons     2 to 2 tokens
      final loss   2 (smallest size) to 1.5 (largest)
      schedule     unknown
      integrity    4 of 4 rows used; 2 x missing horizon noted, 1 x missing seed noted
    """
    tables, findings = _tables(source)
    runs, renamed = _unique_names(_runs(tables, where))
    curves, found = _curves(runs, use_horizon)
    if not curves:
        reasons = sorted({f"{f.kind}: {f.detail}" for f in found if f.action == "dropped"})
        raise InputError(
            f"read_curves needs at least one usable run; got none of {len(runs)} in {_names(tables)} "
            f"({'; '.join(reasons[:3])}). Mend the table."
        )
    report = IntegrityReport(
        sources=tuple(name for name, _ in tables),
        rows_read=sum(table.num_rows for _, table in tables),
        rows_used=sum(len(c) for c in curves),
        findings=(*findings, *renamed, *found, *_notes_on_seeds(curves)),
    )
    return Ladder(curves, report)


def _tables(source: Source) -> tuple[list[tuple[str, Any]], list[Finding]]:
    """(name, pyarrow table) of everything that `source` stands for."""
    import pyarrow as pa

    from .readers import read_table, table_files

    if isinstance(source, str | os.PathLike):
        source = [source]
    if isinstance(source, Iterable) and not is_frame(source):
        paths = list(source)
        if not paths:
            raise InputError("read_curves needs at least one table; got none. Name a file or folder.")
        if all(isinstance(p, str | os.PathLike) for p in paths):
            files: list[Path] = []
            findings = []
            for path in paths:
                found, others = table_files(Path(path))
                files += [f for f in found if f not in files]
                findings += [
                    Finding("other file", "noted", str(p), "not a curve table by its ending: not read") for p in others
                ]
            return [(str(f), read_table(f)) for f in files], findings
    try:
        return [("frame", source if isinstance(source, pa.Table) else pa.table(source))], []
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise InputError(
            "read_curves needs a path, a list of paths or a frame (pandas, polars, pyarrow, a mapping of columns); "
            f"got {type(source).__name__} ({error}). Pass one of these."
        ) from None


def _names(tables: list[tuple[str, Any]]) -> str:
    names = [name for name, _ in tables]
    return names[0] if len(names) == 1 else f"{len(names)} files"


def _runs(tables: list[tuple[str, Any]], where: Mapping[str, str] | None) -> list[RunRows]:
    """The rows of every run, at least one."""
    runs = [rows for name, table in tables for rows in _split(table, name, where)]
    if not any(table.num_rows for _, table in tables):
        raise InputError(
            f"read_curves needs at least one row; got an empty table from {_names(tables)}. Export it again."
        )
    if not runs:
        wanted = ", ".join(f"{k}={v}" for k, v in (where or {}).items())
        raise InputError(f"read_curves needs rows with {wanted}; got none in {_names(tables)}. Check the value.")
    return runs


def _curves(runs: list[RunRows], use_horizon: bool) -> tuple[list[LossCurve], list[Finding]]:
    """The curves of the runs that can be used, each once."""
    curves: list[LossCurve] = []
    findings: list[Finding] = []
    for rows in runs:
        curve, found = curve_from_rows(rows, use_horizon)
        findings += found
        if curve is not None:
            curves.append(curve)
    curves, duplicates = _without_duplicates(curves)
    return curves, findings + duplicates


def _split(table: Any, source: str, where: Mapping[str, str] | None) -> list[RunRows]:
    """The rows of one table by run, runs in order of appearance, rows in the table's order."""
    names = list(table.column_names)
    _require_columns(names, source)
    if table.num_rows == 0:
        return []
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        numeric = name in NUMERIC or _is_number(table.schema.field(name).type)
        columns[name] = (number_column if numeric else text_column)(table, name, source)
    columns["run"] = text_column(table, "run", source)
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
    return [
        RunRows(
            name=name,
            source=source,
            first_row=int(row_numbers[at[0]]),
            columns={key: values[at] for key, values in columns.items()},
        )
        for name, at in _rows_by_name(columns["run"])
    ]


def _require_columns(names: list[str], source: str) -> None:
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


def _rows_by_name(runs: NDArray[Any]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Each run's name, in order of appearance, and its rows, in order."""
    code_of: dict[str, int] = {}
    codes = np.array([code_of.setdefault(r, len(code_of)) for r in runs.tolist()], dtype=np.intp)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(code_of) + 1))
    for name, start, stop in zip(code_of, bounds[:-1], bounds[1:], strict=True):
        yield name, order[start:stop]


def _is_number(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)


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


def _unique_names(runs: list[RunRows]) -> tuple[list[RunRows], list[Finding]]:
    """Runs of one name in several files are different runs: the file's name is put in front."""
    count: dict[str, int] = {}
    for rows in runs:
        count[rows.name] = count.get(rows.name, 0) + 1
    result: list[RunRows] = []
    findings = []
    for rows in runs:
        if count[rows.name] > 1:
            name = f"{rows.source}:{rows.name}"
            findings.append(Finding("same name", "repaired", rows.name, f"in several files: read as {name}"))
            rows = replace(rows, name=name)
        result.append(rows)
    return result, findings


def _without_duplicates(curves: list[LossCurve]) -> tuple[list[LossCurve], list[Finding]]:
    """Curves of one size whose points agree to the last bit are one run, whatever their names and seeds say."""
    first: dict[tuple[float, bytes, bytes], str] = {}
    kept, findings = [], []
    for curve in curves:
        key = (curve.params, curve.tokens.tobytes(), curve.loss.tobytes())
        if key in first:
            detail = f"every point equals run {first[key]!r} to the last bit"
            findings.append(Finding("duplicate run", "dropped", curve.run, detail, len(curve)))
        else:
            first[key] = curve.run
            kept.append(curve)
    return kept, findings


def _notes_on_seeds(curves: list[LossCurve]) -> list[Finding]:
    if all(c.seed is None for c in curves):
        return [Finding("missing seed", "noted", "seed", "no seed column: runs of one size count as its seeds")]
    seen: dict[tuple[Any, ...], str] = {}
    findings = []
    for c in curves:
        key = (c.params, c.seed, c.schedule, c.horizon_tokens)
        if c.seed is not None and key in seen:
            detail = f"the same size and seed as run {seen[key]!r}, but other losses: both are used"
            findings.append(Finding("repeated seed", "noted", c.run, detail))
        seen.setdefault(key, c.run)
    return findings
