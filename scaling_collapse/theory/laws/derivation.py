"""From a scaling law to a statement about collapse, in steps that a person can follow and a machine can read.

`derive` puts `compute_optimal` and `normalized_curve` together: the law, its compute-optimal horizon and frontier, the
data exponents for which normalized curves collapse, and what they do at the horizon asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from ...common import InputError
from .collapse_cases import GAMMA
from .derivation_findings import Findings
from .derivation_output import to_json, to_latex, to_text
from .derivation_steps import Step, steps_of
from .exact_arithmetic import ExprLike
from .normalized_curve import NormalizedCurve, curve_at_optimum, normalized_curve
from .relations import readable
from .scaling_law import ScalingLaw

__all__ = ["Derivation", "derive"]


class Derivation(Findings):
    """What follows from a law about compute-optimal training and collapse.

    Parameters
    ----------
    law
        The law.
    optimal
        Its compute optimum, region by region.
    collapse
        For which `gamma` the curves collapse, gamma left free; see `CollapseCase`.
    curves
        The normalized curve at the gamma asked for; at the optimum of each region where none was.
    sizes
        `p` for statements about finite sizes; empty where none were asked for.
    """

    @property
    def steps(self) -> tuple[Step, ...]:
        """The derivation, sentence by sentence with its equations."""
        return tuple(steps_of(self))

    def to_text(self) -> str:
        """The steps as plain text."""
        return to_text(self.steps)

    def to_latex(self) -> str:
        """The steps as a LaTeX document of its own; it needs amsmath only."""
        return to_latex(self.steps)

    def headline(self) -> str:
        """The law."""
        return f"Derivation from L(t, p) = {readable(self.law.expr)}"

    def lines(self) -> list[tuple[str, str]]:
        """Horizon, frontier and collapse; region by region where symbols leave several."""
        curves = [(f"collapse at gamma = {readable(c.gamma)}", _collapse_in_words(c)) for c in self.curves]
        return [*self.optimal.lines(), ("curves collapse where", _relation_in_words(self.condition)), *curves]

    def to_json(self) -> dict[str, Any]:
        """The results: numbers where they are numbers, else sympy strings; the exact forms under `exact_forms`.

        `rate` is zeta of `p^-zeta`, null where the collapse is exact; `condition` relates gamma to the exponents.
        """
        return to_json(self)


def _collapse_in_words(curve: NormalizedCurve) -> str:
    if len(curve.cases) > 1:
        return f"depends on the exponents: {len(curve.cases)} cases"
    finding = {"exact": "exact", "asymptotic": "for large p", "trivial": "none: one term wins"}[curve.kind]
    return f"{finding}; limit {readable(curve.limit)}"


def _relation_in_words(condition: Any) -> str:
    """An equality as people write it, any other relation as sympy does."""
    shown = readable(condition)
    return f"{shown.lhs} = {shown.rhs}" if isinstance(shown, sympy.Eq) else str(shown)


def derive(
    law: ScalingLaw | str,
    gamma: ExprLike | None = None,
    kappa: ExprLike | None = None,
    sizes: Sequence[float] | None = None,
) -> Derivation:
    """Derive compute optimum and collapse of a law.

    Parameters
    ----------
    law
        A `ScalingLaw` or the string of one.
    gamma, kappa
        Horizon `t* = kappa p^gamma`; default the compute-optimal one.
    sizes
        `p`, at least 2 different sizes, all > 0, for the spread at finite size; needs a numeric law.

    Raises
    ------
    InputError
        If the law is not one, or if sizes are given and it has symbols or no optimum to stand for gamma.

    Examples
    --------
    >>> d = derive("t**-0.5 + p**-0.5")
    >>> d.condition, d.curves[0].kind
    (Eq(gamma, 1), 'exact')
    """
    law = ScalingLaw(law) if isinstance(law, str) else law
    optimal = law.compute_optimal()
    if gamma is None and kappa is None:
        curves = [curve_at_optimum(law, region) for region in optimal.regions if region.gamma is not None]
    else:
        curves = [normalized_curve(law, gamma, kappa)]
    chosen = () if sizes is None else tuple(float(p) for p in sizes)
    if chosen:
        if len(set(chosen)) < 2 or not all(0 < p < np.inf for p in chosen):
            raise InputError(f"derive needs at least 2 different sizes, all > 0; got {list(chosen)}.")
        if not curves:
            raise InputError(f"derive needs gamma for sizes: {optimal.regions[0].reason}. Give one.")
        curves[0](1.0, chosen[0])  # a law with symbols is refused here, by name
    free = normalized_curve(law, GAMMA, None).cases
    return Derivation(law=law, optimal=optimal, collapse=free, curves=curves, sizes=chosen)
