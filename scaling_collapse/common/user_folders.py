"""Where things that can be made again are kept between runs, also where the home folder is missing or read-only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_folder", "settle_matplotlib"]

NAME = "scaling-collapse"


def cache_folder() -> Path:
    """The folder `scaling-collapse` in the user's cache folder; where it cannot be written, a private temporary one.

    The user's cache folder is `$XDG_CACHE_HOME`, by default `~/.cache`. Nothing is made in it here.
    """
    folder = Path(_base("XDG_CACHE_HOME", "~/.cache"), NAME)
    return folder if _can_be_written(folder) else _private_folder() or folder


def settle_matplotlib() -> None:
    """Give matplotlib a private temporary folder where it would make one by itself, with a warning, in every process.

    `MPLCONFIGDIR` in the environment says which; one that is set stays.
    """
    if sys.platform.startswith("linux"):
        bases = [_base("XDG_CONFIG_HOME", "~/.config"), _base("XDG_CACHE_HOME", "~/.cache")]
        folders = [Path(base, "matplotlib") for base in bases]
    else:
        folders = [Path(os.path.expanduser("~/.matplotlib"))]
    if os.environ.get("MPLCONFIGDIR") or all(_can_be_written(folder) for folder in folders):
        return
    if (private := _private_folder()) is not None:
        os.environ["MPLCONFIGDIR"] = str(private / "matplotlib")


def _base(variable: str, default: str) -> str:
    return os.environ.get(variable) or os.path.expanduser(default)


def _can_be_written(folder: Path) -> bool:
    """Whether the folder can be written, or made where it does not exist; a `~` that is nobody's home cannot."""
    there = next((p for p in (folder, *folder.parents) if os.path.exists(p)), folder)
    return folder.is_absolute() and os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)


def _private_folder() -> Path | None:
    """A folder among the temporary files that is this user's alone, the same in every process; None where none can be.

    Another user may have put something else under its name: then a new one, this once.
    """
    import stat
    import tempfile

    user = os.getuid()
    try:
        folder = Path(tempfile.gettempdir(), f"{NAME}-{user}")
        if not os.path.lexists(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == user and not found.st_mode & 0o077:
            return folder
        return Path(tempfile.mkdtemp(prefix=f"{NAME}-"))
    except OSError:
        return None
