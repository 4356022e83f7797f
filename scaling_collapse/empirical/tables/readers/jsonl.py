"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ....common import InputError
from ..column_names import loss_kind
from ..columns import NUMERIC, TEXT
from ..log import Log
from ..source_file import SourceFile
from .logged_rows import table_of_rows
from .reader import Reader

__all__ = ["JSONL"]


def _reads(file: SourceFile) -> bool:
    if {".jsonl", ".ndjson"} & {s.lower() for s in file.path.suffixes}:
        return True
    first, newline, _ = file.head_text().lstrip().partition("\n")
    if not (newline and first.startswith("{") and first.rstrip().endswith("}")):
        return False
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and any(loss_kind(name) or name == "step" for name in row)


def _log(files: Sequence[SourceFile]) -> Log:
    """All rows; keys that a line leaves out are null."""
    import pyarrow.json as pj

    (file,) = files
    if not file.head:
        raise InputError(f"read_curves needs one object a line; got the empty file {file.name}. Export it again.")
    schema = pa.schema([(name, pa.float64()) for name in NUMERIC] + [(name, pa.string()) for name in TEXT])
    if b"[[[[" in file.head or b'":{"' in file.head.replace(b" ", b"") or file.encoding != "utf-8":
        return Log(table=_read_line_by_line(file))  # pyarrow's parser has no limit to its depth
    try:
        with file.stream() as stream:
            table = pj.read_json(stream, parse_options=pj.ParseOptions(explicit_schema=schema))
    except pa.ArrowInvalid:
        return Log(table=_read_line_by_line(file))  # NaN, mixed types; and it names the line that is broken
    given = [name for name in table.column_names if table.column(name).null_count < table.num_rows]
    return Log(table=table.select(given))


def _read_line_by_line(file: SourceFile) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(file.lines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise InputError(
                f"read_curves needs one JSON object a line; got {line[:40]!r} in line {number} of {file.name}. "
                "Mend or remove that line."
            )
        for name in NUMERIC & row.keys():
            row[name] = _number(row[name], name, f"line {number} of {file.name}")
        rows.append(row)
    return table_of_rows(rows)


def _number(value: Any, name: str, where: str) -> float | None:
    """A number, also one that is written as text, such as "NaN"."""
    try:
        if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
            return None if value is None else float(value)
    except (ValueError, OverflowError):
        pass
    raise InputError(
        f"read_curves needs a number in every cell of column {name!r}; got {str(value)[:40]!r} in {where}. Mend or "
        "remove that line."
    )


JSONL = Reader(what="JSON Lines", reads=_reads, log=_log, rank=4)
