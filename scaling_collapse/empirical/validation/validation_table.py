"""The curve tables that a validation reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...common import InputError, Result
from ...theory import Ladder
from ..tables.curve_reader import read_curves
from ..tables.example_tables import example_files
from ..tables.find_logs import table_files

__all__ = ["Table", "read_tables"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Table(Result):
    """A curve table.

    Parameters
    ----------
    name
        The file's name without ending; the folder's for the table of a training.
    whole
        Its runs up to their last points.
    cut
        The same up to their horizons, where these are marked.
    ablation
        Whether something was scaled wrongly on purpose.
    offset
        The irreducible loss, where the caller knows it.
    settings
        The description of the ladder in the trainer's manifest, where the table lies beside one.
    """

    name: str
    whole: Ladder
    cut: Ladder
    ablation: bool = False
    offset: float | None = None
    settings: Mapping[str, Any] | None = None


def read_tables(
    tables: Iterable[str | os.PathLike[str]],
    ablations: Iterable[str | os.PathLike[str]],
    offsets: Mapping[str, float],
    where: Mapping[str, str] | None,
) -> list[Table]:
    """Read every table; folders stand for the tables in them.

    Parameters
    ----------
    tables
        Files or folders.
    ablations
        Which of them are ablations: names of tables or patterns (`mlp-horizon-*`), or paths (read as well where they
        are not among `tables`).
    offsets
        Known irreducible losses by the table's name or a pattern; `""` for all others.
    where
        As in `read_curves`.

    Raises
    ------
    InputError
        If a table cannot be read, two have one name, or a name in `ablations` or `offsets` is that of no table.
    """
    files = [f for table in tables for f in table_files(Path(table))[0]]
    named = {str(a): _files_at(str(a)) for a in ablations}
    files += [f for _, at in sorted(named.items()) for f in at]
    files = list({f.resolve(): f for f in files}.values())
    names = [_name_of(f) for f in files]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(f"validate needs tables with different names; got {twice[0]!r} twice. Rename one.")
    if not files:
        raise InputError("validate needs at least one table; got none. Name a file or folder.")
    patterns = {_name_of(f) for at in named.values() for f in at} | {a for a, at in named.items() if not at}
    for option, asked in (("ablation", patterns), ("offset", set(offsets) - {""})):
        unknown = sorted(a for a in asked if not any(fnmatchcase(n, a) for n in names))
        if unknown:
            raise InputError(
                f"validate needs {option}s that name its tables ({', '.join(names)}); got {unknown[0]!r}. "
                "Mend the name."
            )
    return [
        Table(
            name=name,
            whole=read_curves(file, where=where, use_horizon=False),
            cut=read_curves(file, where=where),
            ablation=any(fnmatchcase(name, a) for a in patterns),
            offset=_offset_of(name, offsets),
            settings=_settings_of(file),
        )
        for file, name in zip(files, names, strict=True)
    ]


def _settings_of(file: Path) -> Mapping[str, Any] | None:
    """What the manifest beside the table of a training says of its ladder; None where there is none."""
    manifest = file.with_name("manifest.json")
    if file.stem != "curves" or not manifest.is_file():
        return None
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError:
        return None
    ladder = found.get("ladder") if isinstance(found, dict) else None
    return ladder if isinstance(ladder, dict) else None


def _name_of(file: Path) -> str:
    """Tables of trainings all have one file name; their folders have not."""
    return file.resolve().parent.name if _settings_of(file) is not None else file.stem


def _files_at(ablation: str) -> list[Path]:
    """The tables that an ablation's path stands for; none where it is a name or a pattern."""
    return table_files(Path(ablation))[0] if Path(ablation).exists() or example_files(ablation) else []


def _offset_of(name: str, offsets: Mapping[str, float]) -> float | None:
    """The offset given for a table: by its name, else by a pattern that fits, else the one for all others."""
    fitting = [v for pattern, v in offsets.items() if pattern and fnmatchcase(name, pattern)]
    return offsets.get(name, fitting[0] if fitting else offsets.get(""))
