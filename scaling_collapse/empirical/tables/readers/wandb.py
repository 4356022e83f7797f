"""Weights & Biases: the `.wandb` file that every run leaves in its folder, synced or not; read without the library.

A header (`:W&B`, e1 be, a version), then blocks of 32 KiB with records in pieces, as LevelDB has them: a checksum over
type and data, length, type (1 whole, 2 first, 3 middle, 4 last). A record is a protocol buffer: 2 is a row of the
history, 5 a change of the configuration, 17 the run.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from ....common import InputError
from ....theory import Finding
from ..log import Log, flat
from ..source_file import SourceFile
from .logged_rows import table_of_rows
from .reader import Reader
from .wire_format import fields, first, signed, text

__all__ = ["WANDB"]

MAGIC = b":W&B\xe1\xbe"
BLOCK, HEADER = 32768, 7
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4
HISTORY, CONFIG, RUN = 2, 5, 17
KEY, NESTED_KEY, VALUE = 1, 2, 16


def _reads(file: SourceFile) -> bool:
    return file.head.startswith(MAGIC)


def _log(files: Sequence[SourceFile]) -> Log:
    """One row per call of `wandb.log`, with the step as `_step`."""
    (file,) = files
    content = file.content()
    rows: list[dict[str, Any]] = []
    config: dict[str, Any] = {}
    name = ""
    cut: list[int] = []
    for data in _records(content, file.name, cut):
        try:
            for number, value in fields(data):
                if number == HISTORY and isinstance(value, bytes):
                    rows.append(_row(value))
                elif number == CONFIG and isinstance(value, bytes):
                    config |= _items(value)
                elif number == RUN and isinstance(value, bytes):
                    config |= _items(first(value, 4))
                    name = text(first(value, 8)) or text(first(value, 1)) or name
        except ValueError as error:
            raise InputError(
                f"read_curves cannot read {file.name} as wandb: a record is damaged ({error}). Sync the run and export "
                "its history, or leave the file out."
            ) from None
    if not rows:
        raise InputError(f"read_curves needs a run that logged something; got no history in {file.name}. Leave it out.")
    for row in rows:
        row["run"] = name or file.path.stem
    ends = [f"the file ends within a record at byte {at}: the run was killed, or the copy is not whole" for at in cut]
    return Log(
        table=table_of_rows(rows),
        settings={rows[0]["run"]: flat({k: v for k, v in config.items() if k != "_wandb"})},
        findings=tuple(Finding("cut short", "noted", file.name, detail) for detail in ends),
    )


def _records(content: bytes, name: str, cut: list[int]) -> Iterator[bytes]:
    """The records of a file; where it ends within one, its place is put into `cut`."""
    at, record = HEADER, b""
    while at < len(content):
        left = BLOCK - at % BLOCK
        if left < HEADER:
            at += left  # the rest of a block that holds no header is padding
            continue
        if at + HEADER > len(content):
            cut.append(at)
            return
        checksum, length, kind = struct.unpack_from("<IHB", content, at)
        data = content[at + HEADER : at + HEADER + length]
        if kind == 0 and length == 0 and not content[at:].strip(b"\0"):
            return  # space that was reserved
        if len(data) < length:
            cut.append(at)
            return
        if zlib.crc32(content[at + 6 : at + 7] + data) != checksum or kind not in (WHOLE, FIRST, MIDDLE, LAST):
            raise InputError(
                f"read_curves cannot read {name} as wandb: the checksum at byte {at} is wrong. The file is damaged; "
                "copy it again, or export the history."
            )
        at += HEADER + length
        record = data if kind in (WHOLE, FIRST) else record + data
        if kind in (WHOLE, LAST):
            yield record


def _items(message: int | bytes | None) -> dict[str, Any]:
    """The changed settings of a configuration record."""
    found: dict[str, Any] = {}
    for number, value in fields(message) if isinstance(message, bytes) else ():
        if number == 1 and isinstance(value, bytes):
            key, item = _item(value)
            found[key] = item
    return found


def _item(message: bytes) -> tuple[str, Any]:
    """Key and value of an item; nested keys joined by slashes."""
    key, nested, value = "", [], ""
    for number, content in fields(message):
        if number == KEY:
            key = text(content)
        elif number == NESTED_KEY:
            nested.append(text(content))
        elif number == VALUE:
            value = text(content)
    try:
        return key or "/".join(nested), json.loads(value)
    except (ValueError, RecursionError):
        return key or "/".join(nested), None


def _row(message: bytes) -> dict[str, Any]:
    """One row of the history: its numbers."""
    row: dict[str, Any] = {}
    for number, value in fields(message):
        if number == 1 and isinstance(value, bytes):
            key, item = _item(value)
            if item is None or isinstance(item, int | float):
                row[key] = item
            elif isinstance(item, str) and item in ("NaN", "Infinity", "-Infinity"):
                row[key] = float(item)
        elif number == 2 and isinstance(value, bytes):
            row.setdefault("_step", signed(first(value, 1)))
    return row


WANDB = Reader(what="Weights & Biases", reads=_reads, log=_log, rank=2)
