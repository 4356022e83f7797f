"""Laws that predict a loss curve from its learning rates: one file each, one interface, one fit."""

from __future__ import annotations

from . import momentum, multi_power, noise_law, one_power, response, traced_response
from .law_solution import LawSolution, solve_law
from .rates import Rates, Units, rates_of
from .schedule_law import REGISTRY, Parameter, ScheduleLaw
from .trunk import Trunk, build_trunk

__all__ = [
    "REGISTRY",
    "LawSolution",
    "Parameter",
    "Rates",
    "ScheduleLaw",
    "Trunk",
    "Units",
    "build_trunk",
    "rates_of",
    "solve_law",
]

_LAWS = (momentum, multi_power, noise_law, one_power, response, traced_response)
"""Importing a law registers it."""
