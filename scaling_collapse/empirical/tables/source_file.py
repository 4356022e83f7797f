"""`SourceFile`: one file as readers see it: its first bytes, its text or bytes, compressed or not, a pipe or not."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from ...common import InputError

__all__ = ["STANDARD_INPUT", "SourceFile", "source_file"]

STANDARD_INPUT = ("-", "stdin:")
"""What stands for it; the command line takes the first and hands on the second, which is no option."""
HEAD = 1 << 16
LONGEST_LINE = 1 << 24
BLOCK = 1 << 20
LARGEST, LARGEST_UNPACKED = 1 << 32, 1 << 30
"""Bytes of a file that is read whole, and of one that is unpacked."""
COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\x04\x22\x4d\x18": "lz4"}
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class SourceFile:
    """A file that may be read several times.

    Parameters
    ----------
    path
        Where it lies.
    name
        What sentences call it.
    """

    path: Path
    name: str

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB, decompressed; empty where they cannot be read."""
        try:
            with self.open() as file:
                return file.read(HEAD)
        except (OSError, ValueError):
            return b""

    @cached_property
    def compression(self) -> str | None:
        """The name of the compression, by the first bytes."""
        with self.path.open("rb") as file:
            first = file.read(4)
        return next((name for magic, name in COMPRESSED.items() if first.startswith(magic)), None)

    @cached_property
    def encoding(self) -> str | None:
        """Of text; None where the first bytes are not text."""
        found = next((name for mark, name in MARKS.items() if self.head.startswith(mark)), None)
        if found:
            return found
        sample = self.head[:4096]
        if b"\0" not in sample:
            return "utf-8"
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if max(even, odd) > 0.7 * len(sample) / 2 and min(even, odd) < 0.1 * len(sample) / 2:
            return "utf-16-le" if odd > even else "utf-16-be"
        return None

    def open(self) -> IO[bytes]:
        """Its bytes, decompressed."""
        if self.compression is None:
            return self.path.open("rb")
        import pyarrow as pa

        stream: Any = pa.input_stream(str(self.path), compression=self.compression)
        return stream

    def head_text(self) -> str:
        """The first 64 KiB as text without its byte order mark; empty where they are none."""
        return "" if self.encoding is None else self.head.decode(self.encoding, errors="replace").lstrip("\ufeff")

    def content(self) -> bytes:
        """All bytes, decompressed."""
        most = LARGEST if self.compression is None else LARGEST_UNPACKED
        content = bytearray()
        with self.open() as file:
            while block := file.read(BLOCK):
                content += block
                if len(content) > most:
                    what = "files" if self.compression is None else "compressed files"
                    raise InputError(f"read_curves reads {what} of up to {most >> 30} GiB; got {self.name}. Split it.")
        return bytes(content)

    def stream(self) -> Any:
        """Its bytes for pyarrow; what is compressed is unpacked first, as far as it is not too large."""
        import pyarrow as pa

        return self.open() if self.compression is None else pa.BufferReader(self.content())

    def lines(self, most: int | None = None) -> Iterator[str]:
        """Its lines as text; a carriage return ends one too, as progress bars write. `most` bytes at the most."""
        encoding = self.encoding or "utf-8"
        narrow = not encoding.startswith("utf-16")
        rest, seen = b"", 0
        with self.open() as file:
            if not narrow:
                yield from self.content().decode(encoding, errors="replace").lstrip("\ufeff").splitlines()
                return
            while (block := file.read(BLOCK)) and (most is None or seen < most):
                seen += len(block)
                *whole, rest = (rest + block.replace(b"\r", b"\n")).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    raise InputError(
                        f"read_curves needs lines of up to {LONGEST_LINE >> 20} MiB; got a longer one in {self.name}. "
                        "The file is of another kind, or damaged."
                    )
                yield from (line.decode(encoding, errors="replace") for line in whole)
        if rest:
            yield rest.decode(encoding, errors="replace")


def source_file(path: Path) -> SourceFile:
    """The file at a path; what can be read once only, as standard input `-` or a pipe, is kept in a temporary file."""
    if str(path) in STANDARD_INPUT:
        return SourceFile(_kept(sys.stdin.buffer), "standard input")
    kind = os.stat(path).st_mode
    if stat.S_ISFIFO(kind):
        with path.open("rb") as pipe:
            return SourceFile(_kept(pipe), str(path))
    return SourceFile(path, str(path))


def _kept(stream: IO[bytes]) -> Path:
    """A temporary file with what the stream holds, which goes when Python ends."""
    import atexit
    import shutil

    handle, name = tempfile.mkstemp(prefix="scaling-collapse-")
    atexit.register(Path(name).unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(stream, file)
    return Path(name)
