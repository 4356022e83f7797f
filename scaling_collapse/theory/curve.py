"""`LossCurve`: the loss of one training run against tokens, immutable and validated.

Symbols (the whole project uses them): `t` tokens seen, `p` parameters, `C = 6 t p` training compute in FLOPs,
`t*` the compute-optimal horizon, `x = t / t*` normalized compute.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from ..common import Array, Framed, InputError, Painted, Rebuilt, count

__all__ = ["Clock", "LossCurve"]

LARGEST_LOSS = 1e60
Clock = Literal["tokens", "steps"]
"""What a curve's `tokens` count."""


def _frozen_array(run: str, name: str, values: ArrayLike, length: int | None) -> Array:
    """A read-only float64 copy, one-dimensional and finite, or an `InputError` that names what is wrong."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"LossCurve(run={run!r}) needs numbers in `{name}`; got {error}.") from None
    if array.ndim != 1:
        raise InputError(f"LossCurve(run={run!r}) needs a one-dimensional `{name}`; got shape {array.shape}.")
    if length is not None and array.size != length:
        raise InputError(
            f"LossCurve(run={run!r}) needs as many values of `{name}` as of `tokens` ({length}); got {array.size}."
        )
    if not np.isfinite(array).all():
        at = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InputError(
            f"LossCurve(run={run!r}) needs finite values of `{name}`; got {array[at]} at point {at}. "
            "Drop such points first (read_curves does, and reports it)."
        )
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class LossCurve(Rebuilt, Framed, Painted):
    r"""The loss `L(t)` of one run of `p` parameters, at increasing tokens `t`, up to and perhaps past `t*`.

    Parameters
    ----------
    run
        Name, unique within a ladder.
    params
        `p`, number of parameters, > 0.
    tokens
        `t`, shape (n,), tokens or examples seen, >= 0, strictly increasing. Where a source knows only steps,
        steps stand in (`clock="steps"`): relative progress is right, absolute compute is not.
    loss
        `L(t)`, shape (n,), finite.
    seed
        `omega`, or None where the source does not say.
    horizon_tokens
        `t*`, > 0; default the last point. The curve may go on past it; it must reach it.
    lr
        `eta(t)`, shape (n,), peak value included, or None.
    compute
        `C(t)`, shape (n,), FLOPs, strictly increasing; default `6 p t`.
    noise_trace
        `Tr Sigma(t)`, shape (n,), of the preconditioned minibatch gradient, or None.
    schedule
        Name of the learning-rate schedule, or None.
    clock
        `"tokens"` or `"steps"`: what `tokens` counts.
    extra
        Any other columns of the source, by name: arrays of shape (n,), or one value for the run.

    Raises
    ------
    InputError
        If an array is not one-dimensional, finite and of the right length, if `tokens` or `compute` do not
        increase, if `params` is not positive, or if the curve ends before `horizon_tokens`.

    Examples
    --------
    >>> curve = LossCurve(run="a", params=1000, tokens=[1e4, 2e4, 4e4], loss=[3.0, 2.5, 2.2])
    >>> curve
    LossCurve 'a': 1k parameters, 3 points to 40k tokens, final loss 2.2
    >>> curve.horizon_compute
    240000000.0
    >>> curve.loss_at([3e4])
    array([2.35])
    """

    LINES_SHOWN: ClassVar[int] = 0

    run: str
    params: float
    tokens: Array
    loss: Array
    seed: int | None = None
    horizon_tokens: float = math.nan
    lr: Array | None = None
    compute: Array = field(default=None)  # type: ignore[assignment]  # filled in __post_init__
    noise_trace: Array | None = None
    schedule: str | None = None
    clock: Clock = "tokens"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        run = self.run
        if not (math.isfinite(self.params) and self.params > 0):
            raise InputError(f"LossCurve(run={run!r}) needs a positive number of `params`; got {self.params}.")
        tokens = _frozen_array(run, "tokens", self.tokens, None)
        if tokens.size < 2:
            raise InputError(
                f"LossCurve(run={run!r}) needs at least 2 points; got {tokens.size}. Log the run more often."
            )
        if tokens[0] < 0:
            raise InputError(f"LossCurve(run={run!r}) needs `tokens` >= 0; got {tokens[0]:g}.")
        set_(self, "tokens", tokens)
        set_(self, "loss", _frozen_array(run, "loss", self.loss, tokens.size))
        _check_losses(run, self.loss)
        for name in ("lr", "noise_trace"):
            values = getattr(self, name)
            if values is not None:
                set_(self, name, _frozen_array_with_gaps(run, name, values, tokens.size))
        compute = 6.0 * self.params * tokens if self.compute is None else self.compute
        set_(self, "compute", _frozen_array(run, "compute", compute, tokens.size))
        for name in ("tokens", "compute"):
            steps = np.diff(getattr(self, name))
            if not (steps > 0).all():
                at = int(np.flatnonzero(steps <= 0)[0])
                raise InputError(
                    f"LossCurve(run={run!r}) needs strictly increasing `{name}`; got {getattr(self, name)[at]:g} "
                    f"then {getattr(self, name)[at + 1]:g} at point {at + 1}. Sort the points and merge repeats."
                )
        if math.isnan(self.horizon_tokens):
            set_(self, "horizon_tokens", float(tokens[-1]))
        if not (tokens[0] <= self.horizon_tokens <= tokens[-1] and self.horizon_tokens > 0):
            raise InputError(
                f"LossCurve(run={run!r}) needs `horizon_tokens` within its points ({tokens[0]:g} to "
                f"{tokens[-1]:g}); got {self.horizon_tokens:g}. Leave out runs that stopped before their horizon."
            )
        if self.clock not in get_args(Clock):
            raise InputError(f"LossCurve(run={run!r}) needs `clock` 'tokens' or 'steps'; got {self.clock!r}.")
        set_(self, "extra", MappingProxyType(dict(self.extra)))

    def headline(self) -> str:
        """Name, size, length and final loss."""
        return (
            f"LossCurve {self.run!r}: {count(self.params)} parameters, {len(self)} points to "
            f"{count(self.horizon_tokens)} {self.clock}, final loss {self.horizon_loss:.5g}"
        )

    def lines(self) -> list[tuple[str, str]]:
        """What was logged, and how."""
        logged = ("lr", "noise_trace", *self.extra)
        known = [name for name in logged if name in self.extra or getattr(self, name) is not None]
        return [
            ("parameters", f"{self.params:.10g}"),
            ("horizon", f"{self.horizon_tokens:.6g} {self.clock}"),
            ("compute at the horizon", f"{self.horizon_compute:.4g} FLOPs"),
            ("final loss", f"{self.horizon_loss:.6g}"),
            ("first point", f"loss {self.loss[0]:.6g} after {self.tokens[0]:.6g} {self.clock}"),
            ("seed", "unknown" if self.seed is None else str(self.seed)),
            ("schedule", self.schedule or "unknown"),
            ("more columns", ", ".join(known) or "none"),
        ]

    def to_columns(self) -> dict[str, Any]:
        """The run as rows of a curve table: values of the run are repeated, what is absent has no column."""
        n = len(self)
        columns: dict[str, Any] = {"run": [self.run] * n, "params": np.full(n, self.params)}
        if self.seed is not None:
            columns["seed"] = [self.seed] * n
        columns["tokens" if self.clock == "tokens" else "step"] = self.tokens
        columns["loss"] = self.loss
        columns["compute"] = self.compute
        columns["horizon_tokens"] = np.full(n, self.horizon_tokens)
        if self.schedule is not None:
            columns["schedule"] = [self.schedule] * n
        for name in ("lr", "noise_trace"):
            if getattr(self, name) is not None:
                columns[name] = getattr(self, name)
        for name, value in self.extra.items():
            columns[name] = value if isinstance(value, np.ndarray) else [value] * n
        return columns

    def __len__(self) -> int:
        return self.tokens.size

    def loss_at(self, tokens: ArrayLike) -> Array:
        """`L(t)` by linear interpolation in tokens; NaN outside the logged range."""
        return np.interp(np.asarray(tokens, dtype=np.float64), self.tokens, self.loss, left=np.nan, right=np.nan)

    @property
    def horizon_loss(self) -> float:
        """`L(t*)`, the loss at the horizon."""
        return float(np.interp(self.horizon_tokens, self.tokens, self.loss))

    @property
    def horizon_compute(self) -> float:
        """`C(t*)` in FLOPs, by linear interpolation in tokens."""
        return float(np.interp(self.horizon_tokens, self.tokens, self.compute))

    @property
    def decay_fraction(self) -> float | None:
        """The share of training over which the rate decays: a finite number in column `decay_fraction`, else None."""
        value = np.ravel(self.extra.get("decay_fraction", np.nan))[0]
        return float(value) if isinstance(value, Real) and math.isfinite(value) else None


def _check_losses(run: str, loss: Array) -> None:
    """Refuse losses whose squares and ratios floating point cannot hold; float32 holds none of them either."""
    bad = np.flatnonzero((np.abs(loss) > LARGEST_LOSS) | ((loss != 0) & (np.abs(loss) < 1 / LARGEST_LOSS)))
    if bad.size:
        raise InputError(
            f"LossCurve(run={run!r}) needs losses of 1e-60 to 1e60 in size, or 0; got {loss[bad[0]]:g} at point "
            f"{bad[0]}. Is it the loss? If so, change its unit."
        )


def _frozen_array_with_gaps(run: str, name: str, values: ArrayLike, length: int) -> Array:
    """As `_frozen_array`, but NaN is allowed: optional columns are often logged less often than the loss."""
    array = np.array(values, dtype=np.float64)
    finite = _frozen_array(run, name, np.nan_to_num(array, nan=0.0, posinf=np.inf, neginf=-np.inf), length)
    array = np.where(np.isnan(array), np.nan, finite)
    array.flags.writeable = False
    return array
