"""Runs of one family under several schedules, together: what a forecast is calibrated on and put to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from ...common import Result
from ...theory import LossCurve
from .run_schedule import schedule_of
from .validation_table import Table

__all__ = ["Pool", "pools_of"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Pool(Result):
    """Runs with learning rates, of sizes that belong together.

    Parameters
    ----------
    name
        The table's, or those of the tables joined.
    runs
        Up to their last points; names differ.
    """

    name: str
    runs: tuple[LossCurve, ...]

    @property
    def schedules(self) -> dict[str, list[LossCurve]]:
        """The runs of each decaying schedule."""
        groups: dict[str, list[LossCurve]] = {}
        for run in self.runs:
            schedule = schedule_of(run)
            if not schedule.constant:
                # Without a name for the schedule every run may have one of its own.
                groups.setdefault(schedule.label if schedule.name else run.run, []).append(run)
        return groups

    @property
    def constant(self) -> list[LossCurve]:
        """The runs at a constant rate."""
        return [run for run in self.runs if schedule_of(run).constant]

    @property
    def lacks(self) -> str | None:
        """What a blind forecast needs and this pool has not; None where it has everything."""
        if not self.runs:
            return "no learning rates"
        if not self.constant:
            return "no run at a constant learning rate to calibrate on"
        if len(self.schedules) < 2:
            return "fewer than 2 decaying schedules, so that none can be left out"
        return None


def pools_of(tables: Sequence[Table]) -> list[Pool]:
    """The pools of healthy tables: each that has several schedules alone, the others joined where they share a size.

    A table of one schedule says nothing alone; a ladder kept in several files, a schedule each, is one pool.
    """
    alone, rest = [], []
    for table in tables:
        if table.ablation:
            continue
        runs = tuple(c for c in table.whole if c.lr is not None and np.isfinite(c.lr).any())
        pool = Pool(name=table.name, runs=runs)
        (rest if pool.lacks else alone).append(pool)
    joined: list[list[Pool]] = []
    for pool in rest:
        sizes = {c.params for c in pool.runs}
        near = [group for group in joined if any(sizes & {c.params for c in p.runs} for p in group)]
        joined = [group for group in joined if group not in near] + [[pool, *(p for group in near for p in group)]]
    return alone + [_join(sorted(group, key=lambda p: p.name)) for group in joined]


def _join(group: list[Pool]) -> Pool:
    if len(group) == 1:
        return group[0]
    runs = [replace(c, run=f"{p.name}/{c.run}") for p in group for c in p.runs]
    names = [p.name for p in group]
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    start = "".join(letters[0] for letters in same).rstrip("-_. ")
    # Many files of one family would make a name that nobody reads.
    short = len(names) > 2 and len(start) >= 2
    return Pool(name=f"{start}* ({len(names)} tables)" if short else " + ".join(names), runs=tuple(runs))
