"""The CSV that TensorBoard's page exports: `Wall time,Step,Value`; the run and the tag stand in the file's name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....theory import Finding
from ..log import Log
from ..source_file import SourceFile
from .csv import CSV, header_of
from .reader import Reader

__all__ = ["TENSORBOARD_CSV"]

HEADER = ("wall time", "step", "value")
NAME = re.compile(r"(?:run-)?(?P<run>.*?)[-_.]tag-(?P<tag>.+?)(?: \(\d+\))?\.csv", re.I)
MOST = 1000
"""Points that the page shows of a series, by default."""


def _reads(file: SourceFile) -> bool:
    return tuple(n.lower().replace("_", " ") for n in header_of(file)) == HEADER


def _log(files: Sequence[SourceFile]) -> Log:
    """Steps and values, named by the tag; `loss` where the name does not say it."""
    import pyarrow as pa

    (file,) = files
    table = CSV.log(files).table
    match = NAME.fullmatch(file.path.name)
    tag = match["tag"] if match else "loss"
    table = table.rename_columns(["wall_time", "step", tag])
    if match and match["run"]:
        table = table.append_column("run", pa.array([match["run"]] * table.num_rows, pa.string()))
    detail = f"{MOST} points: the page of TensorBoard exports a sample; the event files hold all points"
    findings = (Finding("sampled export", "noted", file.name, detail),) if table.num_rows == MOST else ()
    return Log(table=table, findings=findings)


TENSORBOARD_CSV = Reader(what="CSV of TensorBoard's page", reads=_reads, log=_log, rank=3)
