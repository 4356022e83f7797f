"""Text in CSV files that a spreadsheet would run as a formula: it is written with a quote in front, and read without.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets a `'`, and so does one that begins so after
quotes of its own: what is written is read back unchanged.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["from_spreadsheet_text", "spreadsheet_text"]

BARE, QUOTED = r"^('*[=+\-@\t\r])", r"^'('*[=+\-@\t\r])"


def spreadsheet_text(table: Any) -> Any:
    """The pyarrow Table with quotes in front of formulas, in text columns and names of columns.

    >>> import pyarrow as pa
    >>> table = pa.table({"run": ["=1+1", "'=1", "plain"], "loss": [-1.0, 2.0, 3.0]})
    >>> spreadsheet_text(table)["run"].to_pylist()
    ["'=1+1", "''=1", 'plain']
    >>> from_spreadsheet_text(spreadsheet_text(table)).equals(table)
    True
    """
    return _replaced(table, BARE, r"'\1")


def from_spreadsheet_text(table: Any) -> Any:
    """The pyarrow Table without the quotes that `spreadsheet_text` puts."""
    return _replaced(table, QUOTED, r"\1")


def _replaced(table: Any, pattern: str, by: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    def shown(column: Any) -> Any:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        return pc.replace_substring_regex(column, pattern, by) if text else column  # type: ignore[attr-defined]

    names = [re.sub(pattern, by, name) for name in table.column_names]
    return pa.table([shown(column) for column in table.columns], names=names)
