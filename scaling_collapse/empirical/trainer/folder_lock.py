"""One training a folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...common import InputError
from ..tables.files import ensure_folder

__all__ = ["locked"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; the system lets go of it when the process ends, however it ends.

    Raises
    ------
    InputError
        If another process holds it, or the folder cannot be written.
    """
    path = ensure_folder(folder) / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}. Choose another place.") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"train needs a folder that no other training uses; got {folder}. Wait for the other to end, or choose "
                "another folder."
            ) from None
        yield
    finally:
        os.close(handle)
