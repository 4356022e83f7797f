"""`write_curves`: a ladder as a curve table that `read_curves` reads back unchanged."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from ...common import InputError
from ...theory import Ladder, LossCurve
from .files import write_atomically

__all__ = ["curve_table", "write_curves", "write_table"]


def curve_table(ladder: Ladder) -> Any:
    """The ladder as a pyarrow Table: one row per point, run-level values repeated; absent values are null."""
    import pyarrow as pa

    parts = [_columns(c) for c in ladder]
    names = list(dict.fromkeys(name for part in parts for name in part))
    columns = {}
    for name in names:
        pieces = [part.get(name, [None] * len(c)) for part, c in zip(parts, ladder, strict=True)]
        values = [v for piece in pieces for v in piece]
        columns[name] = pa.array(values, from_pandas=True)
    return pa.table(columns)


def _columns(curve: LossCurve) -> dict[str, Any]:
    n = len(curve)
    columns: dict[str, Any] = {"run": [curve.run] * n, "params": np.full(n, curve.params)}
    if curve.seed is not None:
        columns["seed"] = [curve.seed] * n
    columns["tokens" if curve.clock == "tokens" else "step"] = curve.tokens
    columns["loss"] = curve.loss
    columns["compute"] = curve.compute
    columns["horizon_tokens"] = np.full(n, curve.horizon_tokens)
    if curve.schedule is not None:
        columns["schedule"] = [curve.schedule] * n
    for name in ("lr", "noise_trace"):
        if getattr(curve, name) is not None:
            columns[name] = getattr(curve, name)
    for name, value in curve.extra.items():
        columns[name] = value if isinstance(value, np.ndarray) else [value] * n
    return columns


def write_curves(ladder: Ladder, path: str | os.PathLike[str]) -> Path:
    """Write the ladder as Parquet, CSV or JSON Lines, by the ending of `path`; all of it or nothing.

    Parameters
    ----------
    ladder
        The curves.
    path
        A name that ends in .parquet, .csv or .jsonl.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    return write_table(curve_table(ladder), Path(path), "write_curves")


def write_table(table: Any, path: Path, name: str) -> Path:
    """Write a pyarrow Table by the ending of `path`, all of it or nothing; `name` is who refuses another ending."""
    buffer = io.BytesIO()
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, buffer, compression="zstd")
    elif path.suffix == ".csv":
        import pyarrow.csv as pc

        pc.write_csv(table, buffer)
    elif path.suffix == ".jsonl":
        import json

        for row in table.to_pylist():
            buffer.write(json.dumps({k: v for k, v in row.items() if v is not None}).encode() + b"\n")
    else:
        raise InputError(f"{name} needs a name ending in .parquet, .csv or .jsonl; got {path.name}. Rename it.")
    return write_atomically(path, buffer.getvalue())
