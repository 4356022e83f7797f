"""Fits: the law of final losses, the compute-optimal horizon, two terms on whole curves, the seed bootstrap."""
