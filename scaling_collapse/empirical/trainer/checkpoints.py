"""Checkpoints: all that a size needs to go on exactly where it was, in one safetensors file with a JSON header.

Tensors: the weights, the optimizer's state, the measurements so far. Header: format, identity of the ladder and size,
step, environment, and a checksum of every other byte of the file. A file is written under a temporary name, flushed to
disk and renamed, so a file of the right name is a whole one; what is damaged all the same, of another ladder or of
another format is refused by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer

from ...common import InputError
from ...common.extras import require
from ..tables.files import write_atomically
from .models.model import Model
from .training_log import TrainingLog

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

FORMAT = 2  # raised when the meaning of a checkpoint changes
KEY = "scaling_collapse"
UNKNOWN = "0" * 64  # stands for the checksum while it is computed


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A size at a step.

    Parameters
    ----------
    step
        Optimizer steps made.
    identity
        What is trained: hash of the ladder and its data, and the size.
    environment
        What it was trained on, see `Machine.environment`.
    tensors
        By name.
    """

    step: int
    identity: str
    environment: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @classmethod
    def of(
        cls,
        step: int,
        model: Model,
        optimizer: Optimizer | None,
        log: TrainingLog,
        *,
        identity: str,
        environment: Mapping[str, Any],
    ) -> Checkpoint:
        """The present state; without an optimizer it is one to keep and not to go on from."""
        tensors = {"weights": model.flat.detach(), "measured": torch.from_numpy(log.measured)}
        tensors |= {f"log.{name}": torch.from_numpy(values) for name, values in log.values.items()}
        if optimizer is not None:
            for name, weight in model.weights.items():
                state = cast(Mapping[str, Tensor], optimizer.state[weight])
                tensors |= {f"optimizer.{name}.{key}": value for key, value in state.items()}
        return cls(step=step, identity=identity, environment=environment, tensors=tensors)

    @torch.no_grad()
    def restore(self, model: Model, optimizer: Optimizer, log: TrainingLog) -> None:
        """Bring model, optimizer and measurements to this state."""
        model.flat.copy_(self.tensors["weights"])
        log.measured[:] = self.tensors["measured"].numpy()
        for name, values in log.values.items():
            values[:] = self.tensors[f"log.{name}"].numpy()
        for name, weight in model.weights.items():
            start = f"optimizer.{name}."
            state = {key.removeprefix(start): t for key, t in self.tensors.items() if key.startswith(start)}
            if state:
                optimizer.state[weight] = {key: t.to(weight.device, copy=True) for key, t in state.items()}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, all of it or nothing; an older one of that name stays until the new one is whole.

    Raises
    ------
    InputError
        If safetensors is missing, or the file cannot be written, for example because the disk is full.
    """
    codec = require("safetensors.torch", "save_checkpoint")
    tensors = {name: tensor.cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    header = {
        "format": FORMAT,
        "step": checkpoint.step,
        "identity": checkpoint.identity,
        "environment": dict(checkpoint.environment),
        "checksum": UNKNOWN,
    }
    content = codec.save(tensors, {KEY: json.dumps(header)})
    size = _header_size(content)
    head = content[:size].replace(UNKNOWN.encode(), _checksum(content, size, UNKNOWN).encode(), 1)
    write_atomically(path, head, memoryview(content)[size:])


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    InputError
        If the file is damaged, not a checkpoint of this project, or of a newer format.
    """
    codec = require("safetensors.torch", "load_checkpoint")
    require("safetensors", "load_checkpoint")
    advice = "Remove it to train this size from its start."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"load_checkpoint cannot read {path}: {error.strerror}. Check its permissions.") from None
    try:
        size = _header_size(content)
        header = json.loads(json.loads(content[8:size])["__metadata__"][KEY])
        found, checksum = int(header["format"]), str(header["checksum"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"load_checkpoint needs a checkpoint; got {path}, which is damaged or of another program. {advice}"
        ) from None
    if found != FORMAT:
        mend = "Update scaling-collapse." if found > FORMAT else advice
        raise InputError(f"load_checkpoint needs a checkpoint of format {FORMAT}; got format {found} in {path}. {mend}")
    if _checksum(content, size, checksum) != checksum:
        raise InputError(f"load_checkpoint needs a whole checkpoint; got {path} with a wrong checksum. {advice}")
    try:
        tensors = codec.load(content)
        known = {name: header[name] for name in ("step", "identity", "environment")}
        return Checkpoint(**known, tensors=tensors)
    except Exception as error:  # safetensors raises an exception type of its own that has no public base
        raise InputError(f"load_checkpoint needs a whole checkpoint; got {path}: {error}. {advice}") from None


def _header_size(content: bytes) -> int:
    """Bytes before the tensors: safetensors begins with the length of its header."""
    return 8 + int.from_bytes(content[:8], "little")


def _checksum(content: bytes, size: int, stated: str) -> str:
    """Hash of the whole file, whose header of `size` bytes states `stated` as its checksum."""
    digest = hashlib.sha256(content[:size].replace(stated.encode(), UNKNOWN.encode(), 1))
    digest.update(memoryview(content)[size:])
    return digest.hexdigest()
