"""MLflow: its SQLite database, or a run in its folder of files; read without the library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ....common import InputError
from ....theory import Finding
from ..log import Log
from ..source_file import SourceFile
from .lightning import plain_yaml
from .logged_rows import table_of_rows
from .reader import Reader
from .sqlite import is_database_with, open_database

__all__ = ["MLFLOW", "MLFLOW_FILES"]

LARGEST = 1.7976931348623157e308
"""What MLflow's database holds for an infinite value."""
Point = tuple[str, str, int, float]
"""Run, metric, step, value."""


def _reads(file: SourceFile) -> bool:
    return is_database_with(file, {"runs", "metrics", "params", "tags"})


def _log(files: Sequence[SourceFile]) -> Log:
    """All runs that were not deleted, one row per run and step."""
    (file,) = files
    with open_database(file) as database:
        runs = dict(database.execute("SELECT run_uuid, name FROM runs WHERE lifecycle_stage != 'deleted'"))
        deleted = database.execute("SELECT count(*) FROM runs WHERE lifecycle_stage = 'deleted'").fetchone()[0]
        named = dict(database.execute("SELECT run_uuid, value FROM tags WHERE key = 'mlflow.runName'"))
        names = _unique({uuid: str(name or named.get(uuid) or uuid) for uuid, name in runs.items()})
        query = "SELECT run_uuid, key, step, value, is_nan FROM metrics ORDER BY timestamp, step"
        points = [
            (names[uuid], str(key), int(step), math.nan if nan else _finite(value))
            for uuid, key, step, value, nan in database.execute(query)
            if uuid in names
        ]
        settings: dict[str, dict[str, Any]] = {name: {} for name in names.values()}
        for uuid, key, value in database.execute("SELECT run_uuid, key, value FROM params"):
            if uuid in names:
                settings[names[uuid]][str(key)] = value
    if not points:
        raise InputError(f"read_curves needs a run that logged something; got no metrics in {file.name}. Leave it out.")
    findings = (
        (Finding("deleted runs", "noted", file.name, f"{deleted} deleted runs: not read", deleted),) if deleted else ()
    )
    return Log(table=table_of_rows(_rows(points)), settings=settings, findings=findings)


def _finite(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) >= LARGEST else float(value)


def _unique(names: dict[str, str]) -> dict[str, str]:
    """Runs of one name are different runs: each gets its identifier."""
    given = list(names.values())
    return {uuid: name if given.count(name) == 1 else f"{name} {uuid[:8]}" for uuid, name in names.items()}


def _rows(points: Iterable[Point]) -> list[dict[str, Any]]:
    """One row for the metrics of one step of one run, as far as they were logged one after the other."""
    rows: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    for run, key, step, value in points:
        row = last.get(run)
        if row is None or row["step"] != step or key in row:
            row = last[run] = {"run": run, "step": step}
            rows.append(row)
        row[key] = value
    return rows


def _reads_files(file: SourceFile) -> bool:
    return file.path.name == "meta.yaml" and (file.path.parent / "metrics").is_dir()


def _log_of_files(files: Sequence[SourceFile]) -> Log:
    """The run whose folder this is."""
    folder = files[0].path.parent
    meta = plain_yaml(files[0].path)
    name = str(meta.get("run_name") or _read(folder / "tags" / "mlflow.runName") or folder.name)
    points: list[tuple[int, Point]] = []
    for path in sorted(p for p in (folder / "metrics").rglob("*") if p.is_file()):
        key = path.relative_to(folder / "metrics").as_posix()
        points += _points(path, name, key)
    if not points:
        raise InputError(f"read_curves needs a run that logged something; got no metrics in {folder}. Leave it out.")
    params = {
        p.relative_to(folder / "params").as_posix(): _read(p) for p in (folder / "params").rglob("*") if p.is_file()
    }
    ordered = [point for _, point in sorted(points, key=lambda pair: (pair[0], pair[1][2]))]
    return Log(table=table_of_rows(_rows(ordered)), settings={name: params})


def _points(path: Path, run: str, key: str) -> list[tuple[int, Point]]:
    """Time, value and step of every line."""
    found = []
    for number, line in enumerate(_read(path).splitlines(), start=1):
        try:
            time, value, step = line.split()[:3]
            found.append((int(time), (run, key, int(step), float(value))))
        except ValueError:
            raise InputError(
                f"read_curves needs lines of time, value and step; got {line[:40]!r} in line {number} of {path}. Mend "
                "or remove that line."
            ) from None
    return found


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _run_folder(path: Path) -> Path:
    return path.parent


MLFLOW = Reader(what="MLflow", reads=_reads, log=_log, rank=2)
MLFLOW_FILES = Reader(what="MLflow files", reads=_reads_files, log=_log_of_files, unit=_run_folder, rank=2)
