"""`Status`: what an extrapolation may be trusted for, as one word."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """The worst that was found; `OK` only where every check passed."""

    OK = "ok"
    """The checks passed: sizes collapse, one exponent, and the largest size was predicted from the smaller ones."""
    NOT_CHECKED = "not checked"
    """No fault was found, but the ladder is too small or too noisy to have shown one that matters."""
    UNIDENTIFIED = "L0 not identified"
    """The interval of L0 is wider than the smallest reducible loss; the band has what that costs."""
    MISSED = "largest size missed"
    """Leaving out the largest size, its loss lay far outside of the band."""
    BENDS = "exponent changes"
    """At the offset at which curves collapse, the final losses do not follow one power law."""
    NO_COLLAPSE = "no collapse"
    """The sizes do not share a curve, or its shape drifts with size."""
    FAR = "far from the ladder"
    """The size is further from the ladder than 3 times the ladder's own span."""
    NO_INTERVALS = "no intervals"
    """End points only, 3 sizes of one seed: how far off the prediction is, is unknown."""
    NOT_POSITIVE = "losses not positive"
    """Nothing is predicted."""
    NOT_DECREASING = "not a decreasing law"
    """Nothing is predicted."""

    @property
    def claimed(self) -> bool:
        """Whether a curve is predicted."""
        return self not in (Status.NOT_POSITIVE, Status.NOT_DECREASING)
