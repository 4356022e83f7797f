"""Next-token prediction on source files in a format of their own: read once, in one pass, into a file of tokens."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....common import InputError
from .token_file import TokenFile, cached_tokens
from .token_task import TokenTask

__all__ = ["SourceTask"]


@dataclass(frozen=True, kw_only=True)
class SourceTask(TokenTask):
    """Contexts of the tokens, one byte each, that a format's reader makes of some files.

    A format says how its files are read (`read`) and how much of them (`reading`), and may say which files there are
    and in which order (`sources`).

    Parameters
    ----------
    files
        The files, in order.
    cache
        Folder of the token file; default the user's cache folder.
    """

    wants: ClassVar[str]
    """What the files must hold, as an error says it."""

    files: tuple[Path, ...] = ()
    cache: Path | None = None

    @abstractmethod
    def read(self, paths: Sequence[Path], counts: dict[str, int]) -> Iterator[bytes]:
        """The tokens of the files, piece by piece; what they held and what was left out is counted by reason."""

    def reading(self) -> dict[str, Any]:
        """Whatever else than the files the tokens depend on; JSON values."""
        return {}

    def sources(self) -> list[Path]:
        """The files that the tokens come from, in order."""
        return self.existing(self.files)

    def without_tokens(self, paths: Sequence[Path], counts: Mapping[str, int]) -> str:
        """What was got instead of tokens, as an error says it."""
        return f"none in {paths[0].name}"

    @cached_property
    def token_file(self) -> TokenFile:
        """The file of tokens, made on first use."""
        paths = self.sources()
        found = cached_tokens(self.kind, paths, self.reading(), lambda counts: self.read(paths, counts), self.cache)
        if not found.tokens:
            got = self.without_tokens(paths, found.counts)
            raise InputError(f"{self.who} needs {self.wants}; got {got}. Name other `files`.")
        return found

    def open_tokens(self) -> NDArray[np.uint8]:
        """All tokens, one after the other."""
        return np.memmap(self.token_file.path, dtype=np.uint8, mode="r")

    def describe_data(self) -> dict[str, Any]:
        """Hash of the tokens, and the counts of the reader."""
        return {"sha256": self.token_file.sha256, **self.token_file.counts}
