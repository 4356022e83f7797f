"""From the columns of logs to those of the curve table: what is taken for what, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...common import Array, InputError
from ...theory import Finding
from .column_expression import column_value, names_in
from .column_names import LossKind, known_as, losses
from .columns import number_column, numbers_of, text_column
from .log import Log
from .log_mapping import LogMapping
from .odd_units import named_unit

__all__ = ["NamedLog", "chosen_loss", "curve_columns", "is_curve_table", "missing"]

LEAST_POINTS = 2
SHOWN = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedLog:
    """A log with its names.

    Parameters
    ----------
    source
        File, for sentences.
    run
        Name of its run where the log has none.
    log
        What its reader gave.
    carry
        Whether columns that no curve needs are carried along: those of tables are, those of trackers are not.
    """

    source: str
    run: str
    log: Log
    carry: bool = False

    @property
    def names(self) -> list[str]:
        """Of its columns."""
        return self.log.table.column_names


def is_curve_table(names: Sequence[str]) -> bool:
    """Whether the columns are those of a curve table already."""
    return {"run", "params", "loss"} <= set(names) and bool({"tokens", "step"} & set(names))


def curve_columns(log: NamedLog, mapping: LogMapping, loss: str | None) -> tuple[pa.Table, list[Finding]]:
    """The log as a curve table, and what was understood.

    Parameters
    ----------
    log
        Rows as they were logged.
    mapping
        What its owner says.
    loss
        Column of the loss, chosen for all logs together; None where there is none.

    Raises
    ------
    InputError
        If a column that the mapping names is not there.
    """
    columns = _Columns(log, mapping)
    table: dict[str, Any] = {"run": columns.runs()}
    for target in ("loss", "tokens", "step", "lr", "seed", "batch_size", "sequence_length", "horizon_tokens",
                   "optimal_compute", "compute", "noise_trace"):  # fmt: skip
        values = columns.loss(loss) if target == "loss" else columns.number(target)
        if values is not None:
            table[target] = values
    columns.more(table)
    found = pa.table({n: v if isinstance(v, pa.Array | pa.ChunkedArray) else pa.array(v) for n, v in table.items()})
    return _points_alone(found, columns.given), columns.findings


class _Columns:
    """The columns of one log, looked for where the mapping says, else under the names that programs use."""

    def __init__(self, log: NamedLog, mapping: LogMapping) -> None:
        self.named, self.mapping = log, mapping
        self.table = log.log.table
        self.findings: list[Finding] = []
        self.used: set[str] = set()
        self.given = np.zeros(0, dtype=bool)
        self._runs: np.ndarray | None = None

    def runs(self) -> Any:
        """The name of the run in every row."""
        if self._runs is None:
            name = self.mapping.columns.get("run") or known_as("run", self.named.names)
            if name is not None and name not in self.named.names:
                raise self._unknown("run", name)
            if name is not None:
                self.used.add(name)
                self._runs = text_column(self.table, name, self.named.source)
            else:
                self._runs = np.full(self.table.num_rows, self.named.run, dtype=object)
        return self._runs

    def loss(self, name: str | None) -> Array | None:
        """The loss, and which rows logged one."""
        text = self.mapping.columns.get("loss") or name
        if text is None:
            return None
        self._note("loss", text)
        if text in self.named.names and (unit := named_unit(text)):
            how = "take its logarithm" if unit == "perplexity" else "multiply it by log(2)"
            self.findings.append(Finding("unit of loss", "noted", text, f"{unit}, by its name: {how}"))
        values = self._value("loss", text)
        nulls = [self.table.column(n).is_null().to_numpy() for n in self._names(text) if n in self.named.names]
        self.given = ~np.logical_or.reduce(nulls) if nulls else ~np.isnan(values)
        return values

    def number(self, target: str) -> Array | None:
        """A column of numbers, or None."""
        text = self.mapping.columns.get(target)
        if text is None and target in ("tokens", "step", "lr", "seed"):
            text = known_as(target, self.named.names)
        if text is None and target in self.named.names:
            text = target
        if text is None and target == "seed":
            return self._setting("seed")
        if text is None and target == "tokens" and self.mapping.batch_tokens is not None:
            step = self.mapping.columns.get("step") or known_as("step", self.named.names)
            text = None if step is None else f"[{step}] * {self.mapping.batch_tokens!r}"
        if text is None:
            return None
        values = self._value(target, text)
        if target in ("tokens", "step") and text != target:
            self._note(target, text)
        return self._between(values, target, text) if target in ("tokens", "lr") else values

    def more(self, table: dict[str, Any]) -> None:
        """Parameters, the schedule, and the columns that are carried or left."""
        params = self._params()
        if params is not None:
            table["params"] = params
        if "schedule" in self.named.names:
            table["schedule"] = text_column(self.table, "schedule", self.named.source)
        left = [n for n in self.named.names if n not in self.used and n not in table]
        if self.named.carry:
            table.update({n: self.table.column(n) for n in left})
        elif left:
            shown = ", ".join(left[:SHOWN]) + (f" and {len(left) - SHOWN} more" if len(left) > SHOWN else "")
            self.findings.append(Finding("columns left", "noted", self.named.source, f"not used: {shown}", len(left)))

    def _params(self) -> Array | None:
        runs = self.runs()
        of = {run: self.mapping.params_of(run) for run in dict.fromkeys(runs.tolist())}
        if all(p is not None for p in of.values()) and of:
            return np.array([of[run] for run in runs.tolist()], dtype=np.float64)
        text = self.mapping.columns.get("params") or known_as("params", self.named.names)
        rest = self._value("params", text) if text else self._setting("params", self.mapping.params_from_config)
        if rest is not None:
            given = np.array([of[run] if of[run] is not None else np.nan for run in runs.tolist()], dtype=np.float64)
            rest = np.where(np.isnan(given), self._over_the_run(rest), given)
        return rest

    def _over_the_run(self, values: Array) -> Array:
        """A value that some rows of a run have alone, in all of its rows."""
        runs, filled = self.runs(), values.copy()
        for run in dict.fromkeys(runs.tolist()):
            here = runs == run
            given = np.unique(values[here & ~np.isnan(values)])
            if given.size == 1:
                filled[here] = given[0]
        return filled

    def _setting(self, target: str, name: str | None = None) -> Array | None:
        """A number from the configuration of each run."""
        of: dict[str, float] = {}
        for run in dict.fromkeys(self.runs().tolist()):
            settings = self._settings(run)
            key = name or known_as(target, settings) or _last_word(target, settings)
            if key is not None and key in settings:
                values, bad = numbers_of([str(settings[key])], counts=target == "params")
                if bad is None:
                    of[run] = float(values[0])
                    self.findings.append(Finding(f"{target} from the settings", "noted", run, f"{key} = {of[run]:g}"))
        if not of:
            return None
        return np.array([of.get(run, np.nan) for run in self.runs().tolist()])

    def _settings(self, run: str) -> Mapping[str, Any]:
        settings = self.named.log.settings
        return settings.get(run) or settings.get("") or {}

    def _names(self, text: str) -> list[str]:
        return [text] if text in self.named.names else names_in(text)

    def _value(self, target: str, text: str) -> Array:
        def lookup(name: str) -> Array:
            if name in self.named.names:
                self.used.add(name)
                return number_column(self.table, name, self.named.source)
            found = self._setting(name, name)
            if found is None:
                raise self._unknown(target, name)
            return found

        value = lookup(text) if text in self.named.names else column_value(text, lookup, f"--map {target}")
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (self.table.num_rows,)).copy()

    def _unknown(self, target: str, name: str) -> InputError:
        names = ", ".join(self.named.names[:SHOWN]) + (", ..." if len(self.named.names) > SHOWN else "")
        return InputError(
            f"--map {target} needs a column or setting of the log; got {name!r}, and {self.named.source} has {names}. "
            "Name one of these."
        )

    def _note(self, target: str, text: str) -> None:
        self.findings.append(Finding(f"{target} taken", "noted", self.named.source, f"{target} is {text}"))

    def _between(self, values: Array, target: str, text: str) -> Array:
        """Tokens and rates at the points where an evaluation was logged without them, along the steps."""
        name = self.mapping.columns.get("step") or known_as("step", self.named.names)
        if not np.isnan(values).any() or name is None or name not in self.named.names or np.isnan(values).all():
            return values
        steps, filled = number_column(self.table, name, self.named.source), values.copy()
        for run in dict.fromkeys(self.runs().tolist()):
            here = self.runs() == run
            known = here & np.isfinite(values) & np.isfinite(steps)
            wanted = here & np.isnan(values) & np.isfinite(steps)
            if not known.any() or not wanted.any():
                continue
            x, at = np.unique(steps[known][::-1], return_index=True)
            y = values[known][::-1][at]
            outside = (steps < x[0]) | (steps > x[-1])
            filled[wanted] = np.interp(steps[wanted], x, y)
            if target == "tokens" and (wanted & outside).any() and x[-1] > 0:
                filled[wanted & outside] = steps[wanted & outside] * (y[-1] / x[-1])
        n = int((np.isnan(values) & ~np.isnan(filled)).sum())
        if n:
            detail = f"{n} rows without {text}: read off the rows beside them, by {name}"
            self.findings.append(Finding(f"{target} between rows", "repaired", self.named.source, detail, n))
        return filled


def _last_word(target: str, settings: Mapping[str, Any]) -> str | None:
    """A nested setting whose last name is what is looked for, where only one value goes by it."""
    ends = {key: known_as(target, [key.rsplit(".", 1)[-1]]) for key in settings}
    found = [key for key, known in ends.items() if known]
    return found[0] if len({str(settings[key]) for key in found}) == 1 else None


def _points_alone(table: pa.Table, given: np.ndarray) -> pa.Table:
    """The rows that hold a loss, and each run's last row besides: it says how far the run went."""
    if "loss" not in table.column_names or given.all():
        return table
    runs = table.column("run").to_pylist()
    last = {run: i for i, run in enumerate(runs)}
    keep = given.copy()
    keep[list(last.values())] = True
    return table.filter(pa.array(keep))


def chosen_loss(logs: Sequence[NamedLog]) -> tuple[LossKind | None, dict[int, str]]:
    """The loss of every log, one kind for all: of evaluation where each has one at 2 points or more, else of training.

    Returns
    -------
    kind, names
        The kind, and the column by the index of the log.

    Raises
    ------
    InputError
        If a log has several losses of the kind and none is the plain one.
    """
    kinds: tuple[LossKind, ...] = ("evaluation", "training")
    names: dict[int, str] = {}
    for kind in kinds:
        names = {}
        for i, log in enumerate(logs):
            found = [n for n in losses(log.names, kind) if _points(log.log.table, n) >= LEAST_POINTS]
            if len({_plain(n) for n in found}) > 1:
                raise InputError(
                    f"read_curves needs one loss; got {', '.join(found[:SHOWN])} in {log.source}. Choose one, for "
                    f'example with convert --map loss="[{found[0]}]".'
                )
            if found:
                names[i] = found[0]
        if len(names) == len(logs):
            return kind, names
    return None, names


def _plain(name: str) -> str:
    return name.lower().replace("/", "_").replace(" ", "_")


def _points(table: pa.Table, name: str) -> int:
    column = table.column(name)
    return len(column) - column.null_count


def missing(table: pa.Table) -> list[str]:
    """What a curve table still lacks: names of columns, or `params` where some run has none."""
    lacks = [n for n in ("loss", "params") if n not in table.column_names]
    if not {"tokens", "step"} & set(table.column_names):
        lacks.append("tokens or step")
    if "params" in table.column_names and np.isnan(number_column(table, "params", "")).any():
        lacks.append("params")
    return lacks
