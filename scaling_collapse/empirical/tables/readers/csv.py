"""CSV files with a header, as people have them: any delimiter, decimal commas, byte order marks, spaces."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ....common import InputError
from ..column_names import known_as, loss_kind
from ..columns import NUMERIC, TEXT
from ..log import Log
from ..source_file import SourceFile
from ..spreadsheet_text import from_spreadsheet_text
from .reader import Reader

__all__ = ["CSV", "header_of"]

NULLS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
DELIMITERS = ",;\t|"
ENDINGS = {".csv", ".tsv"}
NUMBER = re.compile(r"\s*[-+]?(\d[\d_]*[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*|\s*[-+]?(nan|inf|infinity)\s*", re.I)
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*")


@dataclass(frozen=True, kw_only=True)
class _Dialect:
    """How a file separates its cells."""

    delimiter: str
    decimal: str
    names: tuple[str, ...]
    spaced: bool
    quoted: bool


def _reads(file: SourceFile) -> bool:
    """By its ending, or if a header stands above rows of as many cells, most of them numbers."""
    if ENDINGS & {s.lower() for s in file.path.suffixes}:
        return True
    lines = file.head_text().splitlines()[:6]
    if len(lines) < 3:
        return False
    dialect = _dialect(lines)
    rows = [_cells(line, dialect.delimiter) for line in lines[1:-1] if line.strip()]
    if (
        len(dialect.names) < 2
        or any(NUMBER.fullmatch(n) for n in dialect.names)
        or len(set(dialect.names)) < len(dialect.names)
    ):
        return False
    if not any(loss_kind(n) or known_as("step", [n]) or known_as("tokens", [n]) for n in dialect.names):
        return False
    cells = [c for row in rows for c in row]
    numbers = sum(bool(NUMBER.fullmatch(c)) for c in cells)
    return bool(rows) and all(len(row) == len(dialect.names) for row in rows) and numbers >= 0.4 * len(cells)


def header_of(file: SourceFile) -> tuple[str, ...]:
    """The names of the columns of a CSV file; none where it has no text."""
    lines = file.head_text().splitlines()[:6]
    return _dialect(lines).names if lines else ()


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _dialect(lines: list[str]) -> _Dialect:
    """The delimiter that the header has most of (commas within numbers aside), and how numbers are written."""
    header, rows = lines[0], [line for line in lines[1:] if line.strip()]

    def fit(delimiter: str) -> tuple[bool, int]:
        width = len(_cells(header, delimiter))
        return width > 1 and all(len(_cells(row, delimiter)) == width for row in rows[:3]), width

    delimiter = max(DELIMITERS, key=fit) if len(header.split()) else ","
    if fit(delimiter)[1] < 2:
        delimiter = ","
    cells = [c for row in rows for c in _cells(row, delimiter)]
    commas = delimiter != "," and any(DECIMAL_COMMA.fullmatch(c) for c in cells)
    names = tuple(n.strip() for n in _cells(header, delimiter))
    spaced = bool(re.search(re.escape(delimiter) + " ", header) or any(delimiter + " " in row for row in rows))
    return _Dialect(
        delimiter=delimiter,
        decimal="," if commas else ".",
        names=names,
        spaced=spaced,
        quoted='"' in header + "".join(rows),
    )


def _log(files: Sequence[SourceFile]) -> Log:
    """All rows; the contract's columns as numbers and text, others as pyarrow infers them."""
    (file,) = files
    if not file.head:
        raise InputError(f"read_curves needs a header and rows; got the empty file {file.name}. Export it again.")
    dialect = _dialect(file.head_text().splitlines()[:6] or [""])
    try:
        table = _read(file, dialect, pa.float64())
    except pa.ArrowInvalid:
        # If a cell is not a number: as text, so that whoever converts the column can name it. Any other fault stays.
        table = _read(file, dialect, pa.string())
    return Log(table=_without_null_words(from_spreadsheet_text(table)))


def _read(file: SourceFile, dialect: _Dialect, number: pa.DataType) -> pa.Table:
    import pyarrow.csv as pc

    types = dict.fromkeys(NUMERIC, number) | dict.fromkeys(TEXT, pa.string())
    convert = pc.ConvertOptions(
        column_types=types, null_values=NULLS, strings_can_be_null=False, decimal_point=dialect.decimal
    )
    encoding = {"utf-8-sig": "utf-8"}.get(file.encoding or "utf-8", file.encoding or "utf-8")
    parse = pc.ParseOptions(delimiter=dialect.delimiter)
    if dialect.spaced and dialect.quoted:  # pyarrow takes no quotes after a space
        return pc.read_csv(_tidied(file, dialect, encoding), parse_options=parse, convert_options=convert)
    options = pc.ReadOptions(encoding=encoding)
    if dialect.spaced:
        options = pc.ReadOptions(encoding=encoding, column_names=dialect.names, skip_rows=1)
    with file.stream() as stream:
        table = pc.read_csv(stream, read_options=options, parse_options=parse, convert_options=convert)
    return table.rename_columns([n.strip() for n in table.column_names])


def _tidied(file: SourceFile, dialect: _Dialect, encoding: str) -> pa.Buffer:
    """The file with no spaces around its cells."""
    text = file.content().decode(encoding, errors="strict" if encoding != "utf-8" else "surrogateescape")
    tidy = io.StringIO()
    csv.writer(tidy, delimiter=dialect.delimiter).writerows(
        [c.strip() for c in row]
        for row in csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=dialect.delimiter, skipinitialspace=True)
    )
    return pa.py_buffer(tidy.getvalue().encode("utf-8", errors="surrogateescape"))


def _without_null_words(table: pa.Table) -> pa.Table:
    """Texts without spaces around; those that mean a missing value are null, but in `run`: a run may be called NA."""
    import pyarrow.compute as pc

    compute: Any = pc  # its functions are made at run time
    for i, name in enumerate(table.column_names):
        if name not in NUMERIC and pa.types.is_string(table.schema.field(i).type):
            column = compute.utf8_trim_whitespace(table.column(i))
            if name != "run":
                column = compute.if_else(compute.is_in(column, value_set=pa.array(NULLS)), None, column)
            table = table.set_column(i, name, column)
    return table


CSV = Reader(what="CSV", reads=_reads, log=_log, rank=4)
