"""What was found about a law: what the sentences, the LaTeX and the JSON of a derivation are written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from ...common import Array, Painted
from .collapse_cases import CollapseCase
from .compute_optimal import ComputeOptimal
from .normalized_curve import NormalizedCurve
from .scaling_law import ScalingLaw

__all__ = ["Findings"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Findings(Painted):
    """A law, its compute optimum and its collapse; `Derivation` says the parameters and writes them up."""

    law: ScalingLaw
    optimal: ComputeOptimal
    collapse: Sequence[CollapseCase]
    curves: Sequence[NormalizedCurve]
    sizes: tuple[float, ...] = ()

    @property
    def condition(self) -> Any:
        """The relation between gamma and the exponents under which the curves collapse, and not trivially."""
        return sympy.Or(*(case.condition for case in self.collapse if not case.trivial))

    @property
    def spread(self) -> Array | None:
        """`Delta(x)` over `sizes` on the default grid; None without sizes."""
        return self.curves[0].spread(self.sizes) if self.sizes else None
