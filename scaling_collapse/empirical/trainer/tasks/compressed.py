"""Reading zstandard files as a stream of bytes that says so when the file is damaged or ends too early."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ....common import InputError
from ....common.extras import require

__all__ = ["open_zst"]

PIECE = 1 << 17


def open_zst(path: Path, who: str) -> io.BufferedReader:
    """The decompressed bytes of a file of one or more frames, read piece by piece.

    Raises
    ------
    InputError
        If zstandard is not installed; while reading, if the file is damaged or ends inside a frame.
    """
    return io.BufferedReader(_Frames(path, who), PIECE)


class _Frames(io.RawIOBase):
    def __init__(self, path: Path, who: str) -> None:
        self.zstandard = require("zstandard", who)
        self.path, self.who = path, who
        self.file = path.open("rb")
        self.frame: Any = None  # the decompressor of the frame that is being read
        self.waiting = b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        while not self.waiting:
            rest = self.frame.unused_data if self.frame is not None and self.frame.eof else b""
            piece = rest or self.file.read(PIECE)
            if not piece:
                if self.frame is not None and not self.frame.eof:
                    self._refuse("it ends too early")
                return 0
            if self.frame is None or self.frame.eof:
                self.frame = self.zstandard.ZstdDecompressor().decompressobj()
            try:
                self.waiting = self.frame.decompress(piece)
            except self.zstandard.ZstdError as error:
                self._refuse(str(error))
        size = min(len(buffer), len(self.waiting))
        buffer[:size], self.waiting = self.waiting[:size], self.waiting[size:]
        return size

    def _refuse(self, why: str) -> None:
        raise InputError(f"{self.who} cannot read {self.path}: {why}. The file is damaged; fetch it again.")
