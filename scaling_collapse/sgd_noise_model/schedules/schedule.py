"""What a learning-rate schedule is: a relative rate `s(x)` of training progress, and from it `eta(k)` of the step.

Symbols: `x` in [0, 1] progress (k / steps), `u` in [0, 1] progress after warm-up, `s = eta / eta_peak`, `k` the
step, counted from 0, so a run of K steps uses `eta(0) ... eta(K - 1)` and never reaches x = 1 itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ...common import Array, InputError, require

if TYPE_CHECKING:
    import torch

__all__ = ["Schedule"]


LONGEST = 800
"""Characters of a repr; a table of more rates is cut, and then does not parse."""


@dataclass(frozen=True, repr=False)
class Schedule:
    r"""A learning rate as a function of progress: `eta(k) = peak * s(k / steps)`.

    Any schedule may start with a linear warm-up over the first fraction `w` of the run:

    .. math:: s(x) = \tilde s(0) \frac{x}{w} \quad (x < w), \qquad s(x) = \tilde s\Big(\frac{x - w}{1 - w}\Big)
        \quad (x \ge w)

    with the kind's own shape `\tilde s(u)`. Two schedules with the same fields are equal.

    Parameters
    ----------
    warmup
        `w`, fraction of the run, in [0, 1); 0 is none.
    peak
        `eta_peak`, the rate at s = 1, >= 0.
    steps
        Steps of the run, >= 1, or None where only `s(x)` is wanted.

    Raises
    ------
    InputError
        If a parameter lies outside its domain; the message names it and its value.
    """

    kind: ClassVar[str] = "schedule"

    _: KW_ONLY
    warmup: float = 0.0
    peak: float = 1.0
    steps: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.warmup) and 0 <= self.warmup < 1):
            why = "; the warm-up is longer than the run" if self.warmup >= 1 else ""
            self._refuse("warmup", "in [0, 1), a fraction of the run" + why, self.warmup)
        if not (math.isfinite(self.peak) and self.peak >= 0):
            self._refuse("peak", "a finite learning rate >= 0", self.peak)
        if self.steps is not None and not (self.steps == int(self.steps) and self.steps >= 1):
            self._refuse("steps", "a whole number >= 1, or None", self.steps)
        if self.steps is not None:
            object.__setattr__(self, "steps", int(self.steps))
        self.check()

    def check(self) -> None:
        """Check the kind's own parameters; called at construction."""

    def rate(self, u: Array) -> Array:
        r"""The kind's shape `\tilde s(u)` after warm-up, for `u` in [0, 1]."""
        raise NotImplementedError

    def kinks(self) -> tuple[float, ...]:
        """Interior points `u` at which the shape is not smooth."""
        return ()

    def _refuse(self, name: str, needs: str, got: Any) -> None:
        raise InputError(f"{self.kind} needs `{name}` {needs}; got {got!r}.")

    def s(self, x: ArrayLike) -> Array:
        """The relative rate at progress `x`, any shape, clipped to [0, 1].

        Examples
        --------
        >>> from scaling_collapse.sgd_noise_model import schedules
        >>> schedules.linear(warmup=0.5).s([0.0, 0.25, 0.5, 0.75, 1.0])
        array([0. , 0.5, 1. , 0.5, 0. ])
        """
        x = np.clip(np.asarray(x, dtype=np.float64), 0.0, 1.0)
        if self.warmup == 0.0:
            return np.asarray(self.rate(x))
        start = self.rate(np.zeros(()))
        after = self.rate(np.clip((x - self.warmup) / (1.0 - self.warmup), 0.0, 1.0))
        return np.where(x < self.warmup, start * (np.minimum(x, self.warmup) / self.warmup), after)

    __call__ = s

    def eta(self, k: ArrayLike | None = None) -> Array:
        """The learning rate of step `k` (shape of `k`), or of all steps, shape (steps,)."""
        if self.steps is None:
            raise InputError(f"{self.kind}.eta needs `steps`; got None. Bind it: schedule.at(peak=..., steps=...).")
        k = np.arange(self.steps) if k is None else k
        return self.peak * self.s(np.asarray(k, dtype=np.float64) / self.steps)

    def at(self, *, peak: float | None = None, steps: int | None = None) -> Schedule:
        """The same shape bound to a peak rate and a number of steps.

        >>> from scaling_collapse.sgd_noise_model import schedules
        >>> schedules.cosine().at(peak=0.3, steps=4).eta()
        array([0.3 , 0.25606, 0.15 , 0.04393])
        """
        return replace(self, peak=self.peak if peak is None else peak, steps=self.steps if steps is None else steps)

    @property
    def name(self) -> str:
        """The shape alone as short text, for run names and tables: `linear`, `wsd(shape='cosine')`."""
        text = repr(replace(self, peak=1.0, steps=None)).removesuffix("()")
        return text if len(text) <= 80 else self.kind

    def breakpoints(self) -> Array:
        """Interior points of progress `x`, increasing, at which `s` is not smooth."""
        at = {self.warmup + (1.0 - self.warmup) * u for u in self.kinks()} | {self.warmup}
        return np.array(sorted(x for x in at if 0.0 < x < 1.0))

    def __repr__(self) -> str:
        default = {f.name: f.default for f in fields(self)}
        told = [
            f"{f.name}={_plain(getattr(self, f.name))!r}"
            for f in sorted(fields(self), key=lambda f: f.name in ("warmup", "peak", "steps"))
            if not _same(getattr(self, f.name), default[f.name])
        ]
        text = f"{self.kind}({', '.join(told)})"
        return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."

    def to_optax(self) -> Callable[[Any], Any]:
        """An optax schedule: a traceable function of the step count that returns `eta(count)`.

        The rates of all steps are tabulated here in float64; past the last step the rate stays at `eta(steps)`.
        """
        jnp = require("jax", "Schedule.to_optax", extra="jax").numpy
        table = self.eta(np.arange((self.steps or 0) + 1))

        def schedule(count: Any) -> Any:
            return jnp.asarray(table)[jnp.clip(count, 0, table.size - 1)]

        return schedule

    def to_torch(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LambdaLR:
        """A torch scheduler: every parameter group's own learning rate times `s(k / steps)`.

        The optimizer's rates stand for the peak (so per-group multipliers survive); `peak` is not used.
        """
        if self.steps is None:
            raise InputError(f"{self.kind}.to_torch needs `steps`; got None. Bind it: schedule.at(steps=...).")
        from torch.optim.lr_scheduler import LambdaLR

        steps = self.steps
        return LambdaLR(optimizer, lambda k: float(self.s(k / steps)))


def _plain(value: Any) -> Any:
    """Numbers as Python prints them, so that the repr parses."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return tuple(_plain(v) for v in value)
    return value


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)
