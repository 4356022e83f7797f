"""Writing files so that nobody ever sees half of one, and what is no file of its own is written through."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ...common import InputError

__all__ = ["ensure_folder", "open_handle_of", "whole_file", "write_atomically"]

HANDLE = re.compile(r"/dev/fd/(\d+)|/proc/self/fd/(\d+)|/dev/std(in|out|err)")
UNFINISHED = ".part"


def write_atomically(path: str | os.PathLike[str], *pieces: bytes | memoryview) -> Path:
    """Write the pieces, one after the other, as `whole_file` does: all of it is there, or nothing.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written (missing permission, full disk).
    """
    try:
        with whole_file(path) as file:
            for piece in pieces:
                file.write(piece)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}. Choose another place.") from None
    return Path(path)


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write into under a temporary name beside `path`, which it takes when all of it is on the disk.

    A link stays a link: the file that it names is replaced. Mode and, as far as the system lets us, owner of what was
    there are kept. Devices, pipes and this process's open handles (`/dev/stdout`) are written to, not replaced. What
    a killed process left unfinished of this file is removed.
    """
    try:
        if (handle := open_handle_of(path)) is not None:
            sys.stdout.flush()
            with os.fdopen(os.dup(handle), "wb") as file:
                yield file
        elif os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as file:
                yield file
        else:
            with _renamed(Path(os.path.realpath(path))) as file:
                yield file
    except BrokenPipeError:  # whoever read from the pipe has had enough
        return


def open_handle_of(path: str | os.PathLike[str]) -> int | None:
    """The number of the open handle of this process that `path` stands for; None where it is a name on a disk.

    >>> open_handle_of("/dev/stdout"), open_handle_of("/dev/fd/63"), open_handle_of("report.json")
    (1, 63, None)
    """
    found = HANDLE.fullmatch(os.fspath(path))
    if found is None:
        return None
    return int(found[1] or found[2] or ("in", "out", "err").index(found[3]))


@contextmanager
def _renamed(target: Path) -> Iterator[BinaryIO]:
    """A new file beside `target` that takes its place at the end, and is removed where that is not reached."""
    # Names may have 255 bytes and no more: the temporary one does not grow with the target's.
    prefix = f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"
    _remove_unfinished(target.parent, prefix)
    temporary = None
    try:
        handle, temporary = _locked_temporary(target.parent, prefix)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
            _keep_owner_and_mode(handle, target)
            os.replace(temporary, target)
            temporary = None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def _locked_temporary(folder: Path, prefix: str) -> tuple[int, str]:
    """A new file that is locked for as long as it is open: by that the next process knows that its writer lives."""
    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=UNFINISHED)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_nlink:  # it was not taken for a dead one's in between
            return handle, name
        os.close(handle)


def _remove_unfinished(folder: Path, prefix: str) -> None:
    """Remove what processes that no longer run left of a file."""
    with suppress(OSError):  # no such folder, or none that can be listed: the write itself says so
        for entry in os.scandir(folder):
            if entry.name.startswith(prefix) and entry.name.endswith(UNFINISHED):
                with suppress(OSError), open(entry.path, "rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(entry.path)


def _keep_owner_and_mode(handle: int, target: Path) -> None:
    try:
        old = os.stat(target)
    except FileNotFoundError:
        os.fchmod(handle, _mode_of_new_files())
        return
    new = os.fstat(handle)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        with suppress(PermissionError):  # only root gives files away
            os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))  # after the owner, whose change takes special bits away


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
