"""Any text as bytes; by default the sources of Python's own standard library, which are on every machine."""

from __future__ import annotations

import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....common import InputError
from .token_cache import TokenFile, cached_tokens, source_files
from .token_task import TokenTask

__all__ = ["TextTask", "standard_library"]

LEFT_OUT = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"}
SEPARATOR = b"\0"  # between files; occurs in no text
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class TextTask(TokenTask):
    """Predict the next byte of text.

    Files are joined in the order of a hash of their names, with a zero byte between them, so that the held-out start
    is a sample of files and not the first of the alphabet.

    Parameters
    ----------
    files
        Text files; none for the `.py` files of the standard library that runs this (about 12 MB, tests left out; it
        differs between versions of Python, and `describe` says which).
    cache
        Folder of the joined file; default the user's cache folder.

    Examples
    --------
    >>> task = TextTask(context=64)
    >>> task.vocabulary, task.example_tokens, task.last_target
    (256, 64, 'next')
    """

    kind: ClassVar[str] = "text"

    files: tuple[Path, ...] = ()
    order: int | None = 0
    cache: Path | None = None

    @property
    def vocabulary(self) -> int:
        """256 bytes."""
        return 256

    def open_tokens(self) -> NDArray[np.uint8]:
        """The joined files."""
        return np.memmap(self._file.path, dtype=np.uint8, mode="r")

    def describe_data(self) -> dict[str, Any]:
        """Hash of the joined text, number of files, and where they come from."""
        source = "given files" if self.files else f"standard library of Python {platform.python_version()}"
        return {"source": source, "sha256": self._file.sha256, "joined_files": self._file.counts["files"]}

    @cached_property
    def _file(self) -> TokenFile:
        if self.files:
            paths = source_files("TextTask", self.files)
            common = os.path.commonpath([p.resolve().parent for p in paths])
            named = {os.path.relpath(p.resolve(), common): p for p in paths}
        else:
            named = standard_library()
        ordered = [named[name] for name in sorted(named, key=lambda name: hashlib.sha256(name.encode()).digest())]

        def read(counts: dict[str, int]) -> Iterator[bytes]:
            counts["files"] = len(ordered)
            for i, path in enumerate(ordered):
                if i:
                    yield SEPARATOR
                with path.open("rb") as file:
                    while piece := file.read(PIECE):
                        yield piece

        found = cached_tokens("text", ordered, {}, read, self.cache)
        if not found.tokens:
            raise InputError("TextTask needs files with text; got empty ones. Name other `files`.")
        return found


def standard_library() -> dict[str, Path]:
    """The `.py` files of this Python's standard library without its tests, by path inside it.

    >>> "json/decoder.py" in standard_library()
    True
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    named = {}
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if name not in LEFT_OUT]
        paths = [Path(folder, name) for name in files if name.endswith(".py")]
        named.update({path.relative_to(root).as_posix(): path for path in paths})
    if not named:
        raise InputError(f"TextTask needs the sources of the standard library; got none in {root}. Name `files`.")
    return named
