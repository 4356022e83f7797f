"""A seal on the names and types of a Parquet file's columns, which no checksum of a page covers."""

from __future__ import annotations

import hashlib
from typing import Any

from ...common import InputError

__all__ = ["sealed", "unsealed"]

KEY = b"scaling_collapse.columns"


def sealed(table: Any) -> Any:
    """The pyarrow Table with a hash of its columns' names and types in its metadata."""
    return table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: _seal(table)})


def unsealed(table: Any, source: Any) -> Any:
    """The table without its seal; one without a seal as it is.

    Raises
    ------
    InputError
        If the columns are not those that were sealed.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = sealed(pa.table({"run": ["a"], "loss": [1.0]}))
    >>> unsealed(table, "t.parquet").schema.metadata is None
    True
    """
    metadata = dict(table.schema.metadata or {})
    seal = metadata.pop(KEY, None)
    if seal is None:
        return table
    if seal != _seal(table):
        raise InputError(
            f"read_curves cannot read {source}: the names or types of its columns are not those that were written. "
            "The file is damaged; write it again."
        )
    return table.replace_schema_metadata(metadata or None)


def _seal(table: Any) -> bytes:
    told = "\n".join(f"{name!r} {kind}" for name, kind in zip(table.schema.names, table.schema.types, strict=True))
    return hashlib.sha256(told.encode()).hexdigest().encode()
