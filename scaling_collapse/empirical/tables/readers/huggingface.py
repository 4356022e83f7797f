"""Hugging Face `trainer_state.json`: alone, in checkpoints, or a folder of runs.

The training loss there is the mean since the last log, and the trainer leaves its NaN out
(`logging_nan_inf_filter`).
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ....common import InputError
from ....theory import Finding
from ..log import Log
from ..source_file import SourceFile
from .logged_rows import logged_number, table_of_rows
from .reader import Reader

__all__ = ["HUGGINGFACE", "training_row"]

CHECKPOINT = re.compile(r"checkpoint-\d+")
LARGEST_HEADER = 1 << 26


def _reads(file: SourceFile) -> bool:
    head = file.head.lstrip()[:1]
    return head == b"{" and (b'"log_history"' in file.head or file.path.name == "trainer_state.json")


def _run_folder(path: Path) -> Path:
    """The folder of the run: that of the file, or the one that holds the checkpoints."""
    folder = path.parent
    return folder.parent if CHECKPOINT.fullmatch(folder.name) else folder


def _log(files: Sequence[SourceFile]) -> Log:
    """The history of the latest checkpoint, which holds those of the others."""
    states = [(_state(file), file) for file in files]
    state, file = max(states, key=lambda pair: _step(pair[0]))
    rows = [training_row(row) for row in state["log_history"] if isinstance(row, dict) and "total_flos" not in row]
    rows = [row for row in rows if row]
    if not rows:
        raise InputError(f"read_curves needs a run that logged something; got no history in {file.name}. Leave it out.")
    findings = [
        Finding(
            "mean loss", "noted", file.name, "training loss is the mean since the last log, NaN left out by the trainer"
        )
    ]
    if len(files) > 1:
        detail = f"read of {len(files)} checkpoints: it holds the history of the others"
        findings.append(Finding("latest checkpoint", "noted", file.name, detail, len(files)))
    params = _parameters(file.path.parent)
    settings: dict[str, Any] = {} if params is None else {"params": params}
    return Log(table=table_of_rows(rows), settings={"": settings}, findings=tuple(findings))


def _state(file: SourceFile) -> dict[str, Any]:
    try:
        state = json.loads(file.content())
    except ValueError as error:
        raise InputError(
            f"read_curves cannot read {file.name} as huggingface: {str(error)[:80]}. The file is damaged; take that of "
            "an earlier checkpoint."
        ) from None
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise InputError(f"read_curves needs a list log_history; got none in {file.name}. Name another file.")
    return state


def _step(state: dict[str, Any]) -> float:
    step = state.get("global_step")
    return float(step) if isinstance(step, int | float) else 0.0


def training_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the trainer with its `loss` named as what it is.

    >>> training_row({"loss": 2.5, "learning_rate": "1e-3", "step": 10})
    {'train_loss': 2.5, 'learning_rate': 0.001, 'step': 10}
    """
    found = {("train_loss" if k == "loss" else str(k)): _number(v) for k, v in row.items()}
    return {k: v for k, v in found.items() if isinstance(v, int | float)}


def _number(value: Any) -> Any:
    """Newer trainers write numbers as text."""
    value = logged_number(value)
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _parameters(folder: Path) -> int | None:
    """Parameters of the model that was saved beside the state, by the headers of its files, or None."""
    files = sorted(folder.glob("model*.safetensors"))
    try:
        return sum(_elements(path) for path in files) or None
    except (OSError, ValueError, TypeError, KeyError, struct.error):
        return None


def _elements(path: Path) -> int:
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        if size > LARGEST_HEADER:
            raise ValueError(size)
        header = json.loads(file.read(size))
    total = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            elements = 1
            for length in tensor["shape"]:
                elements *= int(length)
            total += elements
    return total


HUGGINGFACE = Reader(what="Hugging Face", reads=_reads, log=_log, unit=_run_folder, rank=1)
