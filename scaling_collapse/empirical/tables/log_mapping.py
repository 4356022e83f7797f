"""`LogMapping`: what a log does not say by itself, given by its owner: which column is what, sizes, the batch."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...common import InputError, parse_number
from .columns import NUMERIC, TEXT

__all__ = ["LogMapping"]

LONGEST_LINE, LONGEST = 1000, 1 << 18
"""Characters of a mapping file: deep keys take the parser for ever."""
KEYS = ("columns", "params", "params_from_config", "batch_tokens", "pattern")


@dataclass(frozen=True, kw_only=True)
class LogMapping:
    """Columns, sizes and the batch of logs that do not say them.

    Parameters
    ----------
    columns
        Column of the curve table to a column of the log, or an expression of such: `{"tokens": "step*524288"}`.
    params
        Name of a run, or a pattern such as `small*`, to its number of parameters.
    params_from_config
        Name of the setting that holds it.
    batch_tokens
        Tokens that a step sees.
    pattern
        A regular expression for the lines of a text log; its named groups become columns.

    Examples
    --------
    >>> mapping = LogMapping.of({"columns": {"loss": "val_loss"}, "params": {"small*": "125M"}, "batch_tokens": "0.5M"})
    >>> mapping.params_of("small-1"), mapping.batch_tokens
    (125000000.0, 500000.0)
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)
    params_from_config: str | None = None
    batch_tokens: float | None = None
    pattern: str | None = None

    def __post_init__(self) -> None:
        known = NUMERIC | TEXT
        for name in self.columns:
            if name not in known:
                raise InputError(f"--map needs a column of {', '.join(sorted(known))}; got {name!r}. Choose one.")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groupindex
            except (re.error, RecursionError, OverflowError) as error:
                raise InputError(f"--pattern needs a regular expression; got {self.pattern!r} ({error}).") from None
            if not groups:
                raise InputError(
                    f"--pattern needs named groups, such as (?P<step>\\d+) and (?P<loss>\\S+); got {self.pattern!r}."
                )

    @classmethod
    def of(cls, value: LogMapping | Mapping[str, Any] | str | os.PathLike[str] | None) -> LogMapping:
        """The mapping itself, of its parts as a dict, or of a TOML file."""
        if value is None or isinstance(value, LogMapping):
            return value or cls()
        if isinstance(value, str | os.PathLike):
            value = _of_file(Path(value))
        unknown = sorted(set(value) - set(KEYS))
        if unknown:
            raise InputError(f"a mapping needs the keys {', '.join(KEYS)}; got {unknown[0]!r}. Mend the key.")
        columns, params = (_table(value, name) for name in ("columns", "params"))
        texts = {n: _text(value, n) for n in ("params_from_config", "pattern")}
        batch = value.get("batch_tokens")
        return cls(
            columns={str(k): str(v) for k, v in columns.items()},
            params={str(k): _size(f"params of {k!r}", v) for k, v in params.items()},
            batch_tokens=None if batch is None else _size("batch_tokens", batch),
            **texts,
        )

    def params_of(self, run: str) -> float | None:
        """The number of parameters given for a run: by its name, else by a pattern, else None."""
        if run in self.params:
            return self.params[run]
        return next((p for pattern, p in self.params.items() if fnmatchcase(run, pattern)), None)


def _of_file(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        if max(map(len, text.splitlines()), default=0) > LONGEST_LINE or len(text) > LONGEST:
            raise ValueError("a line or the file is too long")
        return tomllib.loads(text)
    except OSError as error:
        raise InputError(f"--mapping cannot read {path}: {error.strerror or error}. Check the path.") from None
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"--mapping needs a TOML file; got {path} ({reason}). Mend the file.") from None


def _table(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name, {})
    if not isinstance(found, Mapping):
        raise InputError(f"a mapping needs {name!r} to be a table of names; got {found!r}. Write [{name}] above it.")
    return found


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    if found is not None and not isinstance(found, str):
        raise InputError(f"a mapping needs text as {name!r}; got {found!r}. Put it in quotes.")
    return found


def _size(what: str, value: Any) -> float:
    try:
        size = parse_number(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        size = 0.0
    if not 0 < size < float("inf"):
        raise InputError(f"{what} needs a positive number such as 125M, 1.5B or 1_000_000; got {value!r}. Mend it.")
    return size
