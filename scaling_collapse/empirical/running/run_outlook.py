"""`run_outlook`: the rest of one run, from its references and what was seen of it."""

from __future__ import annotations

import numpy as np

from ...theory import LossCurve
from .family_model import family_prior
from .reference_choice import ReferenceChoice
from .shape_prior import Outlook, ShapePrior

__all__ = ["run_outlook", "run_prior"]

POINTS = 60
"""Of the rest of the curve."""
DRIFTS_PER_LEVEL = (0.0, -0.4)
"""Likely drifts of the shape, per slope of the level with size: none, as where `L / L(T)` collapses, or that of an
irreducible part c of the loss, -c / (1 - c), which flattens larger sizes; its mean over c from 0 to 1/2 is -0.4."""
FEWEST = 3
"""Cells that must be seen of a run."""


def run_prior(choice: ReferenceChoice, partial: LossCurve, horizon: float) -> ShapePrior:
    """What the references say of the run; of the run itself, only its level enters."""
    slope = choice.level_slope(partial, horizon)
    drifts = (0.0, -0.03)
    return family_prior(choice.shapes(), size=float(np.log(choice.params)), multiple=choice.multiple, mean_drift=drifts)


def run_outlook(choice: ReferenceChoice, partial: LossCurve, horizon: float, level: float) -> Outlook | None:
    """The rest of the run, or None where too little was seen of it."""
    prior = run_prior(choice, partial, horizon)
    x = partial.tokens / horizon
    seen = prior.grid.cells(x, np.log(partial.loss - choice.offset))
    if len(seen) < FEWEST:
        return None
    return prior.outlook(seen, np.linspace(x[-1], 1.0, POINTS), level=level)
