"""`njit`: the project's numba compiler, which keeps machine code between processes where there is a folder for it.

numba keeps it in `NUMBA_CACHE_DIR`, else beside the source file, else in the user's cache folder, and raises at import
where none of them can be written (a read-only installation, no home folder). Here such a function is compiled anew in
every process, which takes some seconds; setting `NUMBA_CACHE_DIR` to a folder that can be written saves them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["njit"]

F = TypeVar("F", bound=Callable[..., Any])


def njit(**options: Any) -> Callable[[F], F]:
    """A decorator: `numba.njit` with these options, and with `cache=True` wherever that works.

    Examples
    --------
    >>> @njit(error_model="numpy")
    ... def reciprocal(x):
    ...     return 1.0 / x
    >>> reciprocal(0.0)
    inf
    """

    def compiled(function: F) -> Any:
        if numba.config.CACHE_DIR or has_home():  # type: ignore[attr-defined]
            try:
                return numba.njit(cache=True, **options)(function)
            except RuntimeError:  # no folder that can be written
                pass
        return numba.njit(**options)(function)

    return compiled


def has_home() -> bool:
    """Whether the user has a home folder: without one numba would make a folder named `~` in the current one."""
    return os.path.expanduser("~") != "~"
