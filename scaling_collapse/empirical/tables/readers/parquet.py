"""Curve tables and exported histories in Parquet files."""

from __future__ import annotations

from collections.abc import Sequence

from ....theory import Finding
from ..column_seal import unsealed
from ..log import Log
from ..source_file import SourceFile
from .reader import Reader

__all__ = ["PARQUET"]


def _reads(file: SourceFile) -> bool:
    return file.head.startswith(b"PAR1") or file.path.suffix.lower() == ".parquet"


def _log(files: Sequence[SourceFile]) -> Log:
    """All rows and columns of the file."""
    import pyarrow.parquet as pq

    # A ParquetFile reads this one file: no partition columns are made up from the folder names.
    with pq.ParquetFile(files[0].path, page_checksum_verification=True) as file:
        table, same = unsealed(file.read())
    detail = "the names or types of its columns are not those that were written: changed since, or damaged"
    return Log(table=table, findings=() if same else (Finding("columns changed", "noted", files[0].name, detail),))


PARQUET = Reader(what="Parquet", reads=_reads, log=_log, rank=4)
