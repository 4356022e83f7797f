r"""Whether the normalized curves of a scaling law collapse, and onto what.

Definition, along a horizon with data exponent gamma:

.. math:: l(x, p) = \frac{L(x t^*, p) - L_0}{L(t^*, p) - L_0}
                  = \frac{\sum_i c_i\, p^{-\delta_i}\, x^{-\mu_i}}{\sum_i c_i\, p^{-\delta_i}},
          \qquad t^* = \kappa p^\gamma, \quad \delta_i = \nu_i + \gamma \mu_i, \quad c_i = a_i \kappa^{-\mu_i}.

| symbol | meaning |
|---|---|
| `x` | normalized compute `t / t*` |
| `l`, `l_inf` | normalized curve, its limit for large `p` |
| `zeta` | the deviation from the limit dies as `p^-zeta` |

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.1; `collapse_cases` derives what survives for large `p`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from ...common import Array, InputError, Result
from ..collapse import collapse_deviation, default_grid
from .along_horizon import Horizon, loss_along
from .balance import KAPPA
from .collapse_cases import (
    GAMMA,
    CollapseCase,
    CollapseKind,
    X,
    case_of,
    cases_of,
    cases_of_free_gamma,
)
from .compute_optimal import Optimum, compute_optimal
from .exact_arithmetic import ExprLike
from .law_bounds import check_size, shortened
from .law_parsing import P, T
from .loss_at_horizon import LossAtHorizon
from .power_law_sum import PowerLawSum
from .relations import readable
from .term import as_expr

__all__ = ["NormalizedCurve", "curve_at_optimum", "normalized_curve"]

Sym = Any


@dataclass(frozen=True, kw_only=True, repr=False)
class NormalizedCurve(Result):
    """`l(x, p)` of a law at the horizon `kappa p^gamma`, and how it collapses.

    Parameters
    ----------
    law, gamma, kappa, logs
        The law and the horizon, `kappa p^gamma (ln p)^logs`.
    cases
        What happens for large `p`: one case where the exponents decide, else one for each order of the deltas.

    Examples
    --------
    >>> from scaling_collapse.theory import ScalingLaw
    >>> curve = ScalingLaw("t**-0.5 + p**-0.5").normalized_curve()
    >>> curve.kind, curve.limit
    ('exact', 1/2 + 1/(2*sqrt(x)))
    >>> curve = ScalingLaw("t**-0.5 + p**-0.5").normalized_curve(gamma=1.1)
    >>> curve.kind, curve.limit, curve.zeta, curve.coefficient
    ('trivial', 1, 1/20, -1 + 1/sqrt(x))
    >>> float(curve.spread([1e3, 1e6, 1e9])[0])
    0.0955
    """

    law: PowerLawSum
    gamma: Sym
    kappa: Sym
    cases: Sequence[CollapseCase]
    logs: Sym = sympy.S.Zero

    def headline(self) -> str:
        """The law, and what its curves do."""
        kind = self.kind if len(self.cases) == 1 else f"{len(self.cases)} cases"
        return f"NormalizedCurve of L(t, p) = {readable(self.law.expr)}: {kind}"

    def lines(self) -> list[tuple[str, str]]:
        """The horizon, and the limit in every case."""
        cases = [(f"limit, {case.kind}", f"{readable(case.limit)}{_where(case)}") for case in self.cases]
        return [("gamma", str(readable(self.gamma))), ("kappa", str(readable(self.kappa))), *cases]

    @property
    def only(self) -> CollapseCase:
        """The single case; an `InputError` where the answer depends on the exponents."""
        if len(self.cases) > 1:
            raise InputError(
                f"normalized_curve needs exponents that decide between its {len(self.cases)} cases; got symbols. "
                "Read `cases`, or put numbers in with law.subs."
            )
        return self.cases[0]

    @property
    def kind(self) -> CollapseKind:
        """`"exact"`, `"asymptotic"` or `"trivial"`."""
        return self.only.kind

    @property
    def limit(self) -> Sym:
        """`l_inf(x)`."""
        return self.only.limit

    @property
    def zeta(self) -> Sym:
        """Rate of the deviation, None where exact."""
        return self.only.zeta

    @property
    def coefficient(self) -> Sym:
        """`lim p^zeta (l - l_inf)`."""
        return self.only.coefficient

    @property
    def expr(self) -> Sym:
        """`l(x, p)` as an expression in the symbols `x` and `p`."""
        case = self.cases[0]
        if len(self.cases) == 1 and case.exact:
            return case.limit
        ref = case.leading[0]
        return loss_along(self.law, self.horizon, ref) / loss_along(self.law, self.horizon, ref, sympy.S.One)

    @property
    def horizon(self) -> Horizon:
        """`t*`."""
        return Horizon(gamma=self.gamma, kappa=self.kappa, logs=self.logs)

    @property
    def numeric(self) -> bool:
        """Whether law and horizon are numbers, so that the curve can be evaluated."""
        return bool(self.law.numeric and self.gamma.is_number and self.kappa.is_number)

    @cached_property
    def _loss(self) -> LossAtHorizon:
        if not self.numeric:
            raise InputError(
                "NormalizedCurve needs numbers to be evaluated; got symbols. Write numbers for them, or use law.subs."
            )
        return LossAtHorizon(self.law, self.horizon)

    def __call__(self, x: ArrayLike, p: ArrayLike) -> Array:
        """`l(x, p)` of a numeric law; `x` and `p` broadcast against each other."""
        loss = self._loss
        x, p = np.asarray(x, dtype=np.float64), np.asarray(p, dtype=np.float64)
        if not ((x > 0).all() and (p > 0).all()):
            raise InputError(f"NormalizedCurve needs x > 0 and p > 0; got {np.min(x):g} and {np.min(p):g}.")
        return loss.normalized(x, p)

    def spread(self, sizes: ArrayLike, x: ArrayLike | None = None) -> Array:
        """The collapse deviation `Delta(x)` over noise-free curves of these sizes, shape (n,); 0 at x = 1.

        Parameters
        ----------
        sizes
            `p` of each curve, shape (sizes,), at least 2.
        x
            Normalized compute, shape (n,); default `default_grid()`.
        """
        sizes = np.atleast_1d(np.asarray(sizes, dtype=np.float64))
        x = default_grid() if x is None else np.asarray(x, dtype=np.float64)
        return collapse_deviation(self(x, sizes[:, None]), np.arange(sizes.size))


def _where(case: CollapseCase) -> str:
    rate = "" if case.zeta is None else f", from which the curves differ by p^-({case.zeta})"
    return rate if case.condition == sympy.true else f"{rate} where {case.condition}"


def normalized_curve(law: PowerLawSum, gamma: ExprLike | None = None, kappa: ExprLike | None = None) -> NormalizedCurve:
    """`l(x, p)` of `law` at the horizon `t* = kappa p^gamma`.

    Parameters
    ----------
    law
        The law; the offset is its own `L0`.
    gamma
        Data exponent, number or expression; default the compute-optimal one. The symbol `gamma` leaves it free:
        the cases then say for which values of it the curves collapse.
    kappa
        Default the compute-optimal one, or 1 where the law has no single optimum (the symbol `kappa` where it has
        symbols). It shapes the limit, never whether there is one.
    """
    if gamma is None:
        optimum = compute_optimal(law).only
        if optimum.gamma is None:
            raise InputError(f"normalized_curve needs gamma where a law has no optimum ({optimum.reason}); got none.")
        if kappa is None:
            return curve_at_optimum(law, optimum)
        gamma_, logs = optimum.gamma, optimum.horizon_logs
    else:
        gamma_, logs = as_expr(gamma, reserved=frozenset()), sympy.S.Zero
    kappa_ = _default_kappa(law) if kappa is None else as_expr(kappa, reserved=frozenset())
    for name, value in (("gamma", gamma_), ("kappa", kappa_)):
        if value.is_positive is False or value.is_finite is False or value.free_symbols & {T, P, X}:
            raise InputError(f"normalized_curve needs {name} > 0 without t, p and x; got {value}.")
    if gamma is not None:
        check_size(gamma_, "gamma", most=16)
    if kappa is not None:
        check_size(kappa_, "kappa")
    horizon = Horizon(gamma=gamma_, kappa=kappa_, logs=logs)
    cases = tuple(cases_of_free_gamma(law, kappa_) if gamma_ == GAMMA else cases_of(law, horizon))
    if not cases:
        raise InputError(
            f"normalized_curve needs terms that add up to a loss above L0 along t ~ p^gamma; got gamma = {gamma_} for "
            f"{shortened(law.expr)}, where the slowest may not. Change gamma or the negative coefficient."
        )
    return NormalizedCurve(law=law, gamma=gamma_, kappa=kappa_, cases=cases, logs=logs)


def curve_at_optimum(law: PowerLawSum, optimum: Optimum) -> NormalizedCurve:
    """The compute-optimal normalized curve in one region of the exponents."""
    horizon = optimum.horizon
    case = case_of(law, horizon, optimum.balanced, optimum.condition)
    return NormalizedCurve(law=law, gamma=horizon.gamma, kappa=horizon.kappa, cases=(case,), logs=horizon.logs)


def _default_kappa(law: PowerLawSum) -> Sym:
    regions = compute_optimal(law).regions
    if len(regions) == 1 and regions[0].kappa is not None:
        return regions[0].kappa
    return sympy.S.One if law.numeric else KAPPA
