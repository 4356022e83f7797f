"""Numbers as people read them: counts with a suffix, times, values with as many digits as their interval asks for."""

from __future__ import annotations

import math

__all__ = ["count", "duration", "parse_number", "shown", "value_in_words"]

SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


def count(number: float) -> str:
    """A count for people: three digits and a suffix.

    >>> count(11_803_008), count(640)
    ('11.8M', '640')
    """
    for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{suffix}"
    return f"{number:.3g}"


def parse_number(text: str) -> float:
    """A count as people write it; `ValueError` where it is none.

    >>> [parse_number(text) for text in ("125M", "1.5B", "3e8", "1_000_000", "640")]
    [125000000.0, 1500000000.0, 300000000.0, 1000000.0, 640.0]
    """
    plain = text.strip().lower()
    factor = SUFFIXES.get(plain[-1:], 1.0)
    value = float(plain[:-1] if factor != 1.0 else plain) * factor
    if math.isnan(value):
        raise ValueError(text)
    return value


def duration(seconds: float) -> str:
    """A time for people.

    >>> duration(12.34), duration(5400)
    ('12.3 s', '1.5 h')
    """
    for unit, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} s"


def shown(value: float, interval: tuple[float, float]) -> tuple[str, str]:
    """A number and its interval for people, with as many digits as the interval asks for; `"-"` and `""` for unknown.

    >>> shown(3.15649, (3.15641, 3.15657)), shown(0.25, (math.nan, math.nan))
    (('3.15649', '3.15641 to 3.15657'), ('0.25', ''))
    """
    if math.isnan(value):
        return "-", ""
    if not all(map(math.isfinite, interval)):
        ends = ("no limit" if math.isinf(end) else f"{end:.4g}" for end in interval)
        return f"{value:.4g}", "" if math.isnan(interval[0]) else " to ".join(ends)
    size, width = max(abs(value), abs(interval[0]), abs(interval[1])), interval[1] - interval[0]
    digits = 4 if not (width > 0 and size > 0) else min(max(math.ceil(math.log10(size / width)) + 2, 3), 9)
    low, middle, high = (
        f"{v:.{digits}g}" if abs(v) > 1e-3 * size else f"{v:.2g}" for v in (interval[0], value, interval[1])
    )
    return middle, f"{low} to {high}"


def value_in_words(value: float, interval: tuple[float, float], level: float) -> str:
    """A value with its interval in brackets.

    >>> value_in_words(3.15649, (3.15641, 3.15657), 0.9)
    '3.15649 (90 % interval 3.15641 to 3.15657)'
    >>> value_in_words(0.25, (math.nan, math.nan), 0.9), value_in_words(math.nan, (math.nan, math.nan), 0.9)
    ('0.25 (interval unknown)', 'unknown')
    """
    middle, ends = shown(value, interval)
    if middle == "-":
        return "unknown"
    return f"{middle} ({100 * level:.3g} % interval {ends})" if ends else f"{middle} (interval unknown)"
