"""What is measured while a size trains: one row for each evaluation point, one column for each seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common import Array
from ...sgd_noise_model import schedules
from ...theory import Finding, LossCurve
from .ladder_file import LadderFile
from .size_plan import SizePlan

__all__ = ["TrainingLog"]

QUANTITIES = ("loss", "noise_trace", "noise_trace_raw", "hidden_scale", "output_scale")


@dataclass(frozen=True, kw_only=True)
class TrainingLog:
    """The measurements of one size, filled row by row.

    Parameters
    ----------
    at
        Steps of the evaluation points, shape (n,).
    values
        Each quantity's values, shape (n, S), NaN where it was not (or not yet) measured.
    measured
        Rows measured, shape (n,).
    """

    at: NDArray[np.int64]
    values: dict[str, Array]
    measured: NDArray[np.bool_]

    @classmethod
    def empty(cls, size: SizePlan) -> TrainingLog:
        """Nothing measured yet."""
        n = len(size.evaluate_at)
        values = {name: np.full((n, size.seeds), np.nan) for name in QUANTITIES}
        return cls(at=size.evaluate_at, values=values, measured=np.zeros(n, dtype=bool))

    def add(self, step: int, **quantities: Array) -> None:
        """Write what was measured after a step."""
        row = int(np.searchsorted(self.at, step))
        for name, value in quantities.items():
            self.values[name][row] = value
        self.measured[row] = True

    @property
    def all_diverged(self) -> bool:
        """Every seed has a loss that is not finite."""
        return bool((self.measured[:, None] & ~np.isfinite(self.values["loss"])).any(axis=0).all())

    @property
    def last_loss(self) -> float:
        """Mean over the finite seeds of the last loss measured; NaN before."""
        rows = self.values["loss"][self.measured]
        finite = rows[-1][np.isfinite(rows[-1])] if len(rows) else np.array([])
        return float(finite.mean()) if finite.size else float("nan")

    def runs(self, ladder: LadderFile, size: SizePlan) -> Iterator[LossCurve | Finding]:
        """A curve for each seed that stayed finite, a finding for each that did not.

        A curve has `seed`, `lr` (peak value included), `schedule`, `horizon_tokens`, `noise_trace` where it was
        measured (NaN between), and `width`, `depth`, `batch_size`, where there are any `sequence_length` (tokens of an
        example) and `weight_decay`, and what else was measured in `extra`. What is measured beside the loss may
        overflow where the loss does not: an infinite value is missing, and a finding.
        """
        tokens = (self.at * size.step_tokens).astype(np.float64)
        lr = size.peak * size.schedule.s(self.at / size.steps)
        constants: dict[str, float] = {"width": size.width, "depth": size.depth, "batch_size": size.batch_size}
        if size.example_tokens > 1:
            constants["sequence_length"] = size.example_tokens
        if size.weight_decay:
            constants["weight_decay"] = size.weight_decay
        several_depths = len(set(ladder.depths)) > 1
        for seed in range(size.seeds):
            run = f"{ladder.name}-{size.name if several_depths else f'w{size.width}'}-s{seed}"
            columns = {name: value[:, seed] for name, value in self.values.items()}
            bad = np.flatnonzero(self.measured & ~np.isfinite(columns["loss"]))
            if bad.size:
                step = self.at[bad[0]]
                detail = (
                    f"the loss of {run} became {columns['loss'][bad[0]]} at step {step}: left out, the others stay."
                )
                yield Finding("diverged run", "dropped", run, detail, len(self.at))
                continue
            yield from _infinite_probes_left_out(run, columns)
            extra = {n: c for n, c in columns.items() if n not in ("loss", "noise_trace") and not np.isnan(c).all()}
            noise = columns["noise_trace"]
            yield LossCurve(
                run=run,
                params=size.params,
                seed=seed,
                tokens=tokens,
                loss=columns["loss"],
                lr=lr,
                noise_trace=None if np.isnan(noise).all() else noise,
                schedule=schedules.parse(ladder.schedule).name,
                extra={**constants, **extra},
            )


def _infinite_probes_left_out(run: str, columns: dict[str, Array]) -> Iterator[Finding]:
    """Make the infinite values beside the loss missing ones, and say so."""
    for name, values in columns.items():
        bad = np.isinf(values)
        if name != "loss" and bad.any():
            columns[name] = np.where(bad, np.nan, values)
            detail = f"{name} of {run} is infinite at {bad.sum()} of {len(values)} points: these values are missing."
            yield Finding("infinite probe", "noted", run, detail, int(bad.sum()))
