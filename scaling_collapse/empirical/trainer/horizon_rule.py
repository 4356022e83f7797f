"""How long each size of a ladder trains."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ...common import PFLOP, InputError

__all__ = ["Horizon"]


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """Tokens to train on as a function of the parameters: exactly one of four rules.

    Parameters
    ----------
    kappa, gamma
        `t* = kappa p^gamma`.
    scale, exponent
        `t* = C* / (6 p)` with `C* = 1e15 (p / scale)^exponent` FLOPs, the published form.
    tokens_per_parameter
        `t* = tokens_per_parameter p`.
    tokens
        The same for every size.
    times
        Multiplies the rule's result, > 0; more than 1 over-trains.

    Examples
    --------
    >>> Horizon(kappa=10.0, gamma=1.0)(1600)
    16000.0
    """

    kappa: float | None = None
    gamma: float | None = None
    scale: float | None = None
    exponent: float | None = None
    tokens_per_parameter: float | None = None
    tokens: float | None = None
    times: float = 1.0

    def __post_init__(self) -> None:
        rules = (("kappa", "gamma"), ("scale", "exponent"), ("tokens_per_parameter",), ("tokens",))
        told = [rule for rule in rules if any(getattr(self, name) is not None for name in rule)]
        if len(told) != 1 or any(getattr(self, name) is None for name in told[0]):
            given = ", ".join(f.name for f in fields(self) if f.name != "times" and getattr(self, f.name) is not None)
            raise InputError(
                "Horizon needs one rule: kappa and gamma, scale and exponent, tokens_per_parameter, or tokens; got "
                f"{given or 'none'}. Give one of them, whole."
            )
        for name in ("kappa", "scale", "tokens_per_parameter", "tokens", "times"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"Horizon needs a positive `{name}`; got {value}. See the preset `demo`.")
        for name in ("gamma", "exponent"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InputError(f"Horizon needs a finite `{name}`; got {value}. With gamma 0 all train equally long.")

    def __call__(self, params: float) -> float:
        """`t*(p)`, tokens."""
        if self.kappa is not None and self.gamma is not None:
            return self.times * self.kappa * params**self.gamma
        if self.scale is not None and self.exponent is not None:
            return self.times * PFLOP * (params / self.scale) ** self.exponent / (6.0 * params)
        if self.tokens_per_parameter is not None:
            return self.times * self.tokens_per_parameter * params
        assert self.tokens is not None
        return self.times * self.tokens
