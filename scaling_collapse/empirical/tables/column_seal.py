"""A seal on the names and types of a Parquet file's columns, which no checksum of a page covers."""

from __future__ import annotations

import hashlib
from typing import Any

__all__ = ["sealed", "unsealed"]

KEY = b"scaling_collapse.columns"


def sealed(table: Any) -> Any:
    """The pyarrow Table with a hash of its columns' names and types in its metadata."""
    return table.replace_schema_metadata({**(table.schema.metadata or {}), KEY: _seal(table)})


def unsealed(table: Any) -> tuple[Any, bool]:
    """The table without its seal, and whether its columns are those that were sealed; without a seal they are.

    They are not if a byte of a name or a type has changed, and neither if a program added a column and kept the seal.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = sealed(pa.table({"run": ["a"], "loss": [1.0]}))
    >>> found, same = unsealed(table)
    >>> found.schema.metadata is None, same
    (True, True)
    """
    metadata = dict(table.schema.metadata or {})
    seal = metadata.pop(KEY, None)
    if seal is None:
        return table, True
    return table.replace_schema_metadata(metadata or None), seal == _seal(table)


def _seal(table: Any) -> bytes:
    told = "\n".join(f"{name!r} {kind}" for name, kind in zip(table.schema.names, table.schema.types, strict=True))
    return hashlib.sha256(told.encode()).hexdigest().encode()
