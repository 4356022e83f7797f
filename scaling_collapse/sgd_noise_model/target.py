"""What is forecast: runs that are known by their learning rates, and have no loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ..common import Array, InputError, Rebuilt, Result, count
from ..theory import IntegrityReport, LossCurve
from ..theory.curve import Clock

__all__ = ["Target", "Targets"]


@dataclass(frozen=True, eq=False, repr=False)
class Target(Rebuilt, Result):
    """A run to forecast: its learning rates, and no loss.

    Parameters
    ----------
    run, params
        Name and number of parameters.
    tokens
        `t` of the points wanted, shape (n,), tokens or steps as in the calibration runs, increasing, >= 0.
    lr
        `eta` at these points, shape (n,), >= 0; NaN where it was not logged.
    clock
        What `tokens` counts, `"tokens"` or `"steps"`, where that is known: it must be as in the calibration runs.
    noise_trace
        `Tr Sigma`, shape (n,): only for the published noise law, which works in hindsight.
    seed, schedule
        As in `LossCurve`; they are carried along.
    compute
        `C` at the points, shape (n,), FLOPs, or None for 6 p t; carried along.
    extra
        Any other columns of the source, carried along.
    """

    LINES_SHOWN: ClassVar[int] = 0

    run: str
    params: float
    tokens: Array
    lr: Array
    _: KW_ONLY
    clock: Clock | None = None
    noise_trace: Array | None = None
    seed: int | None = None
    schedule: str | None = None
    compute: Array | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))

    @classmethod
    def of(cls, curve: LossCurve, *, hindsight: bool = False) -> Target:
        """The rates of a run, its loss left behind (and its noise, unless in hindsight)."""
        if curve.lr is None:
            raise InputError(
                f"forecast needs learning rates in column `lr`; got none for run {curve.run!r}. Add the column."
            )
        return cls(
            curve.run,
            curve.params,
            curve.tokens,
            curve.lr,
            clock=curve.clock,
            noise_trace=curve.noise_trace if hindsight else None,
            seed=curve.seed,
            schedule=curve.schedule,
            compute=curve.compute,
            extra=curve.extra,
        )

    def with_loss(self, loss: Array, **extra: Any) -> LossCurve:
        """The run as a curve with this loss, shape (n,), and more columns beside those that were carried along."""
        return LossCurve(
            run=self.run,
            params=self.params,
            tokens=self.tokens,
            loss=loss,
            seed=self.seed,
            lr=self.lr,
            compute=self.compute,  # type: ignore[arg-type]  # None: the default 6 p t
            noise_trace=self.noise_trace,
            schedule=self.schedule,
            clock=self.clock or "tokens",
            extra={**self.extra, **extra},
        )

    def headline(self) -> str:
        """Name, size and length."""
        end = f"{count(float(np.max(self.tokens)))} {self.clock or 'tokens or steps'}" if len(self) else "nowhere"
        return f"Target {self.run!r}: {count(self.params)} parameters, {len(self)} points to {end}"

    def __len__(self) -> int:
        return np.size(self.tokens)


@dataclass(frozen=True, eq=False, repr=False)
class Targets(Result):
    """Runs to forecast, ordered by size, then seed, then name, and what their reader found.

    Parameters
    ----------
    targets
        At least one `Target`; run names are unique.
    integrity
        What the reader dropped, merged or repaired; empty for targets made in memory.

    Raises
    ------
    InputError
        If there is no target, or if two share a name.

    Examples
    --------
    >>> one = Target("a", 1e6, np.array([1.0, 2.0]), np.array([1e-3, 0.0]))
    >>> Targets([one])
    Targets: 1 size, 1 run, 2 points
      a  1M parameters, 2 points
    """

    targets: tuple[Target, ...]
    integrity: IntegrityReport = field(default_factory=IntegrityReport)

    def __init__(self, targets: Iterable[Target], integrity: IntegrityReport | None = None) -> None:
        def order(target: Target) -> tuple[float, float, str]:
            return target.params, np.inf if target.seed is None else target.seed, target.run

        ordered = tuple(sorted(targets, key=order))
        if not ordered:
            raise InputError("Targets needs at least 1 target; got none.")
        seen: set[str] = set()
        for target in ordered:
            if target.run in seen:
                raise InputError(f"Targets needs run names that differ; got {target.run!r} twice. Rename one.")
            seen.add(target.run)
        object.__setattr__(self, "targets", ordered)
        object.__setattr__(self, "integrity", integrity if integrity is not None else IntegrityReport())

    def __len__(self) -> int:
        return len(self.targets)

    def __iter__(self) -> Iterator[Target]:
        return iter(self.targets)

    def headline(self) -> str:
        """How many sizes, runs and points."""
        sizes, points = {t.params for t in self.targets}, sum(map(len, self.targets))
        counts = ((len(sizes), "size"), (len(self), "run"), (points, "point"))
        return "Targets: " + ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts)

    def lines(self) -> list[tuple[str, str]]:
        """Every run."""
        return [(t.run, f"{count(t.params)} parameters, {len(t)} points") for t in self.targets]
