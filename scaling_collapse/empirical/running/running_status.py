"""`RunningStatus`: whether the forecast of a run in progress is to be relied on, and if not, why."""

from enum import StrEnum

__all__ = ["SENTENCES", "RunningStatus"]


class RunningStatus(StrEnum):
    """The most serious of what was found; the forecast's warnings say all of it."""

    OK = "ok"
    ONE_SIZE = "one reference size"
    """How the shape drifts with size is unknown: the band rests on what is usual."""
    FAR = "far from the references"
    """More than ten times larger or smaller than the nearest."""
    OTHER_MULTIPLE = "no reference of this multiple"
    """References were trained shorter or longer for their size: the band is wide."""
    UNLIKE = "unlike its references"
    """What was seen of the run does not go with them; the band was widened by as much."""
    TOO_EARLY = "too early"
    """Nothing is forecast."""
    FINISHED = "finished"
    """The run has reached its horizon."""


SENTENCES = {
    RunningStatus.ONE_SIZE: "all references have {size} parameters: how curves change with size is unknown, and the "
    "band rests on what is usual",
    RunningStatus.FAR: "the nearest reference differs by a factor {ratio:.3g} in size",
    RunningStatus.OTHER_MULTIPLE: "no reference is trained as long for its size as this run: how the length changes "
    "the curve was taken from other lengths where there are two, and else from what is usual",
    RunningStatus.UNLIKE: "what was seen of the run does not go with its references (one chance in a thousand). "
    "The band was widened by as much; look at the run, and at the choice of references",
    RunningStatus.TOO_EARLY: "{progress:.1%} of training is too early, or logged too rarely: nothing is forecast "
    "before {first:.0%}, from where on run and references are compared, and a few more logged points",
    RunningStatus.FINISHED: "the run has reached its horizon: nothing is left to forecast",
}
"""What each of them says to people."""
