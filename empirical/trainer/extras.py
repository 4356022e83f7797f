"""Optional packages: imported where they are used, and a sentence that says how to get one that is missing."""

from __future__ import annotations

import importlib
from typing import Any

from ...theory import InputError

__all__ = ["require"]


def require(module: str, who: str) -> Any:
    """The module, or an `InputError` that names who needs it and the command that installs it.

    >>> require("json", "FourierRegression").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package = {"torch": "PyTorch"}.get(module.split(".")[0], f"the package {module.split('.')[0]}")
        raise InputError(f"{who} needs {package}; got none. Run: pip install 'scaling-collapse[train]'") from None
