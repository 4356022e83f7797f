"""`run_outlook`: the rest of one run, from its references and what was seen of it."""

from __future__ import annotations

import numpy as np

from ...theory import LossCurve
from .family_model import family_prior
from .reference_choice import ReferenceChoice
from .shape_prior import Outlook

__all__ = ["run_outlook"]

POINTS = 60
"""Of the rest of the curve."""
FEWEST = 3
"""Cells that must be seen of a run."""


def run_outlook(choice: ReferenceChoice, partial: LossCurve, horizon: float, level: float) -> Outlook | None:
    """The rest of the run, or None where too little was seen of it."""
    prior = family_prior(choice.shapes(), size=float(np.log(choice.params)), multiple=choice.multiple)
    x = partial.tokens / horizon
    seen = prior.grid.cells(x, np.log(partial.loss - choice.offset))
    if len(seen) < FEWEST:
        return None
    return prior.outlook(seen, np.linspace(x[-1], 1.0, POINTS), level=level)
