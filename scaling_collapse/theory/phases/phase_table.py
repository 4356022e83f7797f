r"""The seven phases in formulas: terms with their exponents, `gamma*` and the frontier's exponent.

Power-law random features with spectrum `j^-2alpha` and target `j^-beta`, trained by one-pass SGD, have a loss that is
a sum of power laws in `t` and `p`: the capacity that the model lacks (F0), what gradient flow has not learned yet, of
the target's own directions (Fpp) and of those distorted by finite size (Fac), and SGD noise (Kpp). With
`m = 1 + beta/alpha - 1/(2 alpha)` their exponents `(mu, nu)` are

| term | alpha > 1/2 | alpha < 1/2 |
|---|---|---|
| F0 | `(0, 2 alpha - max(0, 1 - 2 beta))` | the same |
| Fpp | `(m, 0)` | `(m, -(1 - 2 alpha) m)` |
| Fac | `(1 - 1/(2 alpha), 1)`, beta > 1/2 | none |
| Kpp | `(2 - 1/(2 alpha), 0)` | `(2 - 1/(2 alpha), (1 - 2 alpha)^2/(2 alpha))`, alpha > 1/4 |

For alpha < 1/2 the spectrum's sum grows with size, so stability asks for a learning rate `~ p^(2 alpha - 1)`; terms
in `eta t` then carry powers of `p`. If the learning rate or batch size scales otherwise, the nu of Fpp and Kpp shift.

Source: Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074); gamma* and the frontier's exponent follow
from `compute_optimal` and are given here in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ALPHA_IV", "PHASE_TABLE", "TERM_NAMES", "Phase"]

TERM_NAMES = ("F0", "Fpp", "Fac", "Kpp")

# In phase IVb the noise falls faster with parameters than with tokens; above this alpha it is the other way round.
ALPHA_IV = 1 - 0.5**0.5


def _m(a: Any, b: Any) -> Any:
    return 1 + b / a - 1 / (2 * a)


def _f0(a: Any, b: Any) -> Any:
    return 0 * a, 2 * a


def _f0_rough(a: Any, b: Any) -> Any:
    """F0 for beta < 1/2: a target so rough that the directions beyond the model's reach hold most of it."""
    return 0 * a, 2 * a + 2 * b - 1


def _fpp(a: Any, b: Any) -> Any:
    return _m(a, b), 0 * a


def _fpp_hard(a: Any, b: Any) -> Any:
    return _m(a, b), -(1 - 2 * a) * _m(a, b)


def _fac(a: Any, b: Any) -> Any:
    return 1 - 1 / (2 * a), 1 + 0 * a


def _kpp(a: Any, b: Any) -> Any:
    return 2 - 1 / (2 * a), 0 * a


def _kpp_hard(a: Any, b: Any) -> Any:
    return 2 - 1 / (2 * a), (1 - 2 * a) ** 2 / (2 * a)


@dataclass(frozen=True)
class Phase:
    """Terms kept, `gamma*` and frontier exponent; functions of alpha and beta, arrays or sympy alike."""

    terms: Mapping[str, Callable[[Any, Any], Any]]
    gamma: Callable[[Any, Any], Any]
    exponent: Callable[[Any, Any], Any]


PHASE_TABLE = {
    "Ia": Phase(
        {"F0": _f0_rough, "Fpp": _fpp},
        lambda a, b: 2 * a,
        lambda a, b: (2 * a + 2 * b - 1) / (2 * a + 1),
    ),
    "Ib": Phase(
        {"F0": _f0_rough, "Fpp": _fpp_hard},
        lambda a, b: 1 + 0 * a,
        lambda a, b: (2 * a + 2 * b - 1) / 2,
    ),
    "Ic": Phase(
        {"F0": _f0, "Fpp": _fpp_hard},
        lambda a, b: 4 * a**2 / (2 * a + 2 * b - 1) + 1 - 2 * a,
        lambda a, b: a * (2 * a + 2 * b - 1) / (3 * a + 2 * b - 2 * a * b - 1),
    ),
    "II": Phase(
        {"F0": _f0, "Fpp": _fpp, "Fac": _fac},
        lambda a, b: a / b,
        lambda a, b: (2 * a + 2 * b - 1) / (2 * (a + b)),
    ),
    "III": Phase(
        {"F0": _f0, "Fac": _fac, "Kpp": _kpp},
        lambda a, b: 1 + 0 * a,
        lambda a, b: (4 * a - 1) / (4 * a),
    ),
    "IVa": Phase(
        {"F0": _f0, "Fpp": _fpp_hard, "Kpp": _kpp_hard},
        lambda a, b: 1 + 0 * a,
        lambda a, b: a,
    ),
    "IVb": Phase(
        {"F0": _f0, "Fpp": _fpp_hard, "Kpp": _kpp_hard},
        lambda a, b: b * (1 - 2 * a) / (b - a),
        lambda a, b: (1 - 2 * a) * (2 * a + 2 * b - 1) / (2 * (2 * b - a - 2 * a * b)),
    ),
}
