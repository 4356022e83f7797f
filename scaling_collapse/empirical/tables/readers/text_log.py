"""Text logs: what training programs print, colours and progress bars in between; or lines by a pattern of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ....common import InputError
from ....theory import Finding
from ..log import Log
from ..source_file import SourceFile
from .huggingface import training_row
from .logged_rows import logged_number, table_of_rows
from .program_lines import PROGRAMS, Program, number
from .reader import Reader

__all__ = ["TEXT_LOG", "log_by_pattern"]

ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
PAIR = re.compile(r"^\s{2,}(?P<name>[A-Za-z][\w /.()@-]*?)\s*=\s*(?P<value>[-+\d.,eE_]+|nan|inf)\s*$")
ITEM = re.compile(r"'(?P<name>[\w./-]+)': '?(?P<value>[-+.\w]+)'?")
BAR = re.compile(r"(?P<step>\d+)/(?P<total>\d+) \[")
LONGEST = 4000
"""Characters of a line that are looked at."""
SEARCHED = 1 << 20
"""Bytes of a file in which its first points must stand."""
FEWEST = 2


def _reads(file: SourceFile) -> bool:
    if file.encoding is None or not file.head:
        return False
    points = 0
    for line in _clean(file.lines(most=SEARCHED)):
        points += any(pattern.search(line) for program in PROGRAMS for pattern in program.rows)
        if points == FEWEST:
            return True
    return False


def _clean(lines: Iterable[str]) -> Iterator[str]:
    """Lines without colours and other escapes."""
    for line in lines:
        yield ESCAPE.sub("", line[:LONGEST]) if "\x1b" in line else line[:LONGEST]


def _log(files: Sequence[SourceFile]) -> Log:
    """One row per line that holds a point."""
    (file,) = files
    program = _program(file)
    rows, facts = _Lines(program).read(_clean(file.lines()))
    settings = {k: v for k, v in facts.items() if k != "rank"}
    findings = [Finding("text log", "noted", file.name, f"as {program.name} prints it")]
    _count_tokens(rows, settings, findings, file.name)
    return Log(table=table_of_rows(rows), settings={"": settings}, findings=tuple(findings))


def _program(file: SourceFile) -> Program:
    """The program whose lines these are: the one with most of the points."""
    lines = list(_clean(file.lines(most=SEARCHED)))
    counts = {
        program.name: sum(any(pattern.search(line) for pattern in program.rows) for line in lines)
        for program in PROGRAMS
    }
    return max(PROGRAMS, key=lambda program: counts[program.name])


class _Lines:
    """The points and facts of a log, line by line."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.rows: list[dict[str, Any]] = []
        self.facts: dict[str, float] = {}
        self.ranks: dict[str, float] = {}
        self.step, self.total = 0.0, 0.0
        self.open = False

    def read(self, lines: Iterable[str]) -> tuple[list[dict[str, Any]], dict[str, float]]:
        """All rows, and what was said once."""
        for line in lines:
            if not line.strip():
                continue
            if self._row(line):
                continue
            if self.program.pairs and self._pair(line):
                continue
            self.open = False
            self._fact(line)
            self._bar(line)
        if self.ranks:
            self.facts["params"] = sum(self.ranks.values())
        return [row for row in self.rows if len(row) > 1], self.facts

    def _row(self, line: str) -> bool:
        found = next((m for pattern in self.program.rows if (m := pattern.search(line))), None)
        if found is None:
            return False
        self._bar(line[: found.start()])
        if "trainer" in found.groupdict():
            row = training_row({m["name"]: m["value"] for m in ITEM.finditer(found[0])})
            row.setdefault("step", self.step if self.total else row.get("epoch", self.step))
            self.rows.append(row)
            return True
        row = {k: number(v) for k, v in found.groupdict().items() if v is not None}
        for pattern in self.program.more:
            if more := pattern.search(line):
                row |= {k: number(v) for k, v in more.groupdict().items()}
        self.step = row.setdefault("step", self.step)
        last = self.rows[-1] if self.rows else {}
        if last.get("step") == self.step and not (row.keys() & last.keys()) - {"step"}:
            last.update(row)
        else:
            self.rows.append(row)
        self.open = True
        return True

    def _pair(self, line: str) -> bool:
        """A line of `name=value` below a row."""
        found = PAIR.match(line) if self.open else None
        if found is None:
            return False
        try:
            self.rows[-1][found["name"].strip()] = number(found["value"])
        except ValueError:
            return False
        return True

    def _fact(self, line: str) -> None:
        for pattern in self.program.facts:
            if found := pattern.search(line):
                values = {k: v for k, v in found.groupdict().items() if v is not None}
                rank = values.pop("rank", None)
                try:
                    read = {k: number(v) for k, v in values.items()}
                except ValueError:
                    continue
                if rank is not None:
                    self.ranks[rank] = read["params"]
                else:
                    self.facts |= read

    def _bar(self, line: str) -> None:
        """The step of the longest progress bar: shorter ones are those of evaluations."""
        for found in BAR.finditer(line):
            if (total := float(found["total"])) >= self.total:
                self.total, self.step = total, float(found["step"])


def _count_tokens(rows: list[dict[str, Any]], facts: dict[str, Any], findings: list[Finding], source: str) -> None:
    """Tokens, where the log says how many a step sees."""
    length = facts.pop("sequence_length", None)
    examples = facts.pop("examples_per_step", None)
    per_step = facts.pop("tokens_per_step", None) or (examples * length if examples and length else None)
    if any("tokens" in row for row in rows):
        return
    if length and any("samples" in row for row in rows):
        for row in rows:
            if "samples" in row:
                row["tokens"] = row["samples"] * length
        findings.append(
            Finding("tokens taken", "noted", source, f"tokens are consumed samples x {length:g}, its length")
        )
    elif per_step:
        for row in rows:
            row["tokens"] = row["step"] * per_step
        findings.append(Finding("tokens taken", "noted", source, f"tokens are step x {per_step:g}, as the log says"))


def log_by_pattern(file: SourceFile, pattern: str) -> Log:
    """The lines that a pattern finds; its named groups are the columns.

    Raises
    ------
    InputError
        If fewer than 2 lines fit.
    """
    wanted = re.compile(pattern)
    matches = (wanted.search(line) for line in _clean(file.lines()))
    rows = [{k: _value(v) for k, v in found.groupdict().items() if v is not None} for found in matches if found]
    if len(rows) < FEWEST:
        raise InputError(
            f"--pattern needs lines that it fits; got {len(rows)} in {file.name}. Try it on one line of the log first."
        )
    return Log(table=table_of_rows(rows))


def _value(text: str) -> Any:
    try:
        return number(text)
    except ValueError:
        return logged_number(text)


TEXT_LOG = Reader(what="text logs of training programs", reads=_reads, log=_log, rank=6)
