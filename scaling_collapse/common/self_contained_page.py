"""Pages that carry everything: they work from a file and fetch nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .plain_json import plain

__all__ = ["packed", "page_json", "page_of"]

BASE = [Path(__file__).with_name(name) for name in ("page_base.css", "page_base.js")]
"""The style and script that all pages share."""


def page_of(template: Path, parts: Iterable[Path], texts: Mapping[str, str]) -> str:
    """The template with each `{{name}}` replaced: files (its own, and the shared style and script), then texts.

    Parameters
    ----------
    template
        HTML.
    parts
        Files that go in by their name.
    texts
        What goes in by name; HTML, so text that comes from elsewhere is escaped.
    """
    page = template.read_text(encoding="utf-8")
    for path in (*BASE, *parts):
        page = page.replace(f"{{{{{path.name}}}}}", path.read_text(encoding="utf-8"))
    # Each piece is looked for between the others, so that no text can name another one.
    pieces = page.split("{{")
    return pieces[0] + "".join(_filled(piece, texts) for piece in pieces[1:])


def _filled(piece: str, texts: Mapping[str, str]) -> str:
    name, found, rest = piece.partition("}}")
    return texts[name] + rest if found and name in texts else "{{" + piece


def page_json(value: Any) -> str:
    r"""JSON that can stand inside a script element: no NaN, no `<`.

    >>> page_json({"name": "</script>", "loss": float("nan")})
    '{"name":"\\u003c/script>","loss":null}'
    """
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def packed(values: Any) -> str:
    """Little-endian float64 in base64: what a page computes with is what Python computes with."""
    import numpy as np

    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode()
