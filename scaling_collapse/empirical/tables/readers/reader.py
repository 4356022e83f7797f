"""`Reader`: the interface of everything that turns a file into the rows of a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..log import Log
from ..source_file import SourceFile

__all__ = ["Reader"]


def _alone(path: Path) -> Path:
    return path


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of log: what it looks like, and how its rows are read.

    Parameters
    ----------
    what
        Its name in sentences.
    reads
        Whether a file is of this kind, by what is in it.
    log
        From the files of one unit to what they hold; refuses what it cannot read by an `InputError`.
    unit
        Files of one unit are read together, as the event files of a restarted run are; by default each by itself.
    rank
        A run that is logged in several ways is read in the way of the lowest rank.
    """

    what: str
    reads: Callable[[SourceFile], bool]
    log: Callable[[Sequence[SourceFile]], Log]
    unit: Callable[[Path], Path] = _alone
    rank: int = 5
