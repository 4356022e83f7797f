"""TensorBoard event files: all points of all scalars, the files of a folder as one run; read without the library.

A record is its length, a masked CRC-32C of it, the data, and theirs. The data is a protocol buffer: 2 is the step, 5
the summary, 7 a session that starts (at a step after which earlier events are orphans of a run that died).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....common import InputError
from ....theory import Finding
from ..log import Log
from ..source_file import SourceFile
from .logged_rows import table_of_rows
from .reader import Reader
from .wire_format import fields, first, floating, signed, text

__all__ = ["TENSORBOARD"]

LARGEST_SCALAR = 4096
"""Bytes of a record that is checked and read; longer ones are pictures and graphs."""
POLYNOMIAL = 0x82F63B78
FLOATS = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}


def _crc_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table


TABLE = _crc_table()


def _masked_crcs(rows: np.ndarray) -> np.ndarray:
    """Masked CRC-32C of each row of bytes, shape (records,)."""
    crc = np.full(rows.shape[0], 0xFFFFFFFF, dtype=np.uint32)
    for column in rows.T:
        crc = TABLE[(crc ^ column) & 0xFF] ^ (crc >> 8)
    crc ^= np.uint32(0xFFFFFFFF)
    return (((crc >> 15) | (crc << 17)).astype(np.uint64) + 0xA282EAD8).astype(np.uint32)


def _reads(file: SourceFile) -> bool:
    head = file.head[:12]
    if len(head) < 12:
        return False
    return int(_masked_crcs(np.frombuffer(head[:8], np.uint8)[None])[0]) == struct.unpack("<I", head[8:])[0]


def _log(files: Sequence[SourceFile]) -> Log:
    """One row per step, or several where tags of one step were written apart."""
    rows: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for file in sorted(files, key=lambda f: f.path.name):
        for data in _records(file, findings):
            try:
                _take(data, rows)
            except (ValueError, struct.error) as error:
                raise InputError(
                    f"read_curves cannot read {file.name} as tensorboard: an event is damaged ({error}). Leave it out."
                ) from None
    if not rows:
        raise InputError(f"read_curves needs scalars; got none in {files[0].name}. Leave it out.")
    return Log(table=table_of_rows(rows), findings=tuple(findings))


def _records(file: SourceFile, findings: list[Finding]) -> Iterator[bytes]:
    """The records of a file, their checksums right."""
    content = file.content()
    places: list[tuple[int, int]] = []
    at = 0
    while at + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        if at + 12 + length + 4 > len(content):
            break
        places.append((at + 12, length))
        at += 16 + length
    if at < len(content):
        detail = f"the file ends within an event at byte {at}: the run was killed, or the copy is not whole"
        findings.append(Finding("cut short", "noted", file.name, detail))
    _check(content, places, file.name)
    for start, length in places:
        if length <= LARGEST_SCALAR:
            yield content[start : start + length]


def _check(content: bytes, places: list[tuple[int, int]], name: str) -> None:
    """Refuse a file with a wrong checksum; records of one length are checked together."""
    data = np.frombuffer(content, np.uint8)
    by_length: dict[int, list[int]] = {}
    for start, length in places:
        by_length.setdefault(length, []).append(start)
    for length, starts in by_length.items():
        if length > LARGEST_SCALAR:
            continue
        at = np.array(starts)
        for first_byte, size in ((-12, 8), (0, length)):
            rows = data[at[:, None] + np.arange(first_byte, first_byte + size)]
            given = data[at[:, None] + np.arange(first_byte + size, first_byte + size + 4)].copy().view("<u4")[:, 0]
            wrong = np.flatnonzero(_masked_crcs(rows) != given)
            if wrong.size:
                raise InputError(
                    f"read_curves cannot read {name} as tensorboard: the checksum at byte {at[wrong[0]]} is wrong. The "
                    "file is damaged; copy it again."
                )


def _take(event: bytes, rows: list[dict[str, Any]]) -> None:
    """Put the scalars of an event into the rows."""
    step, scalars = 0, {}
    for number, value in fields(event):
        if number == 2:
            step = signed(value)
        elif number == 5 and isinstance(value, bytes):
            scalars |= dict(_scalars(value))
        elif number == 7 and isinstance(value, bytes) and first(value, 1) == 1:
            rows[:] = [row for row in rows if row["step"] < step]
    if not scalars:
        return
    if rows and rows[-1]["step"] == step and not scalars.keys() & rows[-1].keys():
        rows[-1].update(scalars)
    else:
        rows.append({"step": step} | scalars)


def _scalars(summary: bytes) -> Iterator[tuple[str, float]]:
    """Tags and values of a summary."""
    for number, value in fields(summary):
        if number != 1 or not isinstance(value, bytes):
            continue
        parts = dict(fields(value))
        simple = parts.get(2)
        found = floating(simple) if isinstance(simple, bytes) else _of_tensor(parts.get(8))
        if found is not None:
            yield text(parts.get(1)), found


def _of_tensor(tensor: int | bytes | None) -> float | None:
    """The value of a tensor with one number."""
    if not isinstance(tensor, bytes):
        return None
    parts = dict(fields(tensor))
    form = FLOATS.get(int(parts[1]) if isinstance(parts.get(1), int) else 0)
    content = parts.get(4)
    if form and isinstance(content, bytes) and len(content) == np.dtype(form).itemsize:
        return float(np.frombuffer(content, form)[0])
    value = parts.get(5, parts.get(6))
    return floating(value) if isinstance(value, bytes) and len(value) in (4, 8) else None


def _folder(path: Path) -> Path:
    return path.parent


TENSORBOARD = Reader(what="TensorBoard", reads=_reads, log=_log, unit=_folder, rank=3)
