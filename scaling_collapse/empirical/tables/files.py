"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ...common import InputError

__all__ = ["ensure_folder", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write `content` under a temporary name beside `path`, then rename: all of it is there, or nothing.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written (missing permission, full disk).
    """
    path = Path(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; give the result the mode any other new file would have.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise InputError(f"cannot write {path}: {error.strerror}. Choose another place.") from None
    return path


def ensure_folder(path: str | os.PathLike[str]) -> Path:
    """The folder `path`, made where it does not exist.

    Raises
    ------
    InputError
        If it cannot be made, for example because a file of that name is there.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path}: {error.strerror}. Choose another place.") from None
    return path
