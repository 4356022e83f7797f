"""The lines that training programs print: one entry per program, and how its lines are read.

`rows` are patterns of lines that hold a point; a group is a column. `more` are found anywhere in such a line. `facts`
are said once: `params`, `tokens_per_step`, `examples_per_step`, `sequence_length`, `seed`. A line without a step of its
own belongs to the last step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["PROGRAMS", "Program", "number"]

N = r"[-+]?(?:\d[\d,_]*\.?\d*(?:[eE][-+]?\d+)?|nan|inf)"
SIZE = r"\d[\d,_.]*[kKmMbB]?"


@dataclass(frozen=True, kw_only=True)
class Program:
    """How one program prints.

    Parameters
    ----------
    name
        Of the program.
    rows, more, facts
        Patterns with named groups, as the module says; the first of `rows` that fits a line has it.
    pairs
        Whether lines of `name=value` follow a row and belong to it.
    """

    name: str
    rows: tuple[re.Pattern[str], ...]
    more: tuple[re.Pattern[str], ...] = ()
    facts: tuple[re.Pattern[str], ...] = field(default=())
    pairs: bool = False


def _patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(t.replace("NUM", N).replace("SIZE", SIZE), re.I) for t in texts)


def number(text: str) -> float:
    """A number as programs print it.

    >>> number("491,520"), number("123.59M"), number("-nan")
    (491520.0, 123590000.0, nan)
    """
    plain = text.replace(",", "").replace("_", "").lower()
    if "nan" in plain:
        return float("nan")
    factor = {"k": 1e3, "m": 1e6, "b": 1e9}.get(plain[-1:], 1.0)
    return float(plain[:-1] if factor != 1.0 else plain) * factor


PROGRAMS = (
    Program(
        name="Megatron-LM",
        rows=_patterns(
            r"validation loss at iteration (?P<step>\d+) \| lm loss value: (?P<val_loss>NUM)",
            r"\biteration\s+(?P<step>\d+)\s*/\s*\d+ \|",
        ),
        more=_patterns(
            r"consumed samples:\s*(?P<samples>\d+)", r"learning rate:\s*(?P<lr>NUM)",
            r"lm loss:\s*(?P<train_loss>NUM)", r"consumed tokens:\s*(?P<tokens>\d+)",
        ),
        facts=_patterns(
            r"number of parameters on \((?P<rank>[^)]*\) model parallel rank \([^)]*)\): (?P<params>\d+)",
            r"^\s*seq_length \.+ (?P<sequence_length>\d+)", r"^\s*seed \.+ (?P<seed>\d+)",
        ),
    ),
    Program(
        name="torchtitan",
        rows=_patterns(
            r"validate step:\s*(?P<step>\d+)\s+loss:\s*(?P<val_loss>NUM)",
            r"\bstep:\s*(?P<step>\d+)\s+loss:\s*(?P<train_loss>NUM)",
        ),
        more=_patterns(r"\blr:\s*(?P<lr>NUM)"),
        facts=_patterns(
            r"size: (?P<params>[\d,]+) total parameters",
            r"global batch size (?P<examples_per_step>\d+)", r"sequence length (?P<sequence_length>\d+)",
        ),
    ),
    Program(
        name="modded-nanogpt",
        rows=_patterns(r"\bstep:(?P<step>\d+)/\d+ (?=\S*(?:val|train)_loss:)"),
        more=_patterns(r"train_loss:(?P<train_loss>NUM)", r"val_loss:(?P<val_loss>NUM)"),
    ),
    Program(
        name="OLMo",
        rows=_patterns(r"\[step=(?P<step>\d+)/[\d?]+[^\]]*\]"),
        pairs=True,
    ),
    Program(
        name="nanoGPT",
        rows=_patterns(
            r"\bstep (?P<step>\d+): train loss (?P<estimated_train_loss>NUM), val loss (?P<val_loss>NUM)",
            r"\biter (?P<step>\d+): loss (?P<train_loss>NUM), time",
        ),
        more=_patterns(r"\blr (?P<lr>NUM)"),
        facts=_patterns(
            r"number of parameters: (?P<params>SIZE)", r"tokens per iteration will be: (?P<tokens_per_step>[\d,]+)"
        ),
    ),
    Program(
        name="llm.c",
        rows=_patterns(
            r"^step\s+(?P<step>\d+)/\d+ \|\s*(?:train )?loss (?P<train_loss>NUM)",
            r"^step (?P<step>\d+): train loss (?P<train_loss>NUM) \(took",
            r"^s:(?P<step>\d+) (?=t[re]l:)",
            r"^val loss:? (?P<val_loss>NUM)\s*$",
        ),
        more=_patterns(r"\| lr (?P<lr>NUM)", r" lr:(?P<lr>NUM)", r"trl:(?P<train_loss>NUM)", r"tel:(?P<val_loss>NUM)"),
        facts=_patterns(
            r"num_parameters[:| ]+(?P<params>\d+)", r"total_batch_size=(?P<tokens_per_step>\d+)",
            r"total batch size[:| ]+(?P<tokens_per_step>\d+)",
        ),
    ),
    Program(
        name="Hugging Face or axolotl",
        rows=_patterns(r"\{'(?:loss|eval_loss)': (?P<trainer>.*)\}"),
        facts=_patterns(r"Number of trainable parameters = (?P<params>[\d,]+)"),
    ),
)  # fmt: skip
"""In the order in which they are tried."""
