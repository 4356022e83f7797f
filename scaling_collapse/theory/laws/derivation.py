"""From a scaling law to a statement about collapse, in steps that a person can follow and a machine can read.

`derive` puts `compute_optimal` and `normalized_curve` together: the law, its compute-optimal horizon and frontier, the
data exponents for which normalized curves collapse, and what they do at the horizon asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike

from ...common import InputError, paint
from .collapse_cases import GAMMA
from .derivation_findings import Findings
from .derivation_output import to_json_dict, to_latex, to_text
from .derivation_steps import Step, steps_of
from .exact_arithmetic import ExprLike
from .normalized_curve import curve_at_optimum, normalized_curve
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

    def to_json_dict(self) -> dict[str, Any]:
        """The results: numbers where they are numbers, else sympy strings; the exact forms under `exact_forms`.

        `rate` is zeta of `p^-zeta`, null where the collapse is exact; `condition` relates gamma to the exponents.
        """
        return to_json_dict(self)

    def plot(self, path: Path | str | IO[bytes], *, sizes: ArrayLike | None = None, format: str = "png") -> None:
        """Draw the normalized curves of `sizes` (default the derivation's own, else 10 to 10^9) and their limit.

        Parameters
        ----------
        path
            File, whose ending decides the format, or an open binary file.
        format
            Format for an open file.
        """
        chosen = self.sizes or (1e1, 1e3, 1e5, 1e7, 1e9) if sizes is None else sizes
        paint(self, path, np.atleast_1d(np.asarray(chosen, dtype=np.float64)), format)


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
