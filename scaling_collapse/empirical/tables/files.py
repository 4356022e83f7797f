"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ...common import InputError

__all__ = ["ensure_folder", "write_atomically"]


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write `content` under a temporary name beside `path`, then rename: all of it is there, or nothing.

    A link stays a link: the file that it names is replaced, which keeps its mode. Devices and pipes are written to.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written (missing permission, full disk).
    """
    path = Path(path)
    temporary = None
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(content)
            return path
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, target.stat().st_mode & 0o7777 if target.exists() else _mode_of_new_files())
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise InputError(f"cannot write {path}: {error.strerror}. Choose another place.") from None
    return path


def _mode_of_new_files() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


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
