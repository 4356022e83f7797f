"""`read_curves`: anyone's curve tables in, a validated `Ladder` with its integrity report out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...common import InputError, Source
from ...theory import Finding, IntegrityReport, Ladder, LossCurve
from .log_mapping import LogMapping
from .odd_units import odd_units
from .run_rows import RunRows, curve_from_rows, reached_share
from .same_runs import each_run_once

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ladder_of", "read_curves"]


def read_curves(
    source: Source,
    *,
    where: Mapping[str, str] | None = None,
    use_horizon: bool = True,
    mapping: LogMapping | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    common_end: bool = False,
) -> Ladder:
    """Read curve tables or logs into a `Ladder`; what was dropped, merged or repaired is in `ladder.integrity`.

    Parameters
    ----------
    source
        A curve table (Parquet, CSV, JSON Lines) or a log of another program (`empirical/tables/readers/`), a folder of
        them, searched to any depth, `"example:NAME"` (a table that comes with the package;
        `scaling_collapse.examples.names()` lists them), several of these in a list, or a frame: a pandas or polars
        DataFrame, a pyarrow Table, or a mapping of columns. One row per logged point; required columns
        `run`, `params`, `loss` and one of `tokens`, `step`; see `empirical/tables/columns.py` for the others.
    where
        Keep only rows whose column has this value, e.g. `{"schedule": "linear"}`; numbers compare as numbers.
    use_horizon
        Whether `optimal_compute` or `horizon_tokens` say where a run ends (optimal_compute first); False takes
        every run to its last point, as a fit of the horizon itself needs.
    mapping
        What a log does not say: a `LogMapping`, its parts as a dict, or a TOML file of them.
    common_end
        End every run at the last share of its horizon at which all of them have a loss.

    Returns
    -------
    Ladder
        One `LossCurve` per run.

    Raises
    ------
    InputError
        If the source cannot be read or repaired: the sentence names the file, row, column or run.

    Examples
    --------
    >>> ladder = read_curves({"run": ["a", "a", "b", "b"], "params": [10, 10, 20, 20],
    ...                       "tokens": [1, 2, 1, 2], "loss": [3.0, 2.0, 2.5, 1.5]})
    >>> ladder
    Ladder: 2 sizes, 2 runs, 4 points
      parameters   10 to 20
      runs a size  1
      horizons     2 to 2 tokens
      final loss   2 (smallest size) to 1.5 (largest)
      schedule     unknown
      integrity    4 of 4 rows used; 2 x missing horizon noted, 1 x missing seed noted
    """
    return _read(source, where, LogMapping.of(mapping), use_horizon=use_horizon, common_end=common_end)


def _read(
    source: Source, where: Mapping[str, str] | None, mapping: LogMapping, *, use_horizon: bool, common_end: bool
) -> Ladder:
    from .understanding import curve_tables

    tables, findings = curve_tables(source, mapping)
    return ladder_of(tables, findings, where, use_horizon=use_horizon, common_end=common_end)


def ladder_of(
    tables: list[tuple[str, pa.Table]],
    findings: list[Finding],
    where: Mapping[str, str] | None,
    *,
    use_horizon: bool,
    common_end: bool = False,
) -> Ladder:
    """The ladder of named curve tables, with what was found on the way to them."""
    runs, renamed = _runs(tables, where)
    share, shortened = _common_share(runs) if common_end and use_horizon else (1.0, [])
    curves, found = _curves(runs, use_horizon, share)
    if not curves:
        raise _nothing_usable(runs, tables, found)
    report = IntegrityReport(
        sources=tuple(name for name, _ in tables),
        rows_read=sum(table.num_rows for _, table in tables),
        rows_used=sum(len(c) for c in curves),
        findings=(*findings, *renamed, *shortened, *found, *odd_units(curves), *_notes_on_seeds(curves)),
    )
    return Ladder(curves, report)


def _nothing_usable(runs: list[RunRows], tables: list[tuple[str, pa.Table]], found: list[Finding]) -> InputError:
    """Why no run is left, and what to do about it."""
    dropped = [f for f in found if f.action == "dropped"]
    reasons = sorted({f"{f.kind}: {f.detail}" for f in dropped})
    early = {f.subject for f in dropped if f.kind == "stopped early"}
    mend = "Mend the table."
    if len(early) == len(runs):
        share, _ = _common_share(runs)
        mend = (
            f"All of them have losses up to {share:.1%} of their horizons, as with sparse evaluations: to end "
            "every run there, run scaling-collapse convert SOURCE --common-end --table T.parquet."
        )
    return InputError(
        f"read_curves needs at least one usable run; got none of {len(runs)} in {_names(tables)} "
        f"({'; '.join(reasons[:3])}). {mend}"
    )


def _common_share(runs: list[RunRows]) -> tuple[float, list[Finding]]:
    """The share of their horizons up to which all runs have losses."""
    shares = [share for rows in runs if (share := reached_share(rows)) is not None]
    share = min(1.0, *shares) if shares else 1.0
    detail = f"every run ends at {share:.1%} of its horizon, where all of them have a loss"
    return share, [Finding("common end", "repaired", "horizon", detail, len(runs))] if share < 1 else []


def _names(tables: list[tuple[str, pa.Table]]) -> str:
    names = [name for name, _ in tables]
    return names[0] if len(names) == 1 else f"{len(names)} files"


def _runs(tables: list[tuple[str, pa.Table]], where: Mapping[str, str] | None) -> tuple[list[RunRows], list[Finding]]:
    """The rows of every run, at least one."""
    from .split_runs import runs_of

    runs, findings = runs_of(tables, where)
    if not any(table.num_rows for _, table in tables):
        raise InputError(
            f"read_curves needs at least one row; got an empty table from {_names(tables)}. Export it again."
        )
    if not runs:
        wanted = ", ".join(f"{k}={v}" for k, v in (where or {}).items())
        raise InputError(f"read_curves needs rows with {wanted}; got none in {_names(tables)}. Check the value.")
    return runs, findings


def _curves(runs: list[RunRows], use_horizon: bool, share: float) -> tuple[list[LossCurve], list[Finding]]:
    """The curves of the runs that can be used, each once."""
    curves: list[LossCurve] = []
    findings: list[Finding] = []
    for rows in runs:
        curve, found = curve_from_rows(rows, use_horizon, share=share)
        findings += found
        if curve is not None:
            curves.append(curve)
    curves, same = each_run_once(curves)
    return curves, findings + same


def _notes_on_seeds(curves: list[LossCurve]) -> list[Finding]:
    if all(c.seed is None for c in curves):
        return [Finding("missing seed", "noted", "seed", "no seed column: runs of one size count as its seeds")]
    seen: dict[tuple[Any, ...], str] = {}
    findings = []
    for c in curves:
        key = (c.params, c.seed, c.schedule, c.horizon_tokens)
        if c.seed is not None and key in seen:
            detail = f"the same size and seed as run {seen[key]!r}, but other losses: both are used"
            findings.append(Finding("repeated seed", "noted", c.run, detail))
        seen.setdefault(key, c.run)
    return findings
