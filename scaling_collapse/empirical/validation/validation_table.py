"""The curve tables that a validation reads, and what their runs say of their learning rates."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from ...common import InputError
from ...sgd_noise_model.laws.rates import Units, rates_of
from ...theory import Ladder, LossCurve
from ..tables.curve_reader import read_curves
from ..tables.readers import table_files

__all__ = ["Table", "is_constant", "label", "read_tables"]


@dataclass(frozen=True, eq=False)
class Table:
    """A curve table.

    Parameters
    ----------
    name
        The file's name without ending.
    whole
        Its runs up to their last points.
    cut
        The same up to their horizons, where these are marked.
    ablation
        Whether something was scaled wrongly on purpose.
    offset
        The irreducible loss, where the caller knows it.
    """

    name: str
    whole: Ladder
    cut: Ladder
    ablation: bool = False
    offset: float | None = None


def label(curve: LossCurve) -> str:
    """The schedule of a run in words, with the share of training that decays where the table has it."""
    if is_constant(curve):
        return "constant"
    fraction = np.ravel(curve.extra.get("decay_fraction", np.nan))[0]
    name = curve.schedule or "unnamed schedule"
    return f"{name} {float(fraction):g}" if isinstance(fraction, float | int) and np.isfinite(fraction) else name


def is_constant(curve: LossCurve) -> bool | None:
    """Whether the learning rate stays constant after warm-up; None where neither rates nor a name say so."""
    if curve.lr is not None and np.isfinite(curve.lr).any() and np.nanmax(curve.lr) > 0:
        units = Units(float(np.nanmax(curve.lr)), 1.0)
        # Schedules that end at 0 are sometimes logged a rounding error below it.
        lr = np.maximum(curve.lr, 0.0)
        return rates_of(curve.run, curve.params, curve.tokens, lr, units).constant
    return None if curve.schedule is None else curve.schedule in ("const", "constant")


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
    named = {str(a) for a in ablations}
    files += [f for a in sorted(named) if Path(a).exists() for f in table_files(Path(a))[0]]
    files = list({f.resolve(): f for f in files}.values())
    names = [f.stem for f in files]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError(f"validate needs tables with different names; got {twice[0]!r} twice. Rename one.")
    if not files:
        raise InputError("validate needs at least one table; got none. Name a file or folder.")
    patterns = {f.stem for a in named if Path(a).exists() for f in table_files(Path(a))[0]}
    patterns |= {a for a in named if not Path(a).exists()}
    for option, asked in (("ablation", patterns), ("offset", set(offsets) - {""})):
        unknown = sorted(a for a in asked if not any(fnmatchcase(n, a) for n in names))
        if unknown:
            raise InputError(
                f"validate needs {option}s that name its tables ({', '.join(names)}); got {unknown[0]!r}. "
                "Mend the name."
            )
    return [
        Table(
            f.stem, read_curves(f, where=where, use_horizon=False), read_curves(f, where=where),
            any(fnmatchcase(f.stem, a) for a in patterns), _offset_of(f.stem, offsets),
        )
        for f in files
    ]  # fmt: skip


def _offset_of(name: str, offsets: Mapping[str, float]) -> float | None:
    """The offset given for a table: by its name, else by a pattern that fits, else the one for all others."""
    fitting = [v for pattern, v in offsets.items() if pattern and fnmatchcase(name, pattern)]
    return offsets.get(name, fitting[0] if fitting else offsets.get(""))
