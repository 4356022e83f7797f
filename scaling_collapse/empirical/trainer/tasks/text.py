"""Any text as bytes; by default the sources of Python's own standard library, which are on every machine."""

from __future__ import annotations

import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ....common import InputError
from .source_task import SourceTask

__all__ = ["TextTask", "standard_library"]

LEFT_OUT = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"}
SEPARATOR = b"\0"  # between files; occurs in no text
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class TextTask(SourceTask):
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
    wants: ClassVar[str] = "files with text"

    order: int | None = 0

    @property
    def vocabulary(self) -> int:
        """256 bytes."""
        return 256

    def sources(self) -> list[Path]:
        """The files in the order of a hash of their names."""
        if self.files:
            paths = super().sources()
            common = os.path.commonpath([p.resolve().parent for p in paths])
            named = {os.path.relpath(p.resolve(), common): p for p in paths}
        else:
            named = standard_library()
        return [named[name] for name in sorted(named, key=lambda name: hashlib.sha256(name.encode()).digest())]

    def read(self, paths: Sequence[Path], counts: dict[str, int]) -> Iterator[bytes]:
        """The joined files."""
        counts["files"] = len(paths)
        for i, path in enumerate(paths):
            if i:
                yield SEPARATOR
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece

    def without_tokens(self, paths: Sequence[Path], counts: Mapping[str, int]) -> str:
        """Files without a byte."""
        return "empty ones"

    def describe_data(self) -> dict[str, Any]:
        """Hash of the joined text, number of files, and where they come from."""
        source = "given files" if self.files else f"standard library of Python {platform.python_version()}"
        return {"source": source, "sha256": self.token_file.sha256, "joined_files": self.token_file.counts["files"]}


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
