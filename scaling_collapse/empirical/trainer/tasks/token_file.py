"""Token files made once: sources in their real formats are read in one pass into a file that can be mapped.

A compressed stream of games has no position to resume at; a file of tokens has. The file is named by what it was made
from (paths, sizes, times, options), so changed sources make a new one, and beside it stands a JSON file with its
hash, its length and the counts of what was left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....common import InputError, cache_folder
from ...tables.files import ensure_folder, whole_file, write_atomically

__all__ = ["TokenFile", "cached_tokens"]

FORMAT = 1  # raised when a reader changes what it writes


@dataclass(frozen=True, kw_only=True)
class TokenFile:
    """One byte a token.

    Parameters
    ----------
    path
        The file.
    tokens
        Number of tokens.
    sha256
        Hash of the tokens.
    counts
        What the sources held and what was left out, by reason.
    """

    path: Path
    tokens: int
    sha256: str
    counts: Mapping[str, int]


def cached_tokens(
    kind: str,
    sources: Sequence[Path],
    options: Mapping[str, Any],
    read: Callable[[dict[str, int]], Iterator[bytes]],
    folder: Path | None = None,
) -> TokenFile:
    """The token file of some sources: mapped if it is there, else made by `read`, whole or not at all.

    Parameters
    ----------
    kind
        Name of the reader, the start of the file's name.
    sources
        Files that the tokens come from, in order.
    options
        Whatever else the tokens depend on; JSON values.
    read
        Given an empty dict to count in, yields the tokens piece by piece.
    folder
        Where to keep the file; default `cache_folder()`.

    Raises
    ------
    InputError
        If the folder cannot be written, or what `read` raises.
    """
    seen = [(str(p.resolve()), (stat := p.stat()).st_size, stat.st_mtime_ns) for p in sources]
    key = hashlib.sha256(json.dumps([FORMAT, kind, seen, dict(options)]).encode()).hexdigest()[:20]
    folder = ensure_folder(cache_folder() if folder is None else folder)
    tokens, facts = folder / f"{kind}-{key}.tokens", folder / f"{kind}-{key}.json"
    found = _load(tokens, facts)
    return found if found is not None else _make(kind, tokens, facts, read)


def _load(tokens: Path, facts: Path) -> TokenFile | None:
    """What an earlier call made; None where it is missing, damaged or cut short."""
    try:
        known = json.loads(facts.read_text())
        found = TokenFile(path=tokens, tokens=known["tokens"], sha256=known["sha256"], counts=known["counts"])
        return found if tokens.stat().st_size == found.tokens else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _make(kind: str, tokens: Path, facts: Path, read: Callable[[dict[str, int]], Iterator[bytes]]) -> TokenFile:
    counts: dict[str, int] = {}
    digest, size = hashlib.sha256(), 0
    try:
        with whole_file(tokens) as file:
            for piece in read(counts):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise InputError(
            f"{kind} cannot make its token file {tokens}: {error.strerror or error}. Make room, or set `cache` to "
            "another folder."
        ) from None
    made = TokenFile(path=tokens, tokens=size, sha256=digest.hexdigest(), counts=counts)
    content = {"tokens": made.tokens, "sha256": made.sha256, "counts": counts}
    write_atomically(facts, json.dumps(content, indent=1).encode())
    return made
