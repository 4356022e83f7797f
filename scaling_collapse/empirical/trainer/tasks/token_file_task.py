"""Any pre-tokenized file, mapped: a .npy of whole numbers, raw tokens (.bin) of a stated type, or a shard of llm.c."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....common import InputError
from .task import Batch
from .token_task import TokenTask

__all__ = ["TokenFileTask"]

LLM_C_HEADER = 256  # int32
LLM_C = {(20240520, 1): "uint16", (20240801, 7): "uint32"}
"""Magic number and version of llm.c's shards, and the type of their tokens."""
DTYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")


@dataclass(frozen=True, kw_only=True)
class TokenFileTask(TokenTask):
    """Predict the next token of a file that somebody tokenized.

    Parameters
    ----------
    file
        A `.npy` file of whole numbers (any shape, read in C order); a shard of llm.c or modded-nanogpt, known by its
        header of 256 int32 (20240520, 1, number of uint16 tokens, or 20240801, 7, number of uint32 tokens); any other
        file as raw tokens.
    vocabulary_size
        Number of token ids, >= 2; a token outside [0, vocabulary_size) is refused when it is read.
    dtype
        Type of raw tokens, little-endian, e.g. `"uint16"`; a `.npy` file and a shard of llm.c know their own.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tokens.bin"
    >>> _ = path.write_bytes(np.arange(100, dtype="<u2").tobytes())
    >>> task = TokenFileTask(file=path, vocabulary_size=100, dtype="uint16", context=4, test_examples=1, order=None)
    >>> task.batch(0, 1)
    Batch(inputs=array([[4, 5, 6, 7]]), targets=array([[5, 6, 7, 8]]))
    """

    kind: ClassVar[str] = "tokens"

    file: Path
    vocabulary_size: int
    dtype: str | None = None
    order: int | None = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vocabulary_size < 2:
            raise InputError(f"TokenFileTask needs `vocabulary_size` >= 2; got {self.vocabulary_size}. Raise it.")
        if self.dtype is not None and self.dtype not in DTYPES:
            raise InputError(f"TokenFileTask needs a `dtype` of {', '.join(DTYPES)}; got {self.dtype!r}.")

    @property
    def vocabulary(self) -> int:
        """As given."""
        return self.vocabulary_size

    def open_tokens(self) -> NDArray[Any]:
        """The mapped file, flat."""
        (path,) = self.existing([self.file])
        if path.suffix == ".npy":
            return self._npy(path)
        if (shard := self._llm_c(path)) is not None:
            return shard
        if self.dtype is None:
            raise InputError(f"TokenFileTask needs the `dtype` of raw tokens; got none for {path.name}. Name it.")
        dtype = np.dtype(self.dtype).newbyteorder("<")
        size = path.stat().st_size
        if not size or size % dtype.itemsize:
            raise InputError(
                f"TokenFileTask needs whole {self.dtype} tokens; got {size} bytes in {path}. Check `dtype`."
            )
        return np.memmap(path, dtype=dtype, mode="r")

    def describe_data(self) -> dict[str, Any]:
        """Hash of the file (read once, whole)."""
        with Path(self.file).open("rb") as file:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}

    def _llm_c(self, path: Path) -> NDArray[Any] | None:
        """The tokens of a shard of llm.c; None where the file does not begin as one."""
        header = np.fromfile(path, dtype="<i4", count=LLM_C_HEADER)
        dtype = LLM_C.get(tuple(header[:2].tolist()))
        if dtype is None:
            return None
        if self.dtype is not None and self.dtype != dtype:
            raise InputError(
                f"TokenFileTask needs {self.dtype}; got a shard of llm.c, {dtype}, in {path}. Mend `dtype`."
            )
        there, said = path.stat().st_size - 4 * LLM_C_HEADER, header[2] if header.size > 2 else 0
        if said < 1 or there != said * np.dtype(dtype).itemsize:
            raise InputError(
                f"TokenFileTask needs a whole shard of llm.c; got {max(there, 0)} bytes of tokens in {path}, whose "
                f"header says {said} tokens ({dtype}). The file is damaged; fetch it again."
            )
        return np.memmap(path, dtype=np.dtype(dtype).newbyteorder("<"), mode="r", offset=4 * LLM_C_HEADER)

    def _npy(self, path: Path) -> NDArray[Any]:
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise InputError(
                f"TokenFileTask cannot read {path}: {reason}. The file is damaged or of another kind; save it again."
            ) from None
        if array.dtype.kind not in "iu" or (self.dtype is not None and array.dtype != np.dtype(self.dtype)):
            wanted = self.dtype or "whole numbers"
            raise InputError(f"TokenFileTask needs {wanted}; got {array.dtype} in {path}. Convert it or mend `dtype`.")
        if not array.flags.c_contiguous:
            raise InputError(f"TokenFileTask needs an array in C order; got Fortran order in {path}. Save it again.")
        return array.reshape(-1)

    def _examples(self, contexts: NDArray[np.int64]) -> Batch:
        batch = super()._examples(contexts)
        low = min(batch.inputs.min(), batch.targets.min())
        high = max(batch.inputs.max(), batch.targets.max())
        if low < 0 or high >= self.vocabulary_size:
            raise InputError(
                f"TokenFileTask needs tokens in [0, {self.vocabulary_size}); got {low if low < 0 else high} in "
                f"{self.file}. Raise `vocabulary_size` or check `dtype`."
            )
        return batch
