"""Curve tables in JSON Lines files: one object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from ....common import InputError
from ..columns import NUMERIC, TEXT
from .reader import Reader

__all__ = ["JSONL"]


def _rows(path: Path) -> pa.Table:
    """All rows; keys that a line leaves out are null."""
    import pyarrow.json as pj

    if path.stat().st_size == 0:
        raise InputError(f"read_curves needs one object a line; got the empty file {path}. Export it again.")
    schema = pa.schema([(name, pa.float64()) for name in NUMERIC] + [(name, pa.string()) for name in TEXT])
    try:
        table = pj.read_json(path, parse_options=pj.ParseOptions(explicit_schema=schema))
    except pa.ArrowInvalid:
        return _read_line_by_line(path)  # NaN and Infinity, mixed types; and it names the line that is broken
    given = [name for name in table.column_names if table.column(name).null_count < table.num_rows]
    return table.select(given)


def _read_line_by_line(path: Path) -> pa.Table:
    rows: list[dict[str, Any]] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise InputError(
                    f"read_curves needs one JSON object a line; got {line[:40]!r} in line {number} of {path}. "
                    "Mend or remove that line."
                )
            for name in NUMERIC & row.keys():
                value = row[name]
                if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                    raise InputError(
                        f"read_curves needs a number in every cell of column {name!r}; got {value!r} in line "
                        f"{number} of {path}. Mend or remove that line."
                    )
            rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns: dict[str, pa.Array] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name in NUMERIC:
            columns[name] = pa.array(values, pa.float64(), from_pandas=False)
        elif name in TEXT or any(isinstance(v, str | list | dict) for v in values):
            columns[name] = pa.array([None if v is None else str(v) for v in values], pa.string())
        else:
            columns[name] = pa.array([None if v is None else float(v) for v in values], pa.float64())
    return pa.table(columns)


JSONL = Reader(endings=(".jsonl", ".ndjson"), rows=_rows)
