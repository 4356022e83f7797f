"""`validate`: every claim put to every table, and what comes out of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...common import InputError
from ..fits.two_term_law import TwoTermLaw
from .case import Case, cases_of
from .claims import (
    ablation,
    blind_forecast,
    curve_value,
    deviation,
    frontier_exponent,
    horizon_error,
    horizon_exponent,
    largest_size,
    late_ratio,
    noise_coefficient,
)
from .pool import pools_of
from .row import Row, not_applicable
from .validation_table import Table, read_tables

__all__ = ["Validation", "validate"]

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Validation:
    """Predictions beside measurements.

    Parameters
    ----------
    rows
        One for each claim and ladder or table.
    cases
        The ladders that were found.
    refused
        What is no ladder: (name, reason).
    tables
        The tables read, in the order given.
    """

    rows: tuple[Row, ...]
    cases: tuple[Case, ...]
    refused: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each verdict."""
        found = Counter(row.verdict for row in self.rows)
        return {v: found.get(v, 0) for v in ("holds", "does not hold", "undecided", "not applicable")}

    def of(self, claim: str, table: str | None = None) -> tuple[Row, ...]:
        """The rows of a claim, of one table where it is named."""
        return tuple(r for r in self.rows if r.claim == claim and table in (None, r.table))

    def to_json(self) -> dict[str, Any]:
        """Everything but the curves; what is unknown is null."""
        return {
            "counts": self.counts,
            "rows": [row.to_json() for row in self.rows],
            "ladders": [
                {
                    "name": case.name,
                    "schedule": case.schedule,
                    "constant": case.constant,
                    "ablation": case.ablation,
                    "sizes": case.ladder.sizes,
                    "runs": len(case.ladder),
                    "verdict": None if case.report is None else case.report.verdict,
                    "offset": case.offset,
                    "past_horizon": case.past,
                    "horizon_marked": case.marked,
                }
                for case in self.cases
            ],
            "not_ladders": [{"name": name, "reason": reason} for name, reason in self.refused],
            "integrity": {table.name: table.whole.integrity.summary() for table in self.tables},
        }

    def to_html(self) -> bytes:
        """The report as one self-contained page: the rows, and every ladder with its sliders."""
        from .page import render

        return render(self)


def validate(
    *tables: str | os.PathLike[str],
    ablations: Iterable[str | os.PathLike[str]] = (),
    offsets: Mapping[str, float] | None = None,
    where: Mapping[str, str] | None = None,
    draws: int = 200,
    seed: int = 0,
    progress: Progress = lambda fraction, message: None,
) -> Validation:
    """Put what theory and simulator predict beside what curve tables say.

    Parameters
    ----------
    tables
        Curve tables, or folders of them; each may hold several schedules. Ladders whose sizes they share are taken for
        one family of models.
    ablations
        Which tables were scaled wrongly on purpose: names, patterns (`mlp-horizon-*`) or paths. They are compared
        with the healthy ladder of their sizes and schedule, and normalized with its irreducible loss.
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

    References
    ----------
    Qiu et al. 2025 (arXiv 2507.02119); each row names its section.

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
    >>> round(row.prediction, 2), round(row.measurement, 2), row.verdict
    (1.0, 1.0, 'holds')
    """
    if not tables:
        raise InputError("validate needs at least one table; got none. Name a file or folder.")
    if draws < 50:
        raise InputError(f"validate needs at least 50 `draws`; got {draws}. Use 200, for example.")
    progress(0.0, "reading")
    read = read_tables(tables, ablations, offsets or {}, where)
    progress(0.05, "measuring")
    cases, refused = cases_of(read, draws=2 * draws)
    pools = pools_of(read)
    jobs: list[tuple[str, Callable[[], list[Row]]]] = []
    for case in cases:
        if not case.ablation:  # of what was scaled wrongly nothing of this is claimed
            jobs += [
                (case.name, lambda c=case: horizon_exponent.rows(c)),
                (case.name, lambda c=case: frontier_exponent.rows(c, cases)),
                (case.name, lambda c=case: curve_value.rows(c, cases)),
                (case.name, lambda c=case: late_ratio.rows(c, cases, draws=draws, seed=seed)),
                (case.name, lambda c=case: largest_size.rows(c, seed=seed)),
            ]
        jobs += [
            (case.name, lambda c=case: deviation.rows(c, draws=draws, seed=seed)),
            (case.name, lambda c=case: horizon_error.rows(c, cases)),
            (case.name, lambda c=case: ablation.rows(c, cases, draws=draws, seed=seed)),
        ]
    jobs += [(pool.name, lambda p=pool: blind_forecast.rows(p)) for pool in pools]
    jobs += [(pool.name, lambda p=pool: noise_coefficient.rows(p)) for pool in pools]
    rows: list[Row] = []
    for i, (name, job) in enumerate(jobs):
        progress(0.2 + 0.8 * i / len(jobs), name)
        rows += job()
    rows += _not_ladders(refused)
    if not any(t.ablation for t in read):
        rows.append(not_applicable(ablation.CLAIM, "all tables", "no table was named an ablation"))
    order = list(dict.fromkeys(row.claim for row in rows))
    return Validation(
        tuple(sorted(rows, key=lambda r: order.index(r.claim))), tuple(cases), tuple(refused), tuple(read)
    )


def _not_ladders(refused: list[tuple[str, str]]) -> list[Row]:
    """One row for each table with runs that are no ladder."""
    tables: dict[str, list[str]] = {}
    for name, reason in refused:
        table, _, schedule = name.partition(": ")
        tables.setdefault(table, []).append(f"{schedule}: {reason}" if schedule else reason)
    return [not_applicable("every claim on ladders", name, "; ".join(why)) for name, why in tables.items()]


def laws_of(validation: Validation) -> list[tuple[Case, TwoTermLaw]]:
    """The two-term laws that were fitted, with the ladders that they came from."""
    return [(c, c.law) for c in validation.cases if isinstance(c.law, TwoTermLaw) and c.law.status == "ok"]
