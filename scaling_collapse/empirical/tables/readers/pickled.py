"""Pickles of tables, as authors publish them: an allow-list builds arrays and pandas frames, and nothing else runs."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ....common import InputError, require
from ..log import Log, flat
from ..source_file import SourceFile
from .reader import Reader

__all__ = ["PICKLED"]

PLAIN = {
    ("builtins", "slice"), ("builtins", "range"), ("collections", "OrderedDict"), ("datetime", "datetime"),
    ("datetime", "date"), ("datetime", "timedelta"),
}  # fmt: skip
NUMPY = {"scalar", "dtype", "_frombuffer"}
PANDAS = {
    "DataFrame", "Series", "BlockManager", "SingleBlockManager", "_unpickle_block", "new_block", "_new_Index", "Index",
    "RangeIndex", "MultiIndex", "DatetimeIndex", "CategoricalIndex", "StringDtype", "CategoricalDtype", "StringArray",
    "ArrowStringArray", "DatetimeArray", "Categorical", "__pyx_unpickle_NDArrayBacked", "Timestamp",
    "_unpickle_timestamp",
}  # fmt: skip
ARROW = {"py_buffer", "type_for_alias"}
CALLED = {"slice", "range", "OrderedDict", "datetime", "date", "timedelta", "StringDtype", "CategoricalDtype",
          "BlockManager", "SingleBlockManager", "ArrowStringArray", "Timestamp"}  # fmt: skip
"""Types that pickles call with arguments; all others are built empty and filled."""
OLD_INDICES = {"Int64Index", "UInt64Index", "Float64Index"}


_Watched: Any = pickle._Unpickler  # type: ignore[attr-defined]  # the one in Python: its steps can be watched


class _Tables(_Watched):
    """An unpickler that knows arrays, frames and their parts by name, and refuses every other."""

    dispatch: ClassVar[dict[int, Any]] = dict(_Watched.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins"}.get(module, module)
        root = module.split(".")[0]
        name = {"xrange": "range"}.get(name, name) if root == "builtins" else name
        own = {
            ("builtins", "bytearray"): _bytes, ("_codecs", "encode"): _encode, ("numpy", "ndarray"): _Array,
            ("numpy", "_reconstruct"): _empty_array, ("pyarrow", "_restore_array"): _arrow_array,
        }  # fmt: skip
        if (key := (module if root == "_codecs" else root, name)) in own:
            return own[key]
        if root == "pandas":
            require("pandas", "a pickled frame", extra=None)
            name = "Index" if name in OLD_INDICES else name
        known = {"numpy": NUMPY, "pandas": PANDAS, "pyarrow": ARROW}.get(root, set())
        if (module, name) not in PLAIN and name not in known:
            raise pickle.UnpicklingError(f"it holds {module}.{name}")
        module = module.replace("numpy.core", "numpy._core")
        module = "pandas" if name == "Index" else module
        return getattr(importlib.import_module(module), name)

    def load_reduce(self) -> None:
        """Call a function that is known; a type is called only if that builds next to nothing."""
        called = self.stack[-2]
        if isinstance(called, type) and called.__name__ not in CALLED and called is not np.dtype:
            raise pickle.UnpicklingError(f"it calls {called.__name__}")
        super().load_reduce()

    def load_other(self) -> None:
        """Refuse the old ways to build objects."""
        raise pickle.UnpicklingError("it builds objects in an old way")

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.INST[0]] = dispatch[pickle.OBJ[0]] = dispatch[pickle.EXT1[0]] = load_other


class _Array:
    """Stands for the type of arrays, which pickles name."""


def _empty_array(kind: Any, shape: Any, form: Any) -> np.ndarray:
    if kind is not _Array or tuple(shape) != (0,):
        raise pickle.UnpicklingError("an array of another kind")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _arrow_array(data: Any) -> Any:
    """An array of pyarrow, its buffers checked before anyone looks into them."""
    array = importlib.import_module("pyarrow.lib")._restore_array(data)
    array.validate(full=True)
    return array


def _bytes(content: Any = b"") -> bytearray:
    if not isinstance(content, bytes):
        raise pickle.UnpicklingError("a buffer that is empty")
    return bytearray(content)


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
    if type(value).__module__.split(".")[0] == "pandas" and hasattr(value, "columns"):
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
