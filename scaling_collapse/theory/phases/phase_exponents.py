"""The 4+3 phases of compute-optimal training: which phase, its terms, and the horizon they ask for.

The model, its terms and the table of exponents are in `phase_table`; what happens between phases in `phase_boundary`.

Source: Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common import Array, InputError
from ..laws.exact_arithmetic import ExprLike
from ..laws.scaling_law import ScalingLaw
from ..laws.term import Term, as_expr
from .phase_table import ALPHA_IV, PHASE_TABLE, TERM_NAMES, Phase

__all__ = [
    "PHASES",
    "check_phase_point",
    "phase_exponents",
    "phase_frontier_exponent",
    "phase_gamma",
    "phase_law",
    "phase_of",
]

PHASES = tuple(PHASE_TABLE)


def phase_of(alpha: ArrayLike, beta: ArrayLike) -> NDArray[np.str_]:
    """The phase of each `(alpha, beta)`; arrays broadcast.

    A point on a boundary gets the phase on its side of larger alpha or beta; `phase_boundary` says what happens
    there.

    Parameters
    ----------
    alpha
        Exponent of the spectrum `j^-2alpha`, > 0.
    beta
        Exponent of the target `j^-beta`, > 0, with alpha + beta > 1/2: otherwise the loss at the start diverges
        with the number of dimensions.

    Raises
    ------
    InputError
        Outside that domain.

    References
    ----------
    Paquette et al. 2024, figure 2.

    Examples
    --------
    >>> print(phase_of([0.6, 0.9, 0.27], [0.52, 0.3, 0.8]))
    ['II' 'Ia' 'IVb']
    """
    a, b = check_phase_point("phase_of", alpha, beta)
    conditions = [
        (a >= 0.5) & (b < 0.5),
        (a >= 0.5) & (b < a),
        a >= 0.5,
        b < 0.5,
        a < 0.25,
        a < ALPHA_IV,
    ]
    return np.select(conditions, ["Ia", "II", "III", "Ib", "Ic", "IVb"], default="IVa")


def phase_exponents(alpha: ArrayLike, beta: ArrayLike) -> tuple[Array, Array]:
    """`(mu, nu)` of the terms F0, Fpp, Fac, Kpp, shapes (..., 4); NaN for those that the phase does not keep.

    Terms are left out where they do not exist or where a kept one falls more slowly everywhere on the way to the
    optimum. Parameters and Raises as in `phase_of`.

    >>> phase_exponents(0.6, 0.52)[0]
    array([0. , 1.03333333, 0.16666667, nan])
    """
    a, b = check_phase_point("phase_exponents", alpha, beta)
    phase = phase_of(a, b)
    exponents = np.full((2, *a.shape, len(TERM_NAMES)), np.nan)
    for name, row in PHASE_TABLE.items():
        here = phase == name
        for term, formula in row.terms.items():
            exponents[:, here, TERM_NAMES.index(term)] = formula(a[here], b[here])
    return exponents[0], exponents[1]


def phase_gamma(alpha: ArrayLike, beta: ArrayLike) -> Array:
    """`gamma*` in closed form, shape (...); parameters and Raises as in `phase_of`.

    >>> float(phase_gamma(0.6, 0.52))
    1.1538
    """
    return _by_phase("phase_gamma", alpha, beta, lambda row: row.gamma)


def phase_frontier_exponent(alpha: ArrayLike, beta: ArrayLike) -> Array:
    """The frontier's exponent `B` in `L0 + A C^-B`, in closed form, shape (...); parameters as in `phase_of`.

    >>> float(phase_frontier_exponent(0.6, 0.52))
    0.5536
    """
    return _by_phase("phase_frontier_exponent", alpha, beta, lambda row: row.exponent)


def phase_law(
    alpha: ExprLike,
    beta: ExprLike,
    *,
    phase: str | None = None,
    coefficients: Mapping[str, ExprLike] | None = None,
) -> ScalingLaw:
    """The `ScalingLaw` of the terms that a phase keeps.

    Parameters
    ----------
    alpha, beta
        As in `phase_of`; or symbols, and then `phase` says which phase is meant.
    phase
        One of `PHASES`.
    coefficients
        `a_i` by term name (F0, Fpp, Fac, Kpp); default 1. They depend on learning rate and batch size, and move
        kappa, not gamma*.

    Examples
    --------
    >>> phase_law(0.6, 0.52).compute_optimal().gamma
    15/13
    """
    a, b = as_expr(alpha), as_expr(beta)
    if a.is_number and b.is_number:
        found = str(phase_of(float(a), float(b)))
        if phase not in (None, found):
            raise InputError(f"phase_law needs the phase of alpha={a}, beta={b}, which is {found}; got {phase!r}.")
        phase = found
    if phase not in PHASE_TABLE:
        raise InputError(f"phase_law needs one of the phases {', '.join(PHASES)} for symbols; got {phase!r}.")
    given = dict(coefficients or {})
    unknown = set(given) - set(TERM_NAMES)
    if unknown:
        raise InputError(f"phase_law needs coefficients named {', '.join(TERM_NAMES)}; got {min(unknown)!r}.")
    rows = {name: formula(a, b) for name, formula in PHASE_TABLE[phase].terms.items()}
    return ScalingLaw(terms=[Term(given.get(name, 1), mu, nu) for name, (mu, nu) in rows.items()])


def _by_phase(
    name: str, alpha: ArrayLike, beta: ArrayLike, formula: Callable[[Phase], Callable[[Any, Any], Any]]
) -> Array:
    a, b = check_phase_point(name, alpha, beta)
    phase = phase_of(a, b)
    result = np.empty(a.shape)
    for row_name, row in PHASE_TABLE.items():
        here = phase == row_name
        result[here] = formula(row)(a[here], b[here])
    return result


def check_phase_point(name: str, alpha: ArrayLike, beta: ArrayLike) -> tuple[Array, Array]:
    """`alpha, beta` as arrays that broadcast, inside the domain of `phase_of`."""
    a, b = np.broadcast_arrays(np.asarray(alpha, dtype=np.float64), np.asarray(beta, dtype=np.float64))
    bad = ~((a > 0) & (b > 0) & (a + b > 0.5) & np.isfinite(a + b))
    if bad.any():
        at = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise InputError(
            f"{name} needs alpha > 0, beta > 0 and alpha + beta > 1/2; got alpha={a[at]:g}, beta={b[at]:g}."
        )
    return a, b
