"""Optional packages: imported where they are used, and a sentence that says how to get one that is missing."""

from __future__ import annotations

import importlib
from typing import Any

from .input_error import InputError

__all__ = ["require"]

PACKAGE_NAMES = {"torch": "PyTorch", "jax": "jax"}


def require(module: str, who: str, *, extra: str | None = "train") -> Any:
    """The module, or an `InputError` that names who needs it and the command that installs it.

    Parameters
    ----------
    module
        What to import.
    who
        Public name of the caller.
    extra
        The extra of this package that brings it; None where the package is installed by its own name.

    Examples
    --------
    >>> require("json", "FourierRegression").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.split(".")[0]
        package = PACKAGE_NAMES.get(name, f"the package {name}")
        command = name if extra is None else f"'scaling-collapse[{extra}]'"
        raise InputError(f"{who} needs {package}; got none. Run: pip install {command}") from None
