r"""`ScalingLaw`: a sum of power laws, with the compute optimum and the normalized curves that follow from it.

Source: Qiu et al. 2025 (arXiv 2507.02119), section 3.1.
"""

from __future__ import annotations

from .compute_optimal import ComputeOptimal, compute_optimal
from .exact_arithmetic import ExprLike
from .normalized_curve import NormalizedCurve, normalized_curve
from .power_law_sum import PowerLawSum

__all__ = ["ScalingLaw"]


class ScalingLaw(PowerLawSum):
    r"""`L(t, p) = L0 + sum_i a_i t^-mu_i p^-nu_i`, with symbols or numbers.

    Parameters
    ----------
    law
        A string such as `"L0 + a*t**-mu + b*p**-nu"` or a sympy expression in symbols called `t` and `p`. Products
        and powers are expanded; all symbols are positive; decimals are exact (`0.6` is 3/5).
    terms, L0
        Instead of `law`: the terms, and the irreducible loss.

    Raises
    ------
    InputError
        If the law is not a sum of power laws (the message names the part), if a coefficient is not positive, or if
        no growth `t ~ p^gamma` makes every term fall.

    Examples
    --------
    >>> law = ScalingLaw("1.69 + 410.7*t**-0.28 + 406.4*p**-0.34")
    >>> float(law(1.4e12, 7e10))
    1.9366
    >>> ScalingLaw("(t**-0.5 + p**-0.5)**2").terms[1]
    Term(a=2, mu=1/2, nu=1/2)
    """

    def compute_optimal(self) -> ComputeOptimal:
        """The compute-optimal horizon `t* = kappa p^gamma` and the frontier; see `ComputeOptimal`."""
        return compute_optimal(self)

    def normalized_curve(self, gamma: ExprLike | None = None, kappa: ExprLike | None = None) -> NormalizedCurve:
        """The normalized curve `l(x, p)` at the horizon `kappa p^gamma`; see `NormalizedCurve`."""
        return normalized_curve(self, gamma, kappa)
