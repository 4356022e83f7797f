"""`Reader`: the interface of everything that turns a file into the rows of a curve table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Reader"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of file: what it looks like, and how its rows are read.

    Parameters
    ----------
    endings
        Of its files' names, as sentences list them: `(".csv",)`. Where they do not tell, a subclass overrides `reads`.
    rows
        From a path to a pyarrow Table; refuses what it cannot read by an `InputError` or pyarrow's own error.
    """

    endings: tuple[str, ...]
    rows: Callable[[Path], pa.Table]

    def reads(self, path: Path) -> bool:
        """Whether a file is of this kind."""
        return path.suffix.lower() in self.endings
