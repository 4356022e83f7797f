"""The models that ladders train: one file per architecture, all seeds of a size in one set of tensors (`model.py`).

To add an architecture: one new file here and one line in `MODELS`. Everything here needs torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....common import Registry, require

if TYPE_CHECKING:
    from .model import Model

__all__ = ["MODELS", "model_class"]

MODELS: Registry[type[Model]] = Registry(
    "model", __name__, {"mlp": "residual_mlp:ResidualMLP", "decoder": "decoder:Decoder"}
)
"""Each architecture, by the name that ladder files use."""


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
    if kind in MODELS:
        require("torch", "model_class")
    return MODELS.choose(kind, who="model_class")
