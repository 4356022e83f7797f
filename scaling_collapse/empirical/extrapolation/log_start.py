"""Where in training the logs of a ladder's runs begin."""

from __future__ import annotations

from ...common import InputError
from ...theory import Ladder

__all__ = ["require_early_logs"]

LATEST_START = 0.5
"""Where in its training a run's log may begin at the latest."""


def require_early_logs(ladder: Ladder, who: str) -> float:
    """The progress from which on all runs have logged; an `InputError` in the name of `who` if that is too late."""
    late = max(ladder, key=lambda c: c.tokens[0] / c.horizon_tokens)
    start = late.tokens[0] / late.horizon_tokens
    if start > LATEST_START:
        raise InputError(
            f"{who} needs curves that are logged from the first half of training on; got run {late.run!r} from "
            f"{start:.0%} of its horizon on. Log earlier, or leave the run out."
        )
    return float(start)
