"""`validate`: every claim put to every table, and what comes out of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...common import Framed, InputError, Result, plain, shown
from .case import Case
from .claims.claim import CLAIMS, Claim, Evidence, Subject
from .ladder_finding import NotALadder, cases_of
from .page import render
from .pool import Pool, pools_of
from .row import Row, Verdict, counts_of, not_applicable
from .validation_table import Table, read_tables

__all__ = ["Validation", "validate"]

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Validation(Framed, Result):
    """Predictions beside measurements.

    Parameters
    ----------
    rows
        One for each claim and ladder or table.
    cases
        The ladders that were found.
    refused
        What is no ladder, and why.
    tables
        The tables read, in the order given.
    """

    rows: tuple[Row, ...]
    cases: tuple[Case, ...]
    refused: tuple[NotALadder, ...]
    tables: tuple[Table, ...]

    def headline(self) -> str:
        """How many predictions hold."""
        counts = ", ".join(f"{n} {verdict}" for verdict, n in self.counts.items() if n)
        return f"Validation of {len(self.tables)} table{'' if len(self.tables) == 1 else 's'}: {counts}"

    def lines(self) -> list[tuple[str, str]]:
        """Every row that applies, those that do not hold first."""
        order = [Verdict.DOES_NOT_HOLD, Verdict.UNDECIDED, Verdict.HOLDS]
        rows = sorted((row for row in self.rows if row.applies), key=lambda row: order.index(row.verdict))
        return [(f"{row.verdict}: {row.claim}", f"{row.table}: {_in_words(row)}") for row in rows]

    def to_columns(self) -> dict[str, Any]:
        """One row for each claim and table; intervals in two columns each."""
        rows = [_cells(row) for row in self.rows]
        return {name: [row[name] for row in rows] for name in _cells(not_applicable("", "", ""))}

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many rows have each verdict."""
        return counts_of(self.rows)

    def of(self, claim: str, table: str | None = None) -> tuple[Row, ...]:
        """The rows of a claim, of one table where it is named."""
        return tuple(r for r in self.rows if r.claim == claim and table in (None, r.table))

    def to_json(self) -> dict[str, Any]:
        """Everything but the curves; what is unknown is null."""
        return plain(
            {
                "counts": self.counts,
                "rows": [row.to_json() for row in self.rows],
                "ladders": [case.to_json() for case in self.cases],
                "not_ladders": [{"name": found.name, "reason": found.reason} for found in self.refused],
                "integrity": {table.name: table.whole.integrity.summary() for table in self.tables},
            }
        )

    def to_html(self) -> bytes:
        """The report as one self-contained page: the rows, and every ladder with its sliders."""
        return render(rows=self.rows, cases=self.cases)


def _in_words(row: Row) -> str:
    pairs = ((row.prediction, row.prediction_interval), (row.measurement, row.measurement_interval))
    texts = [shown(value, interval) for value, interval in pairs]
    predicted, measured = (f"{value}{row.unit.sign}" + (f" ({ends})" if ends else "") for value, ends in texts)
    return f"predicted {predicted}, measured {measured}"


def _cells(row: Row) -> dict[str, Any]:
    """The fields of a row, with `..._low` and `..._high` for an interval."""
    cells: dict[str, Any] = {}
    for name, value in vars(row).items():
        if name.endswith("_interval"):
            stem = name.removesuffix("_interval")
            cells |= {f"{stem}_low": value[0], f"{stem}_high": value[1]}
        else:
            cells[name] = value
    return cells


def validate(
    *tables: str | os.PathLike[str],
    ablations: Iterable[str | os.PathLike[str]] = (),
    offsets: Mapping[str, float] | None = None,
    where: Mapping[str, str] | None = None,
    draws: int = 200,
    seed: int = 0,
    progress: Progress = lambda fraction, message: None,
) -> Validation:
    """Put what theory and simulator predict (Qiu et al. 2025, arXiv 2507.02119) beside what curve tables say.

    Parameters
    ----------
    tables
        Curve tables, or folders of them; each may hold several schedules. Ladders whose sizes they share are taken for
        one family of models.
    ablations
        Which tables were scaled wrongly on purpose: names, patterns (`mlp-horizon-*`) or paths. They are compared
        with the healthy ladder of their sizes and schedule, and normalized with its irreducible loss. Others are
        found by themselves where a healthy twin is among the tables.
    offsets
        Irreducible losses that are known, by the table's name or a pattern (`""`: all others); fitted otherwise.
    where
        As in `read_curves`.
    draws, seed
        Seeds resampled for intervals, >= 50, and the seed of the random numbers.
    progress
        Called with the fraction done and what is being done.

    Returns
    -------
    Validation

    Raises
    ------
    InputError
        If no table is given, one cannot be read, two have one name, or an option names none of them.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from scaling_collapse import Ladder, LossCurve, write_curves
    >>> t = np.geomspace(1e2, 1e7, 300)
    >>> runs = [LossCurve(run=f"{p:g}", params=p, tokens=t, loss=t**-0.5 + p**-0.5, schedule="const")
    ...         for p in 2.0 ** np.arange(8, 15)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = validate(write_curves(Ladder(runs), folder + "/made-up.parquet"))
    >>> row = found.of("horizon exponent")[0]
    >>> round(row.prediction, 2), round(row.measurement, 2), str(row.verdict)
    (1.0, 1.0, 'holds')
    """
    if not tables:
        raise InputError("validate needs at least one table; got none. Name a file or folder.")
    if draws < 50:
        raise InputError(f"validate needs at least 50 `draws`; got {draws}. Use 200, for example.")
    progress(0.0, "reading")
    read = read_tables(tables, ablations, offsets or {}, where)
    return _validation(read, draws, seed, progress)


def _validation(tables: list[Table], draws: int, seed: int, progress: Progress) -> Validation:
    """Every claim put to every ladder and pool of the tables, in the order of `CLAIMS`."""
    progress(0.05, "measuring")
    cases, refused = cases_of(tables, draws=2 * draws)
    evidence = Evidence(cases=cases, draws=draws, seed=seed)
    wrong = {case.table for case in cases if case.twin is not None}
    # What was found to be an ablation calibrates no more than what was named one.
    put = _put(cases, pools_of([replace(t, ablation=True) if t.name in wrong else t for t in tables]))
    rows: list[Row] = []
    for i, (claim, subject) in enumerate(put):
        progress(0.2 + 0.8 * i / len(put), subject.name)
        rows += claim.rows(subject, evidence)
    rows += _not_ladders(refused)
    if not any(t.ablation for t in tables) and not wrong:
        reason = "no table was named an ablation, and none was found to be one beside a healthy twin"
        rows += [not_applicable(CLAIMS[name].NAME, "all tables", reason) for name in ("ablation trend", "ablation")]
    order = list(dict.fromkeys(row.claim for row in rows))
    return Validation(
        rows=tuple(sorted(rows, key=lambda r: order.index(r.claim))),
        cases=tuple(cases),
        refused=tuple(refused),
        tables=tuple(tables),
    )


def _put(cases: list[Case], pools: list[Pool]) -> list[tuple[Claim[Any], Case | Pool]]:
    """Which claim is put to what: ladder after ladder, then each claim on pools to all of them."""
    claims = list(CLAIMS.values())
    healthy = [claim for claim in claims if claim.SUBJECT in (Subject.HEALTHY_LADDER, Subject.LADDER)]
    ablated = [claim for claim in claims if claim.SUBJECT is Subject.LADDER]
    of_pools = [claim for claim in claims if claim.SUBJECT is Subject.POOL]
    return [
        *((claim, case) for case in cases for claim in (ablated if case.ablation else healthy)),
        *((claim, pool) for claim in of_pools for pool in pools),
    ]


def _not_ladders(refused: Iterable[NotALadder]) -> list[Row]:
    """One row for each table with runs that are no ladder."""
    tables: dict[str, list[str]] = {}
    for found in refused:
        why = found.reason if found.schedule is None else f"{found.schedule}: {found.reason}"
        tables.setdefault(found.table, []).append(why)
    return [not_applicable("every claim on ladders", name, "; ".join(why)) for name, why in tables.items()]
