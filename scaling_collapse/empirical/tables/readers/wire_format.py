"""Protocol buffers as they lie in a file: numbered fields, each a number or bytes; no schema, no library."""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["Field", "fields", "first", "floating", "signed", "text"]

Field = tuple[int, int | bytes]
"""Number and value: bytes for what has a length or is fixed in size, an integer for a varint."""


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message, in order; `ValueError` where the bytes are none.

    >>> list(fields(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69])))
    [(1, 150), (2, b'hi')]
    """
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if size is None:
            if kind != 2:
                raise ValueError(f"wire type {kind}")
            size, at = _varint(data, at)
        if at + size > end:
            raise ValueError("a field ends past its message")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number that does not end")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def first(data: bytes, number: int) -> int | bytes | None:
    """The first field of a number, or None."""
    return next((value for n, value in fields(data) if n == number), None)


def text(value: int | bytes | None) -> str:
    """Bytes as text; empty for what is none."""
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else ""


def signed(value: int | bytes | None) -> int:
    """A varint as a signed 64-bit number; 0 for what is none."""
    if not isinstance(value, int):
        return 0
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >= 1 << 63 else value


def floating(value: bytes) -> float:
    """Four or eight bytes as a number."""
    return float(struct.unpack("<f" if len(value) == 4 else "<d", value)[0])
