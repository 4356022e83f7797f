"""The models that ladders train: one file per architecture, all seeds of a size in one set of tensors (`model.py`).

To add an architecture: one new file here and one line in `MODELS`. Everything here needs torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ....common import InputError
from ....common.extras import require

if TYPE_CHECKING:
    from .model import Model

__all__ = ["MODELS", "model_class"]

MODELS = {
    "mlp": ("mlp", "ResidualMLP"),
    "decoder": ("decoder", "Decoder"),
}
"""Module and class of each architecture, by the name that ladder files use."""


def model_class(kind: str) -> type[Model]:
    """The class of an architecture.

    Raises
    ------
    InputError
        If there is no such architecture, or torch is missing.

    Examples
    --------
    >>> model_class("mlp").base_depth
    6
    """
    if kind not in MODELS:
        raise InputError(f"model_class needs a model of {', '.join(MODELS)}; got {kind!r}. Choose one of them.")
    require("torch", "model_class")
    module, name = MODELS[kind]
    return getattr(importlib.import_module(f".{module}", __name__), name)
