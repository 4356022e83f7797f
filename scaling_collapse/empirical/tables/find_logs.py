"""From paths to logs: folders searched to any depth, each run read once, in the best of the ways it was logged."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import pyarrow as pa

from ...common import InputError
from ...theory import Finding
from .column_expression import names_in
from .column_names import loss_kind
from .example_tables import example_files
from .log import Log
from .log_columns import NamedLog, is_curve_table
from .log_mapping import LogMapping
from .readers import READERS, TABLES, read_log, reader_of
from .source_file import STANDARD_INPUT, SourceFile, source_file

__all__ = ["logs_at", "table_files"]

GENERIC = {
    "trainer_state", "metrics", "meta", "lightning_logs", "files", "log", "logs", "curves", "train", "wandb",
    "artifacts",
}  # fmt: skip
CHECKPOINT = re.compile(r"checkpoint-\d+")
PART = re.compile(r"part[-._]?\d+.*", re.I)
PREDICTED = {"loss_low", "loss_high"}
CURVES_RANK = 0
MOST_NOTES = 6


class _Unit(NamedTuple):
    """Files that are read together."""

    reader: str
    path: Path
    files: list[SourceFile]

    def rank(self, log: Log) -> int:
        """Curve tables come before every log."""
        return CURVES_RANK if is_curve_table(log.table.column_names) else READERS[self.reader].rank


def logs_at(paths: Sequence[Path], mapping: LogMapping) -> tuple[list[NamedLog], list[Finding]]:
    """The logs that the paths stand for, and what was left aside.

    Parameters
    ----------
    paths
        Files, folders, `example:NAME`, or `-`, the standard input.
    mapping
        Its `pattern` reads text logs.

    Raises
    ------
    InputError
        If a path does not exist, a file is of no known kind, or a folder holds no log.
    """
    findings: list[Finding] = []
    units: dict[tuple[str, Path], tuple[_Unit, Path]] = {}
    root = _common(paths)
    for path in paths:
        found, others = _units(path, mapping)
        for unit in found:
            units.setdefault((unit.reader, unit.path.resolve()), (unit, path))
        findings += _about(others, path)
    logs: list[NamedLog] = []
    for path in paths:
        own = [unit for unit, given in units.values() if given == path]
        logs += _read(own, path, root, mapping, findings)
    if not logs:
        raise InputError(
            f"read_curves needs at least one curve table or log; got predictions alone in {paths[0]}. "
            "Name another folder."
        )
    return logs, findings


def _about(others: list[Path], path: Path) -> list[Finding]:
    """One note for each file of no known kind, or for all of them where there are many."""
    if len(others) <= MOST_NOTES:
        return [Finding("other file", "noted", str(p), "no curve table, no log: not read") for p in others]
    detail = f"{len(others)} files are no curve tables and no logs: not read"
    return [Finding("other file", "noted", str(path), detail, len(others))]


def table_files(path: Path) -> tuple[list[Path], list[Path]]:
    """The curve tables that `path` stands for, and what a folder holds besides: (tables, others)."""
    found, others = _units(path, LogMapping())
    tables = [unit.files[0].path for unit in found if unit.reader in TABLES]
    if not tables:
        raise InputError(f"read_curves needs a curve table; got none in {path}. Name another one.")
    return tables, [*others, *(f.path for unit in found if unit.reader not in TABLES for f in unit.files)]


def _units(path: Path, mapping: LogMapping) -> tuple[list[_Unit], list[Path]]:
    """What a path stands for, as units of files, and the files of no known kind."""
    if (examples := example_files(path)) is not None:
        return [_Unit("parquet", p, [SourceFile(p, str(p))]) for p in examples], []
    if str(path) not in STANDARD_INPUT and not _exists(path):
        raise InputError(f"read_curves needs a file or folder that exists; got {path}. Check the path.")
    if str(path) in STANDARD_INPUT or not path.is_dir():
        file = _opened(path)
        name = _reader(file, mapping)
        if name is None:
            raise InputError(
                f"read_curves needs a curve table ({_kinds(TABLES)}) or a log of {_kinds(set(READERS) - set(TABLES))}; "
                f"got {path.name}, which looks like none of them. Export the curves as one of these, or describe the "
                "lines of a text log with convert --pattern."
            )
        return [_Unit(name, path, [file])], []
    units: dict[tuple[str, Path], _Unit] = {}
    others = []
    for inside in _walk(path):
        file = SourceFile(inside, str(inside))
        name = _reader(file, mapping)
        if name is None:
            others.append(inside)
            continue
        at = _part_of(inside) or READERS[name].unit(inside)
        units.setdefault((name, at), _Unit(name, at, [])).files.append(file)
    if not units:
        raise InputError(
            f"read_curves needs a folder with curve tables or logs; got none in {path}. Name another folder."
        )
    return list(units.values()), others


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a null
        return False


def _opened(path: Path) -> SourceFile:
    try:
        file = source_file(path)
        with file.path.open("rb"):
            return file
    except OSError as error:
        raise InputError(f"read_curves cannot read {path}: {error.strerror or error}. Check the file.") from None


def _reader(file: SourceFile, mapping: LogMapping) -> str | None:
    try:
        if mapping.pattern is not None and file.encoding is not None and file.head:
            return "text"
        return reader_of(file)
    except OSError:
        return None


def _kinds(names: Iterable[str]) -> str:
    return ", ".join(reader.what for name, reader in READERS.items() if name in names)


def _walk(folder: Path) -> list[Path]:
    """Files at any depth, sorted; hidden ones are leftovers of other programs (and our own temporaries)."""
    found = []
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [Path(at, f) for f in files if not f.startswith(".") and Path(at, f).is_file()]
    return sorted(found)


def _part_of(path: Path) -> Path | None:
    """The folder of a table that Spark, dask or a partitioned writer wrote in parts."""
    if not PART.fullmatch(path.name):
        return None
    folder = path.parent
    while "=" in folder.name:
        folder = folder.parent
    return folder


def _read(units: list[_Unit], path: Path, root: Path, mapping: LogMapping, findings: list[Finding]) -> list[NamedLog]:
    """The logs of the units of one path, each run in the best way that it was logged."""
    alone = len(units) == 1
    read: list[tuple[_Unit, Log]] = []
    for unit in units:
        log = _log_of(unit, mapping)
        if log.table.column_names and set(log.table.column_names) >= PREDICTED:
            detail = "loss_low and loss_high: a prediction, not a measurement"
            findings.append(
                Finding("prediction", "noted", unit.files[0].name, detail + ("" if alone else ": not read"))
            )
            if not alone:
                continue
        if not alone and not _has_loss(log, mapping):
            findings.append(Finding("other table", "noted", unit.files[0].name, "no column of losses: not read"))
            continue
        read.append((unit, log))
    best = _best_ways(read, findings)
    names = _names([unit.path for unit, _ in best], root)
    return [
        NamedLog(source=_source(unit), run=run, log=log, carry=unit.reader in TABLES)
        for (unit, log), run in zip(best, names, strict=True)
    ]


def _has_loss(log: Log, mapping: LogMapping) -> bool:
    names = log.table.column_names
    wanted = names_in(mapping.columns["loss"]) if "loss" in mapping.columns else []
    return any(loss_kind(name) or name in (*wanted, mapping.columns.get("loss"), "lr") for name in names)


def _source(unit: _Unit) -> str:
    return unit.files[0].name if len(unit.files) == 1 else str(unit.path)


def _log_of(unit: _Unit, mapping: LogMapping) -> Log:
    if mapping.pattern is not None and unit.reader == "text":
        from .readers.text_log import log_by_pattern

        return log_by_pattern(unit.files[0], mapping.pattern)
    if not _part_of(unit.files[0].path):
        return read_log(unit.reader, unit.files)
    tables = [_with_partition(read_log(unit.reader, [f]).table, f.path) for f in unit.files]
    detail = f"{len(tables)} parts of one table"
    findings = (Finding("parts", "merged", str(unit.path), detail, len(tables)),) if len(tables) > 1 else ()
    return Log(table=_one_table(tables, unit), findings=findings)


def _one_table(tables: list[pa.Table], unit: _Unit) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowException, ValueError):
        raise InputError(
            f"read_curves needs parts with the same columns; got others in {unit.path}. Name its files one by one."
        ) from None


def _with_partition(table: pa.Table, path: Path) -> pa.Table:
    """The table with what the names of its folders say, as in `seed=0/part-0.parquet`."""
    folder = path.parent
    while "=" in folder.name:
        name, _, value = folder.name.partition("=")
        if name and name not in table.column_names and name not in ("loss", "tokens", "step", "lr", "compute"):
            table = table.append_column(name, pa.array([value] * table.num_rows, pa.string()))
        folder = folder.parent
    return table


def _best_ways(read: list[tuple[_Unit, Log]], findings: list[Finding]) -> list[tuple[_Unit, Log]]:
    """Without what lies along the path of a better log: a run that was logged twice is read once."""
    best = []
    for unit, log in read:
        better = next(
            (
                other
                for other, other_log in read
                if other.rank(other_log) < unit.rank(log) and _on_one_path(other.path, unit.path)
            ),
            None,
        )
        if better is None:
            best.append((unit, log))
        else:
            detail = f"not read beside {better.path.name} ({READERS[better.reader].what}): name it alone to read it"
            findings.append(Finding("logged twice", "noted", _source(unit), detail))
    return best


def _on_one_path(one: Path, other: Path) -> bool:
    a, b = (p if p.is_dir() else p.parent for p in (one, other))
    return a == b or a in b.parents or b in a.parents


def _common(paths: Sequence[Path]) -> Path:
    """The folder that all paths lie in."""
    folders = [str((p if p.is_dir() else p.parent).absolute()) for p in paths if not str(p).startswith("example:")]
    return Path(os.path.commonpath(folders)) if folders else Path()


def _names(paths: list[Path], root: Path) -> list[str]:
    """Names of runs that have none: the path within the common folder, without what all logs are called."""
    short = [_short(p, root) for p in paths]
    return [
        name if short.count(name) == 1 else str(PurePath(os.path.relpath(path.absolute(), root)))
        for path, name in zip(paths, short, strict=True)
    ]


def _short(path: Path, root: Path) -> str:
    if str(path) in STANDARD_INPUT:
        return "standard input"
    whole = PurePath(os.path.relpath(path.absolute(), root))
    parts = [*whole.parts[:-1], _stem(whole.name)]
    kept = [p for p in parts if p not in GENERIC and p not in (".", "..", "") and not CHECKPOINT.fullmatch(p)]
    return "/".join(kept) or root.name or _stem(path.name)


def _stem(name: str) -> str:
    """A file's name without its endings; dots within, as in `lr0.1.log`, stay."""
    for ending in (".gz", ".zst", ".bz2", ".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json", ".log",
                   ".txt", ".out",
                   ".yaml", ".pkl", ".pickle", ".wandb", ".db", ".sqlite"):  # fmt: skip
        name = name.removesuffix(ending)
    return name
