"""The published law of the batch, and who says what about a family's numbers; the laws of tau are in `theory`."""

from __future__ import annotations

__all__ = [
    "BATCH_EXPONENT", "COMPLETEP", "FITTED_SIZES", "MUP", "POWER_LINES", "SCALING_WITH_COLLAPSE", "optimal_batch",
]  # fmt: skip

POWER_LINES = "Bergsma et al. 2025, Power Lines, arXiv 2505.13738"
SCALING_WITH_COLLAPSE = "Bergsma et al. 2025, Scaling with Collapse, arXiv 2509.25087"
COMPLETEP = "Dey et al. 2025, CompleteP, arXiv 2505.01618, table 1"
MUP = "Yang et al. 2022, arXiv 2203.03466, table 3"

BATCH_FACTOR, BATCH_EXPONENT, SEQUENCE = 0.0306, 0.383, 2048
FITTED_SIZES = (111e6, 3.3e9)
"""Parameters of the models to which the laws of batch and timescale were fitted, smallest and largest."""


def optimal_batch(tokens: float) -> float:
    """`B_opt = 2048 x 0.0306 T^0.383` tokens: the batch of the lowest final loss (Power Lines, arXiv 2505.13738).

    It depends on the tokens alone and not on the size. Fitted in sequences of 2,048 tokens; the optimum is flat.

    >>> round(optimal_batch(2.2e9))
    237246
    """
    return SEQUENCE * BATCH_FACTOR * tokens**BATCH_EXPONENT
