"""Which curve tables the figures draw from: families of models by name, the project's own and published ones.

| role | what the table holds |
|---|---|
| `decay` | a ladder at its compute-optimal horizon, learning rate decayed, several seeds |
| `constant` | the same ladder at a constant learning rate; it may go on past the horizon |
| `schedules` | one size or several under many schedules, best with `noise_trace` |
| `same_lr` | the ablation: one learning rate for all widths instead of muP's |
| `short`, `long` | the ablations: horizon exponent 20 % too small, and too large |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..common import InputError
from ..empirical import CollapseReport, measure_collapse, read_curves
from ..empirical.tables.example_tables import EXAMPLES
from ..empirical.validation.run_schedule import schedule_of
from ..theory import Ladder, LossCurve

__all__ = ["CURVES", "FAMILIES", "SAY_WHERE", "Family", "MissingCurvesError", "Tables", "label_of", "measured"]

CURVES = EXAMPLES
"""The curve tables of the project's own ladders, which come with the package."""

SAY_WHERE = "Name a folder that has them with --curves DIR; without it, the package's own tables are drawn."
"""What to do about missing tables."""


class MissingCurvesError(InputError):
    """A figure lacks a table; the sentence names it."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of models.

    Parameters
    ----------
    title, kind
        Its name on pictures, and what it is: `"mlp"` or `"transformer"`.
    tables
        For each role the files (without `.parquet`), all of them needed.
    own
        Whether the project trained it.
    offset
        Irreducible loss where the task's definition gives it (a target without noise: 0); else it is fitted.
    drawn_in
        Names of the figures that draw it; empty: all.
    """

    title: str
    kind: str
    tables: Mapping[str, tuple[str, ...]]
    own: bool = True
    offset: float | None = None
    drawn_in: tuple[str, ...] = ()


FAMILIES = (
    Family(
        title="MLPs, Fourier regression",
        kind="mlp",
        tables={
            "decay": ("mlp",),
            "constant": ("mlp-constant",),
            "schedules": tuple(f"mlp-schedule-{s}" for s in ("constant", "linear", "cosine", "multi-cosine", "wsd")),
            "same_lr": ("mlp-lr-constant-across-widths",),
            "short": ("mlp-horizon-low",),
            "long": ("mlp-horizon-high",),
        },
        offset=0.0,
    ),
    Family(
        title="MLPs, 3 inputs",
        kind="mlp",
        tables={"decay": ("fourier3",), "same_lr": ("fourier3-lr-of-width-8",)},
        offset=0.0,
        drawn_in=("fig04_ablations",),
    ),
    Family(
        title="decoders, Python text",
        kind="transformer",
        tables={"decay": ("text",), "constant": ("text-constant",)},
    ),
    Family(
        title="decoders, chess",
        kind="transformer",
        tables={"decay": ("chess",), "constant": ("chess-constant",)},
    ),
    Family(
        title="CIFAR-5M (Qiu et al.)",
        kind="transformer",
        tables={"decay": ("qiu_cifar5m_linear",), "schedules": ("qiu_cifar5m_schedules",)},
        own=False,
    ),
    Family(
        title="Lichess (Qiu et al.)",
        kind="transformer",
        tables={"decay": ("qiu_chess_linear",)},
        own=False,
    ),
    Family(
        title="MLPs (Qiu et al.)",
        kind="mlp",
        tables={"decay": ("qiu_mlp_linear",), "constant": ("qiu_mlp_const",), "schedules": ("qiu_mlp_schedules",)},
        own=False,
    ),
)


def label_of(curve: LossCurve) -> str:
    """The schedule in words: `linear`, `linear, last 20 %`, `WSD`."""
    schedule = schedule_of(curve)
    name = (schedule.name or "unknown").split("(")[0].replace("_", "").replace("-", "")
    if schedule.constant or name in ("const", "constant"):
        return "constant"
    fraction = schedule.decay_fraction
    if fraction is None and name == "wsd" and curve.lr is not None:
        held = curve.tokens[np.nan_to_num(curve.lr) > 0.999 * np.nanmax(curve.lr)].max()
        fraction = round(20 * (1 - held / curve.tokens[-1])) / 20  # logged points fix it to about 5 %
    words = {"multicosine": "multi-cosine", "wsd": "WSD"}.get(name, name)
    return words if fraction in (None, 1.0) else f"{words}, last {100 * fraction:.0f} %"


@dataclass(frozen=True)
class Tables:
    """The curve tables of a folder."""

    folder: Path

    @classmethod
    def at(cls, curves: str | Path | None) -> Tables:
        """The tables of `--curves`, or the project's own."""
        folder = CURVES if curves is None else Path(curves)
        if curves is not None and not folder.is_dir():
            raise InputError(f"figures needs --curves as a folder of curve tables; got {str(folder)!r}. Name one.")
        return cls(folder)

    def has(self, family: Family, *roles: str) -> bool:
        """Whether every file of these roles is there."""
        return all(role in family.tables and not self._missing(family, role) for role in roles)

    def _missing(self, family: Family, role: str) -> list[str]:
        return [f"{name}.parquet" for name in family.tables[role] if not (self.folder / f"{name}.parquet").is_file()]

    def ladder(self, family: Family, role: str, *, use_horizon: bool = True) -> Ladder | None:
        """The runs of a role, or None where its files are not all there."""
        if not self.has(family, role):
            return None
        paths = tuple(self.folder / f"{name}.parquet" for name in family.tables[role])
        return _read(paths, tuple(p.stat().st_mtime_ns for p in paths), use_horizon)

    def families(self, figure: str, *sets: tuple[str, ...], kind: str | None = None) -> list[Family]:
        """The families that have every role of one of these sets; `MissingCurvesError` where none has."""
        candidates = [f for f in FAMILIES if kind in (None, f.kind) and (not f.drawn_in or figure in f.drawn_in)]
        found = [f for f in candidates if any(self.has(f, *roles) for roles in sets)]
        if not found:
            wanted = [
                " and ".join(name for role in roles for name in self._missing(f, role))
                for f in candidates
                for roles in sets
                if set(roles) <= {*f.tables} and (f.own or self.folder != CURVES)
            ]
            raise MissingCurvesError(
                f"{figure} needs the curve tables {'; or '.join(wanted)}; got a folder without them ({self.folder}). "
                f"{SAY_WHERE}"
            )
        return found

    def with_offset(self, figure: str, *sets: tuple[str, ...], fast: bool) -> tuple[list[Family], str]:
        """As `families`, of those whose decayed ladder has an irreducible loss; and a note of those left out."""
        usable, left_out = [], []
        for family in self.families(figure, *sets):
            if math.isfinite(self.offset(family, fast=fast)):
                usable.append(family)
            else:
                left_out.append(f"{family.title} (its law has no irreducible loss)")
        if not usable:
            raise MissingCurvesError(
                f"{figure} needs a decayed ladder whose law has an irreducible loss; got {', '.join(left_out)} in "
                f"{self.folder}. Train more sizes, or name another folder with --curves."
            )
        known = [f"; known offset {f.offset:g} for {f.title}" for f in usable if f.offset is not None]
        return usable, "".join(known) + (f". Left out: {', '.join(left_out)}" if left_out else "")

    def report(self, family: Family, *, fast: bool) -> CollapseReport:
        """The measured collapse of the family's decayed ladder."""
        decay = self.ladder(family, "decay")
        assert decay is not None
        return measured(decay, family.offset, fast=fast)

    def offset(self, family: Family, *, fast: bool) -> float:
        """`L_hat` of a family: known, or the fitted irreducible loss of its decayed ladder; NaN where there is none."""
        return self.report(family, fast=fast).offset

    def name(self, family: Family, *roles: str) -> str:
        """The names of the tables that are there, for the line of data."""
        return ", ".join(name for role in roles if self.has(family, role) for name in family.tables[role])


@lru_cache(maxsize=64)
def _read(paths: tuple[Path, ...], changed: tuple[int, ...], use_horizon: bool) -> Ladder:
    return read_curves(list(paths), use_horizon=use_horizon)


@lru_cache(maxsize=64)
def measured(ladder: Ladder, offset: float | None = None, *, fast: bool = False) -> CollapseReport:
    """`measure_collapse` of a ladder, once per process; `fast` draws fewer resamples for its intervals."""
    return measure_collapse(ladder, offset=offset, draws=100 if fast else 400)
