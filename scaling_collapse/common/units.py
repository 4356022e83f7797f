"""Units in which people read numbers; computations are in FLOPs, tokens and parameters."""

__all__ = ["PFLOP"]

PFLOP = 1e15
"""FLOPs; compute C in the coefficient `a` of fitted laws, in JSON and in pictures is in PFLOPs."""
