"""Pickles of tables, as authors publish them: an allow-list builds arrays and pandas frames, and nothing else runs."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ....common import InputError, require
from ..log import Log, flat
from ..source_file import SourceFile
from .reader import Reader

__all__ = ["PICKLED"]

PLAIN = {
    ("builtins", "slice"), ("builtins", "complex"), ("builtins", "set"), ("builtins", "frozenset"),
    ("builtins", "range"),
    ("__builtin__", "slice"), ("__builtin__", "set"), ("__builtin__", "xrange"),
    ("collections", "OrderedDict"), ("datetime", "datetime"), ("datetime", "date"), ("datetime", "timedelta"),
}  # fmt: skip
NUMPY = {"_reconstruct", "scalar", "ndarray", "dtype", "_frombuffer"}
PANDAS = {
    "DataFrame", "Series", "BlockManager", "SingleBlockManager", "_unpickle_block", "new_block", "_new_Index", "Index",
    "RangeIndex", "Int64Index", "Float64Index", "UInt64Index", "MultiIndex", "StringDtype", "StringArray",
    "_unpickle_manager",
    "ArrowStringArray", "Timestamp", "_unpickle_timestamp", "DatetimeIndex", "CategoricalIndex", "CategoricalDtype",
}  # fmt: skip
MOVED = {"numpy.core": "numpy._core", "__builtin__": "builtins"}


class _Tables(pickle.Unpickler):
    """An unpickler that knows arrays, frames and their parts by name, and refuses every other."""

    def find_class(self, module: str, name: str) -> Any:
        root = module.split(".")[0]
        if (module, name) in PLAIN or (root == "numpy" and name in NUMPY) or (root == "pandas" and name in PANDAS):
            return _attribute(module, name)
        if (module, name) == ("_codecs", "encode"):
            return _encode
        raise pickle.UnpicklingError(f"it holds {module}.{name}")


def _attribute(module: str, name: str) -> Any:
    if module.startswith("pandas"):
        require("pandas", "a pickled frame", extra=None)
    for old, new in MOVED.items():
        if module == old or module.startswith(old + "."):
            module = new + module[len(old) :]
    if (module, name) == ("builtins", "xrange"):
        return range
    if name == "ndarray":
        return _Array
    if name == "_reconstruct":
        return _reconstruct
    return getattr(importlib.import_module(module), name)


class _Array:
    """Stands for the type of arrays: it is named in pickles, and must not be called with a size."""


def _reconstruct(kind: Any, shape: Any, form: Any) -> np.ndarray:
    if kind is not _Array or tuple(shape) != (0,):
        raise pickle.UnpicklingError("an array of another kind")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _encode(text: Any, encoding: str = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise pickle.UnpicklingError("text in another encoding")
    return text.encode(encoding)


def _reads(file: SourceFile) -> bool:
    head = file.head
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and b"." in head[-65536:]


def _log(files: Sequence[SourceFile]) -> Log:
    """The frames in it, below one another; a frame that a name leads to is the run of that name."""
    (file,) = files
    try:
        with file.open() as stream:
            content = _Tables(stream).load()
    except InputError:
        raise
    except Exception as error:  # damaged pickles raise anything; what is built is data alone
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"read_curves cannot read {file.name} as a pickle: {reason}. Only pandas and numpy data are taken from "
            "pickles; save the table as Parquet or CSV."
        ) from None
    parts = list(_parts(content, ""))
    if not parts:
        raise InputError(
            f"read_curves needs a frame, or a mapping of columns, in a pickle; got none in {file.name}. Save the table "
            "as Parquet or CSV."
        )
    tables = [_table(name, columns) for name, columns in parts]
    return Log(table=pa.concat_tables(tables, promote_options="permissive"), settings={"": flat(content)})


def _parts(value: Any, name: str, depth: int = 6) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables within a value, each with the names that lead to it."""
    if depth == 0:
        return
    columns = _columns(value)
    if columns is not None:
        yield name, columns
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _parts(inner, f"{name}/{key}" if name else str(key), depth - 1)
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from _parts(inner, f"{name}/{i}" if name else str(i), depth - 1)


def _columns(value: Any) -> dict[str, Any] | None:
    """A frame, or a mapping of columns of one length, as a mapping; None for what is neither."""
    if type(value).__module__.startswith("pandas.") and hasattr(value, "columns"):
        return {str(name): value[name].to_numpy() for name in value.columns}
    if not isinstance(value, Mapping):
        return None
    columns = {str(k): v for k, v in value.items() if isinstance(v, np.ndarray | list) and np.ndim(v) == 1}
    lengths = {len(v) for v in columns.values()}
    return columns if len(columns) > 1 and len(lengths) == 1 and lengths != {0} else None


def _table(name: str, columns: dict[str, Any]) -> pa.Table:
    arrays: dict[str, pa.Array] = {}
    make: Callable[..., pa.Array] = pa.array
    for key, values in columns.items():
        try:
            arrays[key] = make(values)
        except (pa.ArrowException, TypeError, ValueError):
            arrays[key] = make([str(v) for v in values])
    if name and "run" not in arrays:
        arrays["run"] = make([name] * len(next(iter(arrays.values()))))
    return pa.table(arrays)


PICKLED = Reader(what="pickles of frames", reads=_reads, log=_log, rank=4)
