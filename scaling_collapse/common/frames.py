"""`Framed`: results as tables of pyarrow, pandas or polars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from .extras import require
from .input_error import InputError

__all__ = ["FrameKind", "Framed", "as_frame"]

FrameKind = Literal["pyarrow", "pandas", "polars"]


def as_frame(columns: Mapping[str, Any], kind: FrameKind = "pyarrow") -> Any:
    """A table of columns of one length; NaN becomes null.

    >>> as_frame({"x": [1, 2], "y": [0.5, None]}).to_pylist()
    [{'x': 1, 'y': 0.5}, {'x': 2, 'y': None}]
    """
    if kind not in get_args(FrameKind):
        raise InputError(f"to_frame needs `kind` one of {', '.join(get_args(FrameKind))}; got {kind!r}. Choose one.")
    library = require(kind, "to_frame", extra=None)
    import pyarrow as pa

    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    if kind == "pandas":
        return table.to_pandas()
    return library.from_arrow(table) if kind == "polars" else table


class Framed:
    """Mixin of results that are tables."""

    def to_columns(self) -> dict[str, Any]:
        """The table as arrays or lists of one length, by the names of the columns."""
        raise NotImplementedError

    def to_frame(self, kind: FrameKind = "pyarrow") -> Any:
        """The table as a frame; what is unknown is null.

        Parameters
        ----------
        kind
            `"pyarrow"`, `"pandas"` or `"polars"`; the last two need the package of that name.
        """
        return as_frame(self.to_columns(), kind)
