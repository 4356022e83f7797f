"""What happens between two phases: where logarithms appear, and where the compute-optimal horizon jumps.

Source of the map: Paquette et al. 2024 (arXiv 2405.15074); the statements follow from the terms in `phase_table`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...common import Result
from .phase_exponents import check_phase_point, phase_of
from .phase_table import ALPHA_IV, PHASE_TABLE

__all__ = ["PhaseBoundary", "phase_boundary"]


@dataclass(frozen=True, kw_only=True)
class PhaseBoundary(Result):
    """What happens on a boundary between two phases.

    Parameters
    ----------
    phases
        The phases that meet.
    logarithm
        Whether a term carries `ln p` or `ln t`, so that power laws hold only up to logarithms.
    gamma
        `gamma*` on either side, in the order of `phases`; equal unless the compute-optimal horizon jumps.
    statement
        One sentence for a person.
    """

    phases: tuple[str, str]
    logarithm: bool
    gamma: tuple[float, float]
    statement: str


def phase_boundary(alpha: float, beta: float, *, tolerance: float = 1e-9) -> PhaseBoundary | None:
    """The boundary on which `(alpha, beta)` lies, or None. Where several meet, the first of the list below.

    The frontier's exponent is continuous across every boundary; gamma* across all but the one in phase IV.

    >>> phase_boundary(0.7, 0.7).gamma
    (1.0, 1.0)
    """
    a, b = (float(e) for e in check_phase_point("phase_boundary", alpha, beta))

    def near(value: float, boundary: float) -> bool:
        return abs(value - boundary) <= tolerance

    if near(a, 0.5):
        phases = ("Ib", "Ia") if b < 0.5 else ("IVa", "III")
        return _boundary(phases, True, a, b, "the spectrum sums to ln p, so a stable learning rate falls as 1/ln p")
    if near(b, 0.5):
        upper = str(phase_of(a, 0.5))
        rough = "Ia" if a > 0.5 else "Ib"
        return _boundary((rough, upper), True, a, b, "F0 gains a factor ln p, to which the target's squares sum")
    if near(a, 0.25) and b > 0.5:
        return _boundary(
            ("Ic", "IVb"), True, a, b, "the squared spectrum sums to ln p, so Kpp changes by logarithms only"
        )
    if near(a, ALPHA_IV) and b > 0.5:
        between = "Kpp has mu = nu, so every gamma between the two sides reaches the same frontier exponent"
        return _boundary(("IVb", "IVa"), False, a, b, between)
    if near(a, b) and a > 0.5:
        return _boundary(("II", "III"), False, a, b, "Fpp and Kpp fall alike and add up, without a logarithm")
    return None


def _boundary(phases: tuple[str, str], logarithm: bool, a: float, b: float, statement: str) -> PhaseBoundary:
    one, two = (float(PHASE_TABLE[name].gamma(a, b)) for name in phases)
    between = f"Between {phases[0]} and {phases[1]}: {statement}."
    return PhaseBoundary(phases=phases, logarithm=logarithm, gamma=(one, two), statement=between)
