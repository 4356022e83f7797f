"""Ladders from TOML files, presets and mappings: every key known, every value of its type and in its domain."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from ...common import InputError
from .horizon_rule import Horizon
from .ladder_changes import changed
from .ladder_file import LadderFile
from .ladder_tables import Evaluation, ModelTable, OptimizerTable, Probes
from .parametrization import Parametrization
from .typed_table import TableFault, typed_table

__all__ = ["PRESETS", "load_ladder", "parse_ladder"]

PRESETS = Path(__file__).with_name("presets")
TABLES = {
    "model": ModelTable, "horizon": Horizon, "optimizer": OptimizerTable, "parametrization": Parametrization,
    "evaluation": Evaluation, "probes": Probes,
}  # fmt: skip
"""The class of each table of a ladder file."""
LARGEST, DEEPEST = 2**53, 8
Table = TypeVar("Table")


def load_ladder(source: str | os.PathLike[str] | LadderFile, *, changes: Sequence[str] = ()) -> LadderFile:
    """The ladder of a preset's name or of a TOML file.

    Parameters
    ----------
    source
        `demo`, `demo-horizon`, `qiu-mlp`, `qiu-chess`, `qiu-cifar5m`, or the path of a `.toml` file.
    changes
        `key=value` with a TOML value over the file's, such as `lr=0.01`, `horizon.kappa=500`, `schedule="constant"`.

    Raises
    ------
    InputError
        If there is no such preset or file, or what it says is not a ladder.

    Examples
    --------
    >>> ladder = load_ladder("demo")
    >>> ladder.widths, ladder.schedule
    ((28, 34, 42, 52, 64), 'linear')
    """
    if isinstance(source, LadderFile):
        return parse_ladder(changed(source.to_json(), changes)) if changes else source
    presets = {path.stem: path for path in PRESETS.glob("*.toml")}
    path = Path(source)
    if str(source) in presets:
        path = presets[str(source)]
    elif path.suffix != ".toml":
        raise InputError(
            f"load_ladder needs a preset ({', '.join(sorted(presets))}) or a .toml file; got {str(source)!r}. Name one."
        )
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"load_ladder cannot read {path}: {error.strerror}. Check the name.") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, or not TOML, or tables in tables without end
        why = error if isinstance(error, ValueError) else "too many tables or lists in one another"
        raise InputError(f"load_ladder needs a TOML file; got {path}: {why}. Mend that line.") from None
    return parse_ladder(changed({"name": path.stem} | table, changes), folder=path.parent)


def parse_ladder(table: Mapping[str, Any], *, folder: Path | None = None) -> LadderFile:
    """The ladder that a mapping describes, as TOML or `to_json` give it.

    Parameters
    ----------
    table
        The keys and tables.
    folder
        Where relative files of the task are looked for if they are not in the current folder.

    Raises
    ------
    InputError
        If a key is unknown or missing, or a value is of the wrong type or out of its domain; the sentence names it.
    """
    _check_values(table, "the ladder", DEEPEST)
    told = dict(table)
    for name, cls in TABLES.items():
        if name in told:
            told[name] = _checked(cls, told[name], f"[{name}]")
    if isinstance(told.get("task"), Mapping) and folder is not None:
        told["task"] = {name: _found(value, name, folder) for name, value in told["task"].items()}
    return _checked(LadderFile, told, "the ladder")


def _check_values(value: Any, where: str, deeper: int) -> None:
    """Refuse whole numbers that no count of a ladder reaches, and tables in tables without end."""
    if isinstance(value, int) and abs(value) > LARGEST:
        raise InputError(f"parse_ladder needs whole numbers up to 2^53; got a larger one in {where}. Make it smaller.")
    if isinstance(value, Mapping | list | tuple):
        if not deeper:
            raise InputError(f"parse_ladder needs at most {DEEPEST} tables in one another; got more in {where}.")
        inside = value.items() if isinstance(value, Mapping) else ((where, one) for one in value)
        for name, one in inside:
            _check_values(one, str(name), deeper - 1)


def _checked(cls: type[Table], table: Any, where: str) -> Table:
    """An instance of a dataclass, its values converted and checked."""
    if not isinstance(table, Mapping):
        raise InputError(f"parse_ladder needs a table as {where}; got {table!r}. Write it as a TOML table.")
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    for unknown in table.keys() - set(known):
        raise InputError(
            f"parse_ladder needs keys of {where} ({', '.join(known)}); got {unknown!r}. Mend or remove it."
        )
    made = typed_table(cls, table)
    if not isinstance(made, TableFault):
        return made
    if made.missing:
        raise InputError(f"parse_ladder needs `{made.at}` in {where}; got none. Add it.")
    raise InputError(f"parse_ladder needs a valid `{made.at}` in {where}; got {made.got!r}: {made.why}.")


def _found(value: Any, name: str, folder: Path) -> Any:
    """A file, or list of files, from the current folder or else from the ladder file's."""
    if name == "files" and isinstance(value, list):
        return [_found(v, "file", folder) for v in value]
    if name == "file" and isinstance(value, str) and not Path(value).exists() and (folder / value).exists():
        return str(folder / value)
    return value
