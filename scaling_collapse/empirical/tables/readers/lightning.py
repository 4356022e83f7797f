"""Lightning's `metrics.csv` (CSVLogger): sparse rows, the hyperparameters in `hparams.yaml` beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..log import Log
from ..source_file import SourceFile
from .csv import CSV, header_of
from .reader import Reader

__all__ = ["LIGHTNING", "plain_yaml"]

LINE = re.compile(r"(?P<indent> *)(?P<key>[^\s:#][^:]*):(?:\s+(?P<value>[^#]*?))?\s*(?:#.*)?")


def _reads(file: SourceFile) -> bool:
    return file.path.name.startswith("metrics.csv") and {"epoch", "step"} <= set(header_of(file))


def _log(files: Sequence[SourceFile]) -> Log:
    """The rows as they are, with the hyperparameters as settings."""
    return Log(table=CSV.log(files).table, settings={"": plain_yaml(files[0].path.with_name("hparams.yaml"))})


def plain_yaml(path: Path) -> dict[str, Any]:
    """The single values of a YAML file, nested names joined by dots; what is neither name nor number is left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace")[: 1 << 20].splitlines()
    except OSError:
        return {}
    found: dict[str, Any] = {}
    above: list[tuple[int, str]] = []
    for line in lines:
        match = LINE.fullmatch(line.rstrip())
        if match is None or line.lstrip().startswith("- "):
            continue
        indent, key = len(match["indent"]), match["key"].strip("'\" ")
        above = [(n, k) for n, k in above if n < indent]
        if match["value"]:
            found[".".join([k for _, k in above] + [key])] = match["value"].strip("'\" ")
        else:
            above.append((indent, key))
    return found


LIGHTNING = Reader(what="Lightning", reads=_reads, log=_log, rank=1)
